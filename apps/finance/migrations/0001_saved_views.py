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
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='SavedView',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('name', models.CharField(help_text='e.g. “Support by model, last month”.', max_length=80)),
                        ('address', models.CharField(editable=False, max_length=8000)),
                        ('is_shared', models.BooleanField(default=False, help_text='Everybody who may see costs sees it; you alone keep it.', verbose_name='shared')),
                        ('owner', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['name', 'pk'],
                        'constraints': [models.UniqueConstraint(fields=('owner', 'name'), name='one_view_of_a_name_each')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "finance_savedviewevent" ("address", "created_at", "id", "is_shared", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "updated_at") VALUES (NEW."address", NEW."created_at", NEW."id", NEW."is_shared", NEW."name", NEW."owner_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."updated_at"); RETURN NULL;', hash='89be6a570e01abcc95c2a72ee770d3045108abae', operation='INSERT', pgid='pgtrigger_insert_insert_1117d', table='finance_savedview', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "finance_savedviewevent" ("address", "created_at", "id", "is_shared", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "updated_at") VALUES (NEW."address", NEW."created_at", NEW."id", NEW."is_shared", NEW."name", NEW."owner_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."updated_at"); RETURN NULL;', hash='370175b2ff38f8a6127bc774280524b84d8f25c0', operation='UPDATE', pgid='pgtrigger_update_update_f0a64', table='finance_savedview', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "finance_savedviewevent" ("address", "created_at", "id", "is_shared", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "updated_at") VALUES (OLD."address", OLD."created_at", OLD."id", OLD."is_shared", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."updated_at"); RETURN NULL;', hash='f0d53794f6b4192506b54a3f20f00636e1c687c4', operation='DELETE', pgid='pgtrigger_delete_delete_60c71', table='finance_savedview', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='SavedViewEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('name', models.CharField(help_text='e.g. “Support by model, last month”.', max_length=80)),
                        ('address', models.CharField(editable=False, max_length=8000)),
                        ('is_shared', models.BooleanField(default=False, help_text='Everybody who may see costs sees it; you alone keep it.', verbose_name='shared')),
                        ('owner', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='finance.savedview')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
    ]
