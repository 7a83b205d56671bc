import apps.core.ids
import apps.core.migration_operations
import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
from django.db import migrations, models

# The groups of the platform's roles; their permissions follow when all of them exist
# (`apps.access.roles.sync_roles`, after the migrations of the last app).
ROLES = (
    "prompt-engineer",
    "approver",
    "finance",
    "operator",
    "auditor",
    "service-developer",
    "administrator",
)


def make_groups(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for role in ROLES:
        group.objects.get_or_create(name=role)


class Migration(migrations.Migration):

    replaces = [('access', '0001_initial'), ('access', '0002_roles'), ('access', '0003_service_regions'), ('access', '0004_concurrent_calls'), ('access', '0005_service_purpose'), ('access', '0006_service_fallback_answer'), ('access', '0007_tier_importance')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('core', '0001_squashed_0002_epoch_and_extensions'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='CostCenter',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                    ],
                    options={
                        'ordering': ['slug'],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='46eb90774cc9772d18893239a7811007d979f316', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_82367', table='access_costcenter', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_costcenterevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."slug", NEW."updated_at"); RETURN NULL;', hash='03cb91576a87e8d86f9ae4bf4daf4d253cd824aa', operation='INSERT', pgid='pgtrigger_insert_insert_9cf51', table='access_costcenter', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_costcenterevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."updated_at"); RETURN NULL;', hash='a69b49fd16ec74aaf698a84b9abf7a82afda5b76', operation='UPDATE', pgid='pgtrigger_update_update_2e228', table='access_costcenter', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_costcenterevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (OLD."created_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."slug", OLD."updated_at"); RETURN NULL;', hash='badc427da077bf6de1fbb2f47befdb8a442c368e', operation='DELETE', pgid='pgtrigger_delete_delete_6de6b', table='access_costcenter', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Team',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                    ],
                    options={
                        'ordering': ['slug'],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='11ff61e790c99e699774f554622f8d0d11192b45', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_e9784', table='access_team', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_teamevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."slug", NEW."updated_at"); RETURN NULL;', hash='02219c64f26349d52d826e27efc657bf290ba62c', operation='INSERT', pgid='pgtrigger_insert_insert_17862', table='access_team', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_teamevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."updated_at"); RETURN NULL;', hash='6cc64127ff430f139cecd2755b9f509602a2ab43', operation='UPDATE', pgid='pgtrigger_update_update_9e17d', table='access_team', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_teamevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "updated_at") VALUES (OLD."created_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."slug", OLD."updated_at"); RETURN NULL;', hash='1f213cc8c25970abcc0e9e84413db70960bbf204', operation='DELETE', pgid='pgtrigger_delete_delete_7e9c5', table='access_team', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Tier',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('requests_per_second', models.PositiveIntegerField(default=50)),
                        ('burst', models.PositiveIntegerField(default=100, help_text='Requests at once after a pause.')),
                        ('tokens_per_minute', models.PositiveIntegerField(default=0, help_text='Tokens (input and output cap) a minute; 0: unlimited.')),
                        ('concurrent_calls', models.PositiveIntegerField(db_default=0, default=0, help_text='Calls that run at once; 0: unlimited.')),
                        ('importance', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='When a gateway process has too much to do, callers of tiers with less are refused first, with 503. Equal numbers are treated alike.')),
                    ],
                    options={
                        'ordering': ['slug'],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='ea8e3b35c981d79c836d092d22dd562b617ac9af', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_26440', table='access_tier', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_tierevent" ("burst", "concurrent_calls", "created_at", "id", "importance", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "requests_per_second", "slug", "tokens_per_minute", "updated_at") VALUES (NEW."burst", NEW."concurrent_calls", NEW."created_at", NEW."id", NEW."importance", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."requests_per_second", NEW."slug", NEW."tokens_per_minute", NEW."updated_at"); RETURN NULL;', hash='17fb377f9903f1930d79365c92010e5a22bb021c', operation='INSERT', pgid='pgtrigger_insert_insert_345e3', table='access_tier', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_tierevent" ("burst", "concurrent_calls", "created_at", "id", "importance", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "requests_per_second", "slug", "tokens_per_minute", "updated_at") VALUES (NEW."burst", NEW."concurrent_calls", NEW."created_at", NEW."id", NEW."importance", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."requests_per_second", NEW."slug", NEW."tokens_per_minute", NEW."updated_at"); RETURN NULL;', hash='9dd16e500ac11b608eb0fa17265403917d45583c', operation='UPDATE', pgid='pgtrigger_update_update_d3fab', table='access_tier', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_tierevent" ("burst", "concurrent_calls", "created_at", "id", "importance", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "requests_per_second", "slug", "tokens_per_minute", "updated_at") VALUES (OLD."burst", OLD."concurrent_calls", OLD."created_at", OLD."id", OLD."importance", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."requests_per_second", OLD."slug", OLD."tokens_per_minute", OLD."updated_at"); RETURN NULL;', hash='ad34a431a2281225f93b0e9dd426fc2f6485d433', operation='DELETE', pgid='pgtrigger_delete_delete_4c063', table='access_tier', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Service',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('active', models.BooleanField(default=True, help_text='Off: every key of it is refused.')),
                        ('cost_center', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='services', to='access.costcenter')),
                        ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='services', to='access.team')),
                        ('tier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.tier')),
                        ('regions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Where its data may go, separated by commas: “eu” allows eu-west-1 too. Empty: anywhere.', size=None)),
                        ('purpose', models.CharField(blank=True, choices=[('', 'Answers for callers'), ('evaluation', 'Evaluation'), ('playground', 'Playground')], db_default='', default='', help_text='What its calls are booked as. Evaluations and playgrounds stand apart from answers in every report, and have keys and budgets of their own.', max_length=10)),
                        ('fallback_answer', models.TextField(blank=True, db_default='', default='', help_text='What callers get instead of an error when every deployment failed: a text, or a JSON object for those who ask for JSON. It costs nothing, is never cached, and is marked “x-llm-degraded: fallback_answer”. Empty: they get 503. Jobs wait instead.', max_length=20000)),
                    ],
                    options={
                        'ordering': ['slug'],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='42ce162628fcbce6e4d0915998203e7d059d411f', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_ff64a', table='access_service', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_serviceevent" ("active", "cost_center_id", "created_at", "fallback_answer", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "regions", "slug", "team_id", "tier_id", "updated_at") VALUES (NEW."active", NEW."cost_center_id", NEW."created_at", NEW."fallback_answer", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."purpose", NEW."regions", NEW."slug", NEW."team_id", NEW."tier_id", NEW."updated_at"); RETURN NULL;', hash='6749857c9bdba8ed3e88ccc0a9f1fb40a743383a', operation='INSERT', pgid='pgtrigger_insert_insert_b4afe', table='access_service', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "access_serviceevent" ("active", "cost_center_id", "created_at", "fallback_answer", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "regions", "slug", "team_id", "tier_id", "updated_at") VALUES (NEW."active", NEW."cost_center_id", NEW."created_at", NEW."fallback_answer", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."purpose", NEW."regions", NEW."slug", NEW."team_id", NEW."tier_id", NEW."updated_at"); RETURN NULL;', hash='4a333989ed4ec7c8d4878d78520e28a8dbf45c39', operation='UPDATE', pgid='pgtrigger_update_update_68bcf', table='access_service', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_serviceevent" ("active", "cost_center_id", "created_at", "fallback_answer", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "purpose", "regions", "slug", "team_id", "tier_id", "updated_at") VALUES (OLD."active", OLD."cost_center_id", OLD."created_at", OLD."fallback_answer", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."purpose", OLD."regions", OLD."slug", OLD."team_id", OLD."tier_id", OLD."updated_at"); RETURN NULL;', hash='f2e999ac08d6c34922a49be61d3aac5f616f1923', operation='DELETE', pgid='pgtrigger_delete_delete_a8c82', table='access_service', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='ApiKey',
                    fields=[
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('name', models.CharField(help_text='What uses it, e.g. “checkout, production”.', max_length=100)),
                        ('prefix', models.CharField(editable=False, max_length=16, unique=True)),
                        ('key_hash', models.BinaryField(max_length=32)),
                        ('expires_at', models.DateTimeField(blank=True, null=True)),
                        ('revoked_at', models.DateTimeField(blank=True, null=True)),
                        ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='access.service')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('expires_at__gt', models.F('created_at')), _connector='OR'), name='apikey_expires_after_creation')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='3af166d361e57606b6fc7cc20151badf3316ccdf', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_ac82b', table='access_apikey', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_apikeyevent" ("created_at", "expires_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "service_id", "updated_at") VALUES (NEW."created_at", NEW."expires_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."service_id", NEW."updated_at"); RETURN NULL;', hash='b7b06fe09e96d4ef8be693b21c1fec616bc4b48c', operation='INSERT', pgid='pgtrigger_insert_insert_36a92', table='access_apikey', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."prefix" IS DISTINCT FROM (NEW."prefix") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."service_id" IS DISTINCT FROM (NEW."service_id") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at"))', func='INSERT INTO "access_apikeyevent" ("created_at", "expires_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "service_id", "updated_at") VALUES (NEW."created_at", NEW."expires_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."service_id", NEW."updated_at"); RETURN NULL;', hash='bb629a5d8d62808234bc40762562a0a02833da58', operation='UPDATE', pgid='pgtrigger_update_update_5533c', table='access_apikey', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "access_apikeyevent" ("created_at", "expires_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "service_id", "updated_at") VALUES (OLD."created_at", OLD."expires_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prefix", OLD."revoked_at", OLD."service_id", OLD."updated_at"); RETURN NULL;', hash='273faad43381f143c0486d6afc9046814a7bc6a3', operation='DELETE', pgid='pgtrigger_delete_delete_52bb1', table='access_apikey', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='CostCenterEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='access.costcenter')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='ServiceEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('active', models.BooleanField(default=True, help_text='Off: every key of it is refused.')),
                        ('cost_center', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.costcenter')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='access.service')),
                        ('team', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.team')),
                        ('tier', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.tier')),
                        ('regions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, db_default=[], default=list, help_text='Where its data may go, separated by commas: “eu” allows eu-west-1 too. Empty: anywhere.', size=None)),
                        ('purpose', models.CharField(blank=True, choices=[('', 'Answers for callers'), ('evaluation', 'Evaluation'), ('playground', 'Playground')], db_default='', default='', help_text='What its calls are booked as. Evaluations and playgrounds stand apart from answers in every report, and have keys and budgets of their own.', max_length=10)),
                        ('fallback_answer', models.TextField(blank=True, db_default='', default='', help_text='What callers get instead of an error when every deployment failed: a text, or a JSON object for those who ask for JSON. It costs nothing, is never cached, and is marked “x-llm-degraded: fallback_answer”. Empty: they get 503. Jobs wait instead.', max_length=20000)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='TeamEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='access.team')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='TierEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('requests_per_second', models.PositiveIntegerField(default=50)),
                        ('burst', models.PositiveIntegerField(default=100, help_text='Requests at once after a pause.')),
                        ('tokens_per_minute', models.PositiveIntegerField(default=0, help_text='Tokens (input and output cap) a minute; 0: unlimited.')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='access.tier')),
                        ('concurrent_calls', models.PositiveIntegerField(db_default=0, default=0, help_text='Calls that run at once; 0: unlimited.')),
                        ('importance', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='When a gateway process has too much to do, callers of tiers with less are refused first, with 503. Equal numbers are treated alike.')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='ApiKeyEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, serialize=False)),
                        ('name', models.CharField(help_text='What uses it, e.g. “checkout, production”.', max_length=100)),
                        ('prefix', models.CharField(editable=False, max_length=16)),
                        ('expires_at', models.DateTimeField(blank=True, null=True)),
                        ('revoked_at', models.DateTimeField(blank=True, null=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='access.apikey')),
                        ('service', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.service')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
