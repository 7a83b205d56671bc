import apps.core.migration_operations
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('routing', '0001_initial'), ('routing', '0002_strategies_canaries_shadows'), ('routing', '0003_rest_ends'), ('routing', '0004_stand_ins'), ('routing', '0005_hedge')]

    initial = True

    dependencies = [
        ('access', '0001_squashed_0007_tier_importance'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('registry', '0001_squashed_0008_slow_seconds'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Route',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('active', models.BooleanField(default=True)),
                        ('shadow_deployment', models.ForeignKey(blank=True, help_text='Gets copies of calls, to be compared. Callers are never answered from it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.deployment')),
                        ('shadow_payer', models.ForeignKey(blank=True, help_text='A service of its own that pays for copies. Without a hard budget that names this service, nothing is copied.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.service')),
                        ('shadow_percent', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Share of answered calls that is copied. 0: none.', validators=[django.core.validators.MaxValueValidator(100)])),
                        ('strategy', models.CharField(choices=[('priority', 'Priority: always in this order'), ('round_robin', 'Round robin: each in turn'), ('weighted', 'Weighted: drawn by weight'), ('lowest_cost', 'Lowest cost of this request'), ('lowest_latency', 'Lowest latency (peak EWMA, better of two)'), ('least_busy', 'Least busy: fewest in flight')], db_default='priority', default='priority', help_text='Which target is tried first; the others are its fallbacks.', max_length=20)),
                        ('hedge', models.BooleanField(db_default=False, default=False, help_text='For calls that are not streamed: after the time in which 95 of 100 answers of a deployment come, another target is asked too, and the first answer counts. At most for 5 % of calls; both requests are paid for.', verbose_name='ask a second deployment when an answer is late')),
                    ],
                    options={
                        'ordering': ['slug'],
                        'constraints': [models.CheckConstraint(condition=models.Q(('shadow_percent', 0), models.Q(('shadow_deployment__isnull', False), ('shadow_payer__isnull', False)), _connector='OR'), name='route_shadow_complete')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='c41304a713e74ded6833035c4b6cd120cfef27f8', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_d0c5f', table='routing_route', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_routeevent" ("active", "created_at", "hedge", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shadow_deployment_id", "shadow_payer_id", "shadow_percent", "slug", "strategy", "updated_at") VALUES (NEW."active", NEW."created_at", NEW."hedge", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."shadow_deployment_id", NEW."shadow_payer_id", NEW."shadow_percent", NEW."slug", NEW."strategy", NEW."updated_at"); RETURN NULL;', hash='41df4946e0b81606dca24200467e036ef9b0d06a', operation='INSERT', pgid='pgtrigger_insert_insert_e5399', table='routing_route', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "routing_routeevent" ("active", "created_at", "hedge", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shadow_deployment_id", "shadow_payer_id", "shadow_percent", "slug", "strategy", "updated_at") VALUES (NEW."active", NEW."created_at", NEW."hedge", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."shadow_deployment_id", NEW."shadow_payer_id", NEW."shadow_percent", NEW."slug", NEW."strategy", NEW."updated_at"); RETURN NULL;', hash='84ceb1039579a860e57a5a70633fcaa7c80d65e1', operation='UPDATE', pgid='pgtrigger_update_update_e0702', table='routing_route', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_routeevent" ("active", "created_at", "hedge", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shadow_deployment_id", "shadow_payer_id", "shadow_percent", "slug", "strategy", "updated_at") VALUES (OLD."active", OLD."created_at", OLD."hedge", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."shadow_deployment_id", OLD."shadow_payer_id", OLD."shadow_percent", OLD."slug", OLD."strategy", OLD."updated_at"); RETURN NULL;', hash='08651c4adc05c7b1e22a9e21ad8c153f45e2d744', operation='DELETE', pgid='pgtrigger_delete_delete_5f296', table='routing_route', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='RouteEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('active', models.BooleanField(default=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='routing.route')),
                        ('shadow_deployment', models.ForeignKey(blank=True, db_constraint=False, help_text='Gets copies of calls, to be compared. Callers are never answered from it.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.deployment')),
                        ('shadow_payer', models.ForeignKey(blank=True, db_constraint=False, help_text='A service of its own that pays for copies. Without a hard budget that names this service, nothing is copied.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.service')),
                        ('shadow_percent', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Share of answered calls that is copied. 0: none.', validators=[django.core.validators.MaxValueValidator(100)])),
                        ('strategy', models.CharField(choices=[('priority', 'Priority: always in this order'), ('round_robin', 'Round robin: each in turn'), ('weighted', 'Weighted: drawn by weight'), ('lowest_cost', 'Lowest cost of this request'), ('lowest_latency', 'Lowest latency (peak EWMA, better of two)'), ('least_busy', 'Least busy: fewest in flight')], db_default='priority', default='priority', help_text='Which target is tried first; the others are its fallbacks.', max_length=20)),
                        ('hedge', models.BooleanField(db_default=False, default=False, help_text='For calls that are not streamed: after the time in which 95 of 100 answers of a deployment come, another target is asked too, and the first answer counts. At most for 5 % of calls; both requests are paid for.', verbose_name='ask a second deployment when an answer is late')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='RouteTarget',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('position', models.PositiveSmallIntegerField(help_text='1 is tried first.')),
                        ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.deployment')),
                        ('route', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='routing.route')),
                        ('canary_percent', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Above 0: this share of calls goes here first, whatever the strategy; of the others it is the last resort.', validators=[django.core.validators.MaxValueValidator(100)])),
                        ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=[], default=list, help_text='Only calls with one of these context tags, separated by commas. Empty: all.', size=None)),
                        ('weight', models.PositiveSmallIntegerField(db_default=100, default=100, help_text='Share of calls relative to the other weights; 0: only as a fallback. Counts for the strategy “weighted”.')),
                        ('only_for', models.CharField(blank=True, choices=[('', 'Every call'), ('too_long', 'Context too long for the others'), ('refused', 'Content refused by a provider'), ('either', 'Too long, or refused')], db_default='', default='', help_text='Every call, or it stands in: only when the context is too long for the others, or when a provider’s filter refused the content.', max_length=10, verbose_name='asked for')),
                    ],
                    options={
                        'ordering': ['route', 'position'],
                        'constraints': [models.UniqueConstraint(fields=('route', 'position'), name='route_position_once'), models.UniqueConstraint(fields=('route', 'deployment'), name='route_deployment_once'), models.CheckConstraint(condition=models.Q(('canary_percent__lte', 100)), name='route_canary_at_most_all'), models.CheckConstraint(condition=models.Q(('only_for', ''), models.Q(('canary_percent', 0), ('only_for__in', ['', 'too_long', 'refused', 'either'])), _connector='OR'), name='route_stand_in_is_no_canary')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='7c3601afa8803b8177dbe3f05d0d72389c78fae3', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_6199b', table='routing_routetarget', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_routetargetevent" ("canary_percent", "created_at", "deployment_id", "id", "only_for", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "route_id", "tags", "updated_at", "weight") VALUES (NEW."canary_percent", NEW."created_at", NEW."deployment_id", NEW."id", NEW."only_for", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."route_id", NEW."tags", NEW."updated_at", NEW."weight"); RETURN NULL;', hash='a88747b0f1ddc928a383ac77ca6fbb836af60140', operation='INSERT', pgid='pgtrigger_insert_insert_83943', table='routing_routetarget', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "routing_routetargetevent" ("canary_percent", "created_at", "deployment_id", "id", "only_for", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "route_id", "tags", "updated_at", "weight") VALUES (NEW."canary_percent", NEW."created_at", NEW."deployment_id", NEW."id", NEW."only_for", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."route_id", NEW."tags", NEW."updated_at", NEW."weight"); RETURN NULL;', hash='424028cc664da07c6ac0805fdbdbc7b2abee11f9', operation='UPDATE', pgid='pgtrigger_update_update_1d177', table='routing_routetarget', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_routetargetevent" ("canary_percent", "created_at", "deployment_id", "id", "only_for", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "route_id", "tags", "updated_at", "weight") VALUES (OLD."canary_percent", OLD."created_at", OLD."deployment_id", OLD."id", OLD."only_for", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."route_id", OLD."tags", OLD."updated_at", OLD."weight"); RETURN NULL;', hash='0f4dad302dc7a3c4633be58f554799548de3c80a', operation='DELETE', pgid='pgtrigger_delete_delete_49945', table='routing_routetarget', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='RouteTargetEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('position', models.PositiveSmallIntegerField(help_text='1 is tried first.')),
                        ('deployment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.deployment')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='routing.routetarget')),
                        ('route', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='routing.route')),
                        ('canary_percent', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Above 0: this share of calls goes here first, whatever the strategy; of the others it is the last resort.', validators=[django.core.validators.MaxValueValidator(100)])),
                        ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=[], default=list, help_text='Only calls with one of these context tags, separated by commas. Empty: all.', size=None)),
                        ('weight', models.PositiveSmallIntegerField(db_default=100, default=100, help_text='Share of calls relative to the other weights; 0: only as a fallback. Counts for the strategy “weighted”.')),
                        ('only_for', models.CharField(blank=True, choices=[('', 'Every call'), ('too_long', 'Context too long for the others'), ('refused', 'Content refused by a provider'), ('either', 'Too long, or refused')], db_default='', default='', help_text='Every call, or it stands in: only when the context is too long for the others, or when a provider’s filter refused the content.', max_length=10, verbose_name='asked for')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='RestEnd',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('deployment', models.CharField(help_text='Slug of the deployment.', max_length=50)),
                        ('of', models.CharField(choices=[('deployment', 'deployment'), ('credential', 'credential')], max_length=10, verbose_name='rest of')),
                        ('reason', models.CharField(max_length=500)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        'verbose_name': 'ended rest',
                        'ordering': ['-id'],
                        'permissions': [('operate_health', 'Can take deployments out of service and end rests')],
                        'indexes': [models.Index(fields=['deployment', 'of', '-id'], name='restend_newest')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='19b8b5c7897f48f5c1e626168224fbfb2668f5bd', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_961de', table='routing_restend', when='AFTER')), pgtrigger.compiler.Trigger(name='restend_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='755f716b6ace5baec220e281d88a52a6dd5fd900', operation='UPDATE OR DELETE', pgid='pgtrigger_restend_append_only_e48d5', table='routing_restend', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_restendevent" ("actor", "at", "deployment", "id", "of", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."actor", NEW."at", NEW."deployment", NEW."id", NEW."of", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason"); RETURN NULL;', hash='4e1b2588fa2abd665bd1604fb40832f8fcaa8d3e', operation='INSERT', pgid='pgtrigger_insert_insert_cc194', table='routing_restend', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "routing_restendevent" ("actor", "at", "deployment", "id", "of", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."actor", NEW."at", NEW."deployment", NEW."id", NEW."of", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason"); RETURN NULL;', hash='0cb6377bbaddb5c93c482a022bed8495f3ddbb2f', operation='UPDATE', pgid='pgtrigger_update_update_fb735', table='routing_restend', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "routing_restendevent" ("actor", "at", "deployment", "id", "of", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (OLD."actor", OLD."at", OLD."deployment", OLD."id", OLD."of", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."reason"); RETURN NULL;', hash='4755cf5742c6b314018ae1506debc48efc385895', operation='DELETE', pgid='pgtrigger_delete_delete_2c83b', table='routing_restend', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='RestEndEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('deployment', models.CharField(help_text='Slug of the deployment.', max_length=50)),
                        ('of', models.CharField(choices=[('deployment', 'deployment'), ('credential', 'credential')], max_length=10, verbose_name='rest of')),
                        ('reason', models.CharField(max_length=500)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='routing.restend')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
    ]
