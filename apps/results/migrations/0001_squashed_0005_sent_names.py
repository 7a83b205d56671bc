import apps.core.fields
import apps.core.migration_operations
import apps.ledger.fields
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('results', '0001_initial'), ('results', '0002_version_hours_of_prompt'), ('results', '0003_guard_findings'), ('results', '0004_acknowledgements'), ('results', '0005_sent_names')]

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
                    name='Cursor',
                    fields=[
                        ('id', models.SmallAutoField(primary_key=True, serialize=False)),
                        ('xid', apps.ledger.fields.Xid8Field()),
                    ],
                ),
                migrations.CreateModel(
                    name='Call',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('prompt', models.CharField(max_length=50)),
                        ('prompt_version', models.PositiveIntegerField()),
                        ('channel', models.CharField(blank=True, help_text='Empty: an exact version.', max_length=50)),
                        ('arm', models.CharField(blank=True, help_text='“experiment/arm”, or empty.', max_length=91)),
                        ('service', models.CharField(max_length=50)),
                        ('request_id', models.CharField(max_length=128)),
                        ('phase', models.BigIntegerField(default=0)),
                        ('subject', models.CharField(blank=True, help_text='Keyed hash.', max_length=32)),
                        ('at', models.DateTimeField(help_text='When its first attempt began.')),
                        ('outcome', models.CharField(choices=[('open', 'Under way'), ('answered', 'Answered'), ('failed', 'No answer')], max_length=8)),
                        ('flaw', models.CharField(blank=True, max_length=10)),
                        ('cached', models.BooleanField(default=False)),
                        ('attempts', models.PositiveIntegerField(default=0)),
                        ('latency_ms', models.PositiveIntegerField(help_text='From its first attempt to its answer; none of a cached one.', null=True)),
                        ('input_tokens', models.BigIntegerField(default=0)),
                        ('output_tokens', models.BigIntegerField(default=0)),
                        ('cost_pico', apps.core.fields.PicoUSDField(default=0)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['at'], name='call_at')],
                        'constraints': [models.UniqueConstraint(fields=('service', 'request_id'), name='call_once')],
                    },
                ),
                migrations.CreateModel(
                    name='Exposure',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('subject', models.CharField(help_text='Keyed hash.', max_length=32)),
                        ('arm', models.CharField(max_length=40)),
                        ('phase', models.BigIntegerField()),
                        ('first_at', models.DateTimeField()),
                        ('calls', models.BigIntegerField(default=0)),
                        ('failed', models.BigIntegerField(default=0)),
                        ('refusals', models.BigIntegerField(default=0)),
                        ('schema_failures', models.BigIntegerField(default=0)),
                        ('timed', models.BigIntegerField(default=0, help_text='Answered calls that were not cached.')),
                        ('seconds', models.FloatField(default=0, help_text='Of those that are timed.')),
                        ('cost_usd', models.FloatField(default=0)),
                        ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exposures', to='prompts.experiment')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('experiment', 'subject'), name='exposed_once')],
                    },
                ),
                migrations.CreateModel(
                    name='ExposureScore',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('scores', models.BigIntegerField(default=0)),
                        ('total', models.FloatField(default=0)),
                        ('exposure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='results.exposure')),
                        ('metric', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='prompts.metric')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('exposure', 'metric'), name='one_sum_a_metric')],
                    },
                ),
                migrations.CreateModel(
                    name='Score',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('service', models.CharField(max_length=50)),
                        ('request_id', models.CharField(max_length=128)),
                        ('value', models.FloatField()),
                        ('comment', models.CharField(blank=True, max_length=2000)),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('counted', models.FloatField(editable=False, help_text='The value in the sums.', null=True)),
                        ('xid', apps.ledger.fields.Xid8Field(db_default=apps.ledger.fields.CurrentXid(), editable=False)),
                        ('metric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='prompts.metric')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'indexes': [models.Index(fields=['xid'], name='score_xid')],
                        'constraints': [models.UniqueConstraint(fields=('service', 'request_id', 'metric'), name='one_score_a_metric')],
                    },
                ),
                migrations.CreateModel(
                    name='ScoreHour',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('prompt', models.CharField(max_length=50)),
                        ('prompt_version', models.PositiveIntegerField()),
                        ('channel', models.CharField(blank=True, help_text='Empty: an exact version.', max_length=50)),
                        ('arm', models.CharField(blank=True, help_text='“experiment/arm”, or empty.', max_length=91)),
                        ('hour', models.DateTimeField()),
                        ('scores', models.BigIntegerField(default=0)),
                        ('total', models.FloatField(default=0)),
                        ('metric', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='prompts.metric')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('prompt', 'prompt_version', 'channel', 'arm', 'hour', 'metric'), name='one_score_hour')],
                    },
                ),
                migrations.CreateModel(
                    name='VersionHour',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('prompt', models.CharField(max_length=50)),
                        ('prompt_version', models.PositiveIntegerField()),
                        ('channel', models.CharField(blank=True, help_text='Empty: an exact version.', max_length=50)),
                        ('arm', models.CharField(blank=True, help_text='“experiment/arm”, or empty.', max_length=91)),
                        ('hour', models.DateTimeField()),
                        ('calls', models.BigIntegerField(default=0)),
                        ('failed', models.BigIntegerField(default=0)),
                        ('refusals', models.BigIntegerField(default=0)),
                        ('schema_failures', models.BigIntegerField(default=0)),
                        ('cached', models.BigIntegerField(default=0)),
                        ('attempts', models.BigIntegerField(default=0)),
                        ('input_tokens', models.BigIntegerField(default=0)),
                        ('output_tokens', models.BigIntegerField(default=0)),
                        ('cost_pico', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                        ('latencies', models.JSONField(default=dict, help_text='Bucket of `apps.results.latencies` → answered calls.')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('prompt', 'prompt_version', 'channel', 'arm', 'hour'), name='one_hour_a_version')],
                        'indexes': [models.Index(fields=['prompt', 'hour'], name='version_hours_of_prompt')],
                    },
                ),
                migrations.CreateModel(
                    name='ArmHour',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('arm', models.CharField(max_length=40)),
                        ('metric', models.CharField(max_length=50)),
                        ('hour', models.DateTimeField()),
                        ('subjects', models.BigIntegerField()),
                        ('y', models.FloatField()),
                        ('yy', models.FloatField()),
                        ('x', models.FloatField()),
                        ('xx', models.FloatField()),
                        ('xy', models.FloatField()),
                        ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='prompts.experiment')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('experiment', 'metric', 'arm', 'hour'), name='one_hour_an_arm')],
                    },
                ),
                migrations.CreateModel(
                    name='GuardFinding',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('rolled_back', models.BooleanField()),
                        ('because', models.CharField(max_length=500)),
                        ('release', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='prompts.release')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "results_guardfindingevent" ("at", "because", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "release_id", "rolled_back") VALUES (NEW."at", NEW."because", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."release_id", NEW."rolled_back"); RETURN NULL;', hash='f399cbb068b90cc717e54948859bd9fcab50da6b', operation='INSERT', pgid='pgtrigger_insert_insert_76f29', table='results_guardfinding', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "results_guardfindingevent" ("at", "because", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "release_id", "rolled_back") VALUES (NEW."at", NEW."because", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."release_id", NEW."rolled_back"); RETURN NULL;', hash='f62fffd19cef9bec7f0b54d06e5d4ab8dc0b1632', operation='UPDATE', pgid='pgtrigger_update_update_c2b92', table='results_guardfinding', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "results_guardfindingevent" ("at", "because", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "release_id", "rolled_back") VALUES (OLD."at", OLD."because", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."release_id", OLD."rolled_back"); RETURN NULL;', hash='7de75e17dfb9c38bc519ba13b6f0f6a9624e52a7', operation='DELETE', pgid='pgtrigger_delete_delete_655a8', table='results_guardfinding', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='GuardFindingEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('at', models.DateTimeField()),
                        ('rolled_back', models.BooleanField()),
                        ('because', models.CharField(max_length=500)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='results.guardfinding')),
                        ('release', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='prompts.release')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Acknowledgement',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('arm', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='prompts.arm')),
                        ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('finding', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='results.guardfinding')),
                    ],
                    options={
                        'permissions': [('acknowledge_alert', 'Can acknowledge what guardrails did')],
                        'default_permissions': (),
                        'constraints': [models.CheckConstraint(condition=models.Q(('arm__isnull', True), ('finding__isnull', True), _connector='XOR'), name='acknowledges_one')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "results_acknowledgementevent" ("arm_id", "at", "by_id", "finding_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."arm_id", NEW."at", NEW."by_id", NEW."finding_id", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='5e265b4bc1bb2ea9053b37e2db580032645ff702', operation='INSERT', pgid='pgtrigger_insert_insert_0b526', table='results_acknowledgement', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "results_acknowledgementevent" ("arm_id", "at", "by_id", "finding_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."arm_id", NEW."at", NEW."by_id", NEW."finding_id", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;', hash='097ffb0d0e2b51557ac863db3edc86b488a6cdb9', operation='UPDATE', pgid='pgtrigger_update_update_a11ed', table='results_acknowledgement', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "results_acknowledgementevent" ("arm_id", "at", "by_id", "finding_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."arm_id", OLD."at", OLD."by_id", OLD."finding_id", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='f7e2fadedddbbe9428ccec097d7efdd21cfe3206', operation='DELETE', pgid='pgtrigger_delete_delete_6ace9', table='results_acknowledgement', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='AcknowledgementEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('at', models.DateTimeField()),
                        ('arm', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='prompts.arm')),
                        ('by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('finding', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='results.guardfinding')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='results.acknowledgement')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='SentNames',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('service', models.CharField(max_length=50)),
                        ('prompt', models.CharField(max_length=50)),
                        ('channel', models.CharField(max_length=50)),
                        ('variables', models.JSONField(default=list, help_text='Names, in order.')),
                        ('parameters', models.JSONField(default=list, help_text='Of tools that the caller brought: tools, functions, function_call.')),
                        ('tool', models.CharField(blank=True, help_text='The one that must be called.', max_length=64)),
                        ('digest', models.CharField(help_text='Of the names.', max_length=32)),
                        ('last_at', models.DateTimeField(help_text='The hour in which it was sent last.')),
                    ],
                    options={
                        'indexes': [models.Index(fields=['last_at'], name='sent_names_last_at')],
                        'constraints': [models.UniqueConstraint(fields=('prompt', 'channel', 'service', 'digest'), name='names_sent_once')],
                    },
                ),
            ],
        ),
    ]
