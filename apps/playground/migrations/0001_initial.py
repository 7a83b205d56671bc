import apps.core.fields
import apps.core.migration_operations
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '__first__'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('prompts', '0001_squashed_0013_line_comments'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='PastCallLook',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('job_id', models.UUIDField()),
                        ('prompt', models.CharField(max_length=50)),
                        ('name', models.CharField(help_text='Which call, in words.', max_length=200)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        'verbose_name': 'look at a past call',
                        'verbose_name_plural': 'looks at past calls',
                        'ordering': ['-id'],
                        'permissions': [('take_past_call', 'Can take values from past calls')],
                        'default_permissions': (),
                        'indexes': [models.Index(fields=['job_id', 'actor'], name='past_call_look_of_whom')],
                        'triggers': [pgtrigger.compiler.Trigger(name='look_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f9fc434d18fdecfd11febf5e481e0b8d966d973b', operation='UPDATE OR DELETE', pgid='pgtrigger_look_append_only_245e3', table='playground_pastcalllook', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "playground_pastcalllookevent" ("actor", "at", "id", "job_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt") VALUES (NEW."actor", NEW."at", NEW."id", NEW."job_id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prompt"); RETURN NULL;', hash='95d7f5e5a3d70e792a6e8e089b9ab0b6c3feaf02', operation='INSERT', pgid='pgtrigger_insert_insert_2c903', table='playground_pastcalllook', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "playground_pastcalllookevent" ("actor", "at", "id", "job_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt") VALUES (NEW."actor", NEW."at", NEW."id", NEW."job_id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prompt"); RETURN NULL;', hash='c9f674f7f130809d2895de9b0c4fa303f6c03bbc', operation='UPDATE', pgid='pgtrigger_update_update_86dbd', table='playground_pastcalllook', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "playground_pastcalllookevent" ("actor", "at", "id", "job_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt") VALUES (OLD."actor", OLD."at", OLD."id", OLD."job_id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prompt"); RETURN NULL;', hash='f5d213285da3d0678530630fa4d86c50acc13d5e', operation='DELETE', pgid='pgtrigger_delete_delete_d3510', table='playground_pastcalllook', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='PastCallLookEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('job_id', models.UUIDField()),
                        ('prompt', models.CharField(max_length=50)),
                        ('name', models.CharField(help_text='Which call, in words.', max_length=200)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='playground.pastcalllook')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Run',
                    fields=[
                        ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ('values', models.JSONField(default=dict)),
                        ('source_job_id', models.UUIDField(blank=True, help_text='The past call that the values were taken from.', null=True)),
                        ('masked', models.BooleanField(default=False, help_text='Sensitive values were replaced.')),
                        ('cached', models.BooleanField(default=False, help_text='Whether the cache may answer.')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='prompts.prompt')),
                        ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['-created_at'],
                        'permissions': [('run_playground', 'Can run prompts in the playground')],
                        'default_permissions': (),
                        'indexes': [models.Index(fields=['prompt', '-created_at'], name='playground_run_newest')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "playground_runevent" ("cached", "created_at", "id", "masked", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "source_job_id", "started_by_id") VALUES (NEW."cached", NEW."created_at", NEW."id", NEW."masked", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prompt_id", NEW."source_job_id", NEW."started_by_id"); RETURN NULL;', hash='331c4a6171152f54835cd7c1b9b86d76eb683699', operation='INSERT', pgid='pgtrigger_insert_insert_961e5', table='playground_run', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."cached" IS DISTINCT FROM (NEW."cached") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."masked" IS DISTINCT FROM (NEW."masked") OR OLD."prompt_id" IS DISTINCT FROM (NEW."prompt_id") OR OLD."source_job_id" IS DISTINCT FROM (NEW."source_job_id") OR OLD."started_by_id" IS DISTINCT FROM (NEW."started_by_id"))', func='INSERT INTO "playground_runevent" ("cached", "created_at", "id", "masked", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "source_job_id", "started_by_id") VALUES (NEW."cached", NEW."created_at", NEW."id", NEW."masked", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prompt_id", NEW."source_job_id", NEW."started_by_id"); RETURN NULL;', hash='aca069ca6323c46cfa2d404077a8c296260a9d5e', operation='UPDATE', pgid='pgtrigger_update_update_57a1e', table='playground_run', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "playground_runevent" ("cached", "created_at", "id", "masked", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "source_job_id", "started_by_id") VALUES (OLD."cached", OLD."created_at", OLD."id", OLD."masked", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prompt_id", OLD."source_job_id", OLD."started_by_id"); RETURN NULL;', hash='9dbfdd0a8be166c59fd7b8732fbb77519496e997', operation='DELETE', pgid='pgtrigger_delete_delete_2877f', table='playground_run', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='RunEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.UUIDField(editable=False, serialize=False)),
                        ('source_job_id', models.UUIDField(blank=True, help_text='The past call that the values were taken from.', null=True)),
                        ('masked', models.BooleanField(default=False, help_text='Sensitive values were replaced.')),
                        ('cached', models.BooleanField(default=False, help_text='Whether the cache may answer.')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='playground.run')),
                        ('prompt', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='prompts.prompt')),
                        ('started_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Trial',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('position', models.PositiveSmallIntegerField(help_text='From 1.')),
                        ('label', models.CharField(help_text='The version as it was then.', max_length=80)),
                        ('model', models.CharField(help_text='Route or model that was asked for.', max_length=50)),
                        ('at_most_pico', apps.core.fields.PicoUSDField(help_text='What it was said to cost at most.', verbose_name='at most')),
                        ('job_id', models.UUIDField(unique=True)),
                        ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='trials', to='playground.run')),
                        ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='prompts.promptversion')),
                    ],
                    options={
                        'ordering': ['run', 'position'],
                        'default_permissions': (),
                        'constraints': [models.UniqueConstraint(fields=('run', 'position'), name='trial_once_in_its_column'), models.CheckConstraint(condition=models.Q(('position__gte', 1), ('position__lte', 4)), name='trial_position')],
                    },
                ),
            ],
        ),
    ]
