import apps.core.migration_operations
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('cache', '0001_initial'), ('cache', '0002_similar_questions')]

    initial = True

    dependencies = [
        ('access', '0001_squashed_0007_tier_importance'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('prompts', '0001_squashed_0013_line_comments'),
        ('registry', '0001_squashed_0008_slow_seconds'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='CacheEpoch',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('tenant', models.CharField(max_length=50, unique=True)),
                        ('number', models.BigIntegerField(default=0)),
                    ],
                    options={
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='4127cbcc264db4e3ef048379b50dd294d8601212', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_bd4f3', table='cache_cacheepoch', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='CacheRule',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('ttl_seconds', models.PositiveIntegerField(help_text='Seconds in which the same request gets the same answer, at most 30 days. 0: every request is a call of its own.', validators=[django.core.validators.MaxValueValidator(2592000)], verbose_name='fresh for')),
                        ('stale_seconds', models.PositiveIntegerField(default=0, help_text='Seconds beyond that in which the answer may stand in while every route is dead, at most a day; it is marked “stale”. 0: never.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='stands in for')),
                        ('prompt', models.ForeignKey(blank=True, help_text='Empty: any.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='prompts.prompt')),
                        ('service', models.ForeignKey(blank=True, help_text='Empty: any.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.service')),
                        ('similar_from', models.DecimalField(blank=True, decimal_places=3, help_text='Cosine from which two questions share an answer, 0.5 to 1. What is right depends on the model and your questions: measure it.', max_digits=4, null=True, verbose_name='similar from')),
                        ('similar_model', models.ForeignKey(blank=True, help_text='Makes the vectors. Each question that is not answered yet costs a call to it.', limit_choices_to={'kind': 'embedding'}, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='registry.model', verbose_name='embedding model')),
                        ('similar_variable', models.CharField(blank=True, db_default='', default='', help_text='Variable of the prompt that holds the question: answers are then also given to similar questions. Empty: never, and that is right for most. It answers some questions wrongly: with the built-in embedding model and 141 pairs of questions to a shop, at 0.95 it shared an answer between 6.2% of those that mean the same and 1.3% of near misses (“short rope”, “long rope”); at 0.85 between 42.2% and 13.0%. Numbers, codes, names, negations and words such as “before” must be equal; without that it were 22.1% and 64.9% of near misses.', max_length=100, verbose_name='question')),
                    ],
                    options={
                        'ordering': ['prompt', 'service'],
                        'constraints': [models.UniqueConstraint(fields=('prompt', 'service'), name='one_cache_rule', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('prompt__isnull', False), ('service__isnull', False), _connector='OR'), name='cache_rule_is_about_something', violation_error_message='Choose a prompt, a service, or both.'), models.CheckConstraint(condition=models.Q(('stale_seconds__lte', 86400), ('ttl_seconds__lte', 2592000)), name='cache_rule_within_bounds'), models.CheckConstraint(condition=models.Q(models.Q(('similar_from', None), ('similar_model', None), ('similar_variable', '')), models.Q(models.Q(('similar_variable', ''), _negated=True), ('prompt__isnull', False), ('similar_model__isnull', False), ('similar_from__gte', Decimal('0.5')), ('similar_from__lte', 1)), _connector='OR'), name='cache_rule_similar_is_whole', violation_error_message='Similar questions need a prompt, its question, an embedding model and how similar they must be; or none of the last three.')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='8837fff2c29f388ef6db1ee426d90ed58d075951', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_631f5', table='cache_cacherule', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "cache_cacheruleevent" ("created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "service_id", "similar_from", "similar_model_id", "similar_variable", "stale_seconds", "ttl_seconds", "updated_at") VALUES (NEW."created_at", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prompt_id", NEW."service_id", NEW."similar_from", NEW."similar_model_id", NEW."similar_variable", NEW."stale_seconds", NEW."ttl_seconds", NEW."updated_at"); RETURN NULL;', hash='c9e40858ae1dee0168566cd9f55079c75891a1c5', operation='INSERT', pgid='pgtrigger_insert_insert_043f2', table='cache_cacherule', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "cache_cacheruleevent" ("created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "service_id", "similar_from", "similar_model_id", "similar_variable", "stale_seconds", "ttl_seconds", "updated_at") VALUES (NEW."created_at", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prompt_id", NEW."service_id", NEW."similar_from", NEW."similar_model_id", NEW."similar_variable", NEW."stale_seconds", NEW."ttl_seconds", NEW."updated_at"); RETURN NULL;', hash='74a5c0d2b675989626d528b4d0d1779fb6d524bd', operation='UPDATE', pgid='pgtrigger_update_update_de35e', table='cache_cacherule', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "cache_cacheruleevent" ("created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt_id", "service_id", "similar_from", "similar_model_id", "similar_variable", "stale_seconds", "ttl_seconds", "updated_at") VALUES (OLD."created_at", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prompt_id", OLD."service_id", OLD."similar_from", OLD."similar_model_id", OLD."similar_variable", OLD."stale_seconds", OLD."ttl_seconds", OLD."updated_at"); RETURN NULL;', hash='44f16d77f8e53f991e6648894d7314b1fa24ae8a', operation='DELETE', pgid='pgtrigger_delete_delete_e560a', table='cache_cacherule', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='CacheRuleEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('ttl_seconds', models.PositiveIntegerField(help_text='Seconds in which the same request gets the same answer, at most 30 days. 0: every request is a call of its own.', validators=[django.core.validators.MaxValueValidator(2592000)], verbose_name='fresh for')),
                        ('stale_seconds', models.PositiveIntegerField(default=0, help_text='Seconds beyond that in which the answer may stand in while every route is dead, at most a day; it is marked “stale”. 0: never.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='stands in for')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='cache.cacherule')),
                        ('prompt', models.ForeignKey(blank=True, db_constraint=False, help_text='Empty: any.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='prompts.prompt')),
                        ('service', models.ForeignKey(blank=True, db_constraint=False, help_text='Empty: any.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.service')),
                        ('similar_from', models.DecimalField(blank=True, decimal_places=3, help_text='Cosine from which two questions share an answer, 0.5 to 1. What is right depends on the model and your questions: measure it.', max_digits=4, null=True, verbose_name='similar from')),
                        ('similar_model', models.ForeignKey(blank=True, db_constraint=False, help_text='Makes the vectors. Each question that is not answered yet costs a call to it.', limit_choices_to={'kind': 'embedding'}, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.model', verbose_name='embedding model')),
                        ('similar_variable', models.CharField(blank=True, db_default='', default='', help_text='Variable of the prompt that holds the question: answers are then also given to similar questions. Empty: never, and that is right for most. It answers some questions wrongly: with the built-in embedding model and 141 pairs of questions to a shop, at 0.95 it shared an answer between 6.2% of those that mean the same and 1.3% of near misses (“short rope”, “long rope”); at 0.85 between 42.2% and 13.0%. Numbers, codes, names, negations and words such as “before” must be equal; without that it were 22.1% and 64.9% of near misses.', max_length=100, verbose_name='question')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Invalidation',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('tenant', models.CharField(help_text='Slug of the service, or * for all.', max_length=50, verbose_name='service')),
                        ('handle', models.CharField(choices=[('tag', 'Tag'), ('prompt', 'Prompt'), ('model', 'Model'), ('key', 'Key'), ('service', 'Service')], max_length=10, verbose_name='by')),
                        ('name', models.CharField(blank=True, max_length=100)),
                        ('reason', models.CharField(max_length=500)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField()),
                        ('at_once', models.BooleanField(help_text='No: Redis was away, so within a second everything of the service was dropped.')),
                    ],
                    options={
                        'verbose_name': 'cache invalidation',
                        'ordering': ['-id'],
                        'triggers': [pgtrigger.compiler.Trigger(name='invalidation_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f2d4f2833e381488ff43659598db8d192d8b5ed4', operation='UPDATE OR DELETE', pgid='pgtrigger_invalidation_append_only_70f35', table='cache_invalidation', when='BEFORE'))],
                    },
                ),
            ],
        ),
    ]
