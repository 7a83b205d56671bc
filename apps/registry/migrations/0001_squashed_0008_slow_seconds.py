import apps.core.fields
import apps.core.migration_operations
import apps.registry.validators
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('registry', '0001_initial'), ('registry', '0002_stricter_prices_and_addresses'), ('registry', '0003_extra_parameters'), ('registry', '0004_model_tokenizer'), ('registry', '0005_price_tiers_and_steps'), ('registry', '0006_usage_classes_and_searches'), ('registry', '0007_batch_lane'), ('registry', '0008_slow_seconds')]

    initial = True

    dependencies = [
        ('core', '0001_squashed_0002_epoch_and_extensions'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Model',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('kind', models.CharField(choices=[('chat', 'Chat'), ('embedding', 'Embedding')], default='chat', max_length=20)),
                        ('context_window', models.PositiveIntegerField(help_text='Tokens, input and output together.')),
                        ('max_output_tokens', models.PositiveIntegerField(default=4096, help_text='The most it can answer, in tokens. 0 for embeddings.')),
                        ('supports_tools', models.BooleanField(default=False)),
                        ('supports_json_schema', models.BooleanField(default=False)),
                        ('supports_images', models.BooleanField(default=False)),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, no deployment serves it.')),
                        ('bytes_per_token', models.DecimalField(blank=True, decimal_places=2, help_text='UTF-8 bytes of text for each token, as measured; for “By a measured ratio”.', max_digits=4, null=True, validators=[django.core.validators.MinValueValidator(1)])),
                        ('tokenizer', models.CharField(blank=True, choices=[('o200k_base', 'o200k_base (GPT-4o and newer)'), ('cl100k_base', 'cl100k_base (GPT-4, GPT-3.5, embeddings)'), ('ratio', 'By a measured ratio')], db_default='', default='', help_text='How its tokens are counted before a call. With its own tokenizer a call that cannot fit is refused before anything is sent; a ratio only chooses and shortens. Empty: four bytes are taken for a token.', max_length=20)),
                        ('tokenizer_source', models.CharField(blank=True, db_default='', default='', help_text='Where the ratio is from: which texts, when, how many calls.', max_length=200)),
                    ],
                    options={
                        'ordering': ['slug'],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('bytes_per_token__isnull', False), ('tokenizer', 'ratio')), models.Q(models.Q(('tokenizer', 'ratio'), _negated=True), ('bytes_per_token__isnull', True)), _connector='OR'), name='model_ratio_has_a_number')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='dcccb8ac21ff4a4513cde6898483c8e457fe3ea8', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_f9427', table='registry_model', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_modelevent" ("active", "bytes_per_token", "context_window", "created_at", "id", "kind", "max_output_tokens", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "supports_images", "supports_json_schema", "supports_tools", "tokenizer", "tokenizer_source", "updated_at") VALUES (NEW."active", NEW."bytes_per_token", NEW."context_window", NEW."created_at", NEW."id", NEW."kind", NEW."max_output_tokens", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."slug", NEW."supports_images", NEW."supports_json_schema", NEW."supports_tools", NEW."tokenizer", NEW."tokenizer_source", NEW."updated_at"); RETURN NULL;', hash='0bb73018ed482e23891e208ea47a63af7ef76e6f', operation='INSERT', pgid='pgtrigger_insert_insert_acd8d', table='registry_model', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "registry_modelevent" ("active", "bytes_per_token", "context_window", "created_at", "id", "kind", "max_output_tokens", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "supports_images", "supports_json_schema", "supports_tools", "tokenizer", "tokenizer_source", "updated_at") VALUES (NEW."active", NEW."bytes_per_token", NEW."context_window", NEW."created_at", NEW."id", NEW."kind", NEW."max_output_tokens", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."slug", NEW."supports_images", NEW."supports_json_schema", NEW."supports_tools", NEW."tokenizer", NEW."tokenizer_source", NEW."updated_at"); RETURN NULL;', hash='7d32aec45cfe1716fc48064d51adf767ee368f36', operation='UPDATE', pgid='pgtrigger_update_update_1f1aa', table='registry_model', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_modelevent" ("active", "bytes_per_token", "context_window", "created_at", "id", "kind", "max_output_tokens", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "supports_images", "supports_json_schema", "supports_tools", "tokenizer", "tokenizer_source", "updated_at") VALUES (OLD."active", OLD."bytes_per_token", OLD."context_window", OLD."created_at", OLD."id", OLD."kind", OLD."max_output_tokens", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."slug", OLD."supports_images", OLD."supports_json_schema", OLD."supports_tools", OLD."tokenizer", OLD."tokenizer_source", OLD."updated_at"); RETURN NULL;', hash='de0e75f64ef5b84dd401da797c40b13383f2a86c', operation='DELETE', pgid='pgtrigger_delete_delete_72662', table='registry_model', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Provider',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('vendor', models.CharField(choices=[('openai', 'OpenAI'), ('azure', 'Azure OpenAI'), ('compatible', 'OpenAI-compatible server')], max_length=20)),
                        ('base_url', models.CharField(help_text='e.g. https://api.openai.com/v1', max_length=500, validators=[apps.registry.validators.check_address])),
                        ('secret_ref', models.CharField(blank=True, help_text='Where the key is, never the key itself: env:OPENAI_API_KEY or file:/run/secrets/openai. Empty: none needed.', max_length=200, validators=[apps.registry.validators.check_secret_ref])),
                        ('api_version', models.CharField(blank=True, help_text='Azure only.', max_length=40)),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, new calls go elsewhere.')),
                    ],
                    options={
                        'ordering': ['slug'],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='5c305dd1dd0725dd30251cbbcfd60ba04ca7da6e', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_1b570', table='registry_provider', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_providerevent" ("active", "api_version", "base_url", "created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "secret_ref", "slug", "updated_at", "vendor") VALUES (NEW."active", NEW."api_version", NEW."base_url", NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."secret_ref", NEW."slug", NEW."updated_at", NEW."vendor"); RETURN NULL;', hash='24cc6e190692e75d66b694d3aa9bce5cc829c7ac', operation='INSERT', pgid='pgtrigger_insert_insert_7790f', table='registry_provider', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "registry_providerevent" ("active", "api_version", "base_url", "created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "secret_ref", "slug", "updated_at", "vendor") VALUES (NEW."active", NEW."api_version", NEW."base_url", NEW."created_at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."secret_ref", NEW."slug", NEW."updated_at", NEW."vendor"); RETURN NULL;', hash='f8ada4983f97239c0ff9d58c326d32026f6becd1', operation='UPDATE', pgid='pgtrigger_update_update_2593a', table='registry_provider', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_providerevent" ("active", "api_version", "base_url", "created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "secret_ref", "slug", "updated_at", "vendor") VALUES (OLD."active", OLD."api_version", OLD."base_url", OLD."created_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."secret_ref", OLD."slug", OLD."updated_at", OLD."vendor"); RETURN NULL;', hash='0f33f474a66b81173eda3ac32ada097beaae43dc', operation='DELETE', pgid='pgtrigger_delete_delete_337b2', table='registry_provider', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Deployment',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('upstream_name', models.CharField(help_text="The model's (Azure: the deployment's) name at the provider.", max_length=200)),
                        ('region', models.CharField(blank=True, max_length=40)),
                        ('priority', models.PositiveSmallIntegerField(default=100, help_text='Order within its model: lower is tried first.')),
                        ('connect_timeout_seconds', models.PositiveSmallIntegerField(default=5)),
                        ('read_timeout_seconds', models.PositiveSmallIntegerField(default=120)),
                        ('finish_required', models.BooleanField(default=True, help_text='An answer without a finish reason counts as cut off. Some servers never send it.')),
                        ('input_overhead_tokens', models.PositiveIntegerField(default=64, help_text="Tokens that the server's chat template adds at most: part of every hold.")),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, new calls go elsewhere.')),
                        ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='registry.model')),
                        ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='registry.provider')),
                        ('extra_parameters', models.CharField(blank=True, db_default='', help_text="Parameters beyond OpenAI's that callers may send to it, separated by commas, e.g. top_k, min_p. None may change how much is billed.", max_length=1000, validators=[apps.registry.validators.check_parameter_names])),
                        ('searches_at_most', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Web searches that one call can be billed for at most, where the server makes them: part of every hold. 0: it makes none.', verbose_name='web searches at most')),
                        ('batch_lane', models.BooleanField(db_default=False, default=False, help_text="Jobs that may wait can be sent through the provider's Batch API. It needs prices of the service tier “batch” too. Not for Azure.", verbose_name='offers the batch lane')),
                        ('slow_seconds', models.DecimalField(db_default=60, decimal_places=2, default=60, help_text='An answer that takes so long counts as slow. When four fifths of its calls are slow or fail, it rests; a time-out after so long is always its own fault.', max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.1'))], verbose_name='slow from, in seconds')),
                    ],
                    options={
                        'ordering': ['slug'],
                        'constraints': [models.CheckConstraint(condition=models.Q(('slow_seconds__gte', Decimal('0.1'))), name='deployment_slow_takes_time')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='c6fc6a0998238e59c18f1a0decbfd47d748356ec', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_12fc5', table='registry_deployment', when='AFTER')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_deploymentevent" ("active", "batch_lane", "connect_timeout_seconds", "created_at", "extra_parameters", "finish_required", "id", "input_overhead_tokens", "model_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "provider_id", "read_timeout_seconds", "region", "searches_at_most", "slow_seconds", "slug", "updated_at", "upstream_name") VALUES (NEW."active", NEW."batch_lane", NEW."connect_timeout_seconds", NEW."created_at", NEW."extra_parameters", NEW."finish_required", NEW."id", NEW."input_overhead_tokens", NEW."model_id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."priority", NEW."provider_id", NEW."read_timeout_seconds", NEW."region", NEW."searches_at_most", NEW."slow_seconds", NEW."slug", NEW."updated_at", NEW."upstream_name"); RETURN NULL;', hash='7f9a8f133e83f427f72a2515e64363bf68795d6d', operation='INSERT', pgid='pgtrigger_insert_insert_6a5fa', table='registry_deployment', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "registry_deploymentevent" ("active", "batch_lane", "connect_timeout_seconds", "created_at", "extra_parameters", "finish_required", "id", "input_overhead_tokens", "model_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "provider_id", "read_timeout_seconds", "region", "searches_at_most", "slow_seconds", "slug", "updated_at", "upstream_name") VALUES (NEW."active", NEW."batch_lane", NEW."connect_timeout_seconds", NEW."created_at", NEW."extra_parameters", NEW."finish_required", NEW."id", NEW."input_overhead_tokens", NEW."model_id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."priority", NEW."provider_id", NEW."read_timeout_seconds", NEW."region", NEW."searches_at_most", NEW."slow_seconds", NEW."slug", NEW."updated_at", NEW."upstream_name"); RETURN NULL;', hash='55639671814426b720f614666dc9a7766855d322', operation='UPDATE', pgid='pgtrigger_update_update_87e90', table='registry_deployment', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_deploymentevent" ("active", "batch_lane", "connect_timeout_seconds", "created_at", "extra_parameters", "finish_required", "id", "input_overhead_tokens", "model_id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "provider_id", "read_timeout_seconds", "region", "searches_at_most", "slow_seconds", "slug", "updated_at", "upstream_name") VALUES (OLD."active", OLD."batch_lane", OLD."connect_timeout_seconds", OLD."created_at", OLD."extra_parameters", OLD."finish_required", OLD."id", OLD."input_overhead_tokens", OLD."model_id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."priority", OLD."provider_id", OLD."read_timeout_seconds", OLD."region", OLD."searches_at_most", OLD."slow_seconds", OLD."slug", OLD."updated_at", OLD."upstream_name"); RETURN NULL;', hash='a8b709882ab7edcba6abbe946aeb3c03325b7c1a', operation='DELETE', pgid='pgtrigger_delete_delete_8f7db', table='registry_deployment', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='ModelEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('kind', models.CharField(choices=[('chat', 'Chat'), ('embedding', 'Embedding')], default='chat', max_length=20)),
                        ('context_window', models.PositiveIntegerField(help_text='Tokens, input and output together.')),
                        ('max_output_tokens', models.PositiveIntegerField(default=4096, help_text='The most it can answer, in tokens. 0 for embeddings.')),
                        ('supports_tools', models.BooleanField(default=False)),
                        ('supports_json_schema', models.BooleanField(default=False)),
                        ('supports_images', models.BooleanField(default=False)),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, no deployment serves it.')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='registry.model')),
                        ('bytes_per_token', models.DecimalField(blank=True, decimal_places=2, help_text='UTF-8 bytes of text for each token, as measured; for “By a measured ratio”.', max_digits=4, null=True, validators=[django.core.validators.MinValueValidator(1)])),
                        ('tokenizer', models.CharField(blank=True, choices=[('o200k_base', 'o200k_base (GPT-4o and newer)'), ('cl100k_base', 'cl100k_base (GPT-4, GPT-3.5, embeddings)'), ('ratio', 'By a measured ratio')], db_default='', default='', help_text='How its tokens are counted before a call. With its own tokenizer a call that cannot fit is refused before anything is sent; a ratio only chooses and shortens. Empty: four bytes are taken for a token.', max_length=20)),
                        ('tokenizer_source', models.CharField(blank=True, db_default='', default='', help_text='Where the ratio is from: which texts, when, how many calls.', max_length=200)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Price',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('usage_class', models.CharField(choices=[('in_uncached', 'Input'), ('in_cache_read', 'Input, cached'), ('in_cache_write', 'Input, cache write'), ('in_cache_write_5m', 'Input, cache write for 5 minutes'), ('in_cache_write_1h', 'Input, cache write for an hour'), ('in_audio', 'Input audio'), ('in_image', 'Input images'), ('out_text', 'Output'), ('out_reasoning', 'Output, reasoning'), ('out_audio', 'Output audio'), ('out_image', 'Output images'), ('requests', 'Requests'), ('web_search', 'Web searches')], max_length=20)),
                        ('price_pico', apps.core.fields.PicoUSDField(help_text='Pico-USD for each block of units.')),
                        ('per_block', models.PositiveIntegerField(default=1, help_text='Units in a block; 1 for tokens.')),
                        ('valid', django.contrib.postgres.fields.ranges.DateTimeRangeField(help_text='From (included) to (not included); no end: until replaced.')),
                        ('source', models.CharField(help_text='e.g. “contract 2026-04” or “genai-prices”.', max_length=200)),
                        ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='registry.deployment')),
                        ('min_input_tokens', models.PositiveIntegerField(db_default=0, default=0, help_text='For calls whose whole input has at least so many tokens, e.g. 200001; the highest step that a call reaches holds. 0: for every call.', verbose_name='from input tokens')),
                        ('service_tier', models.CharField(db_default='default', default='default', help_text="In the provider's own word, as its answers name it, e.g. flex, priority. “default” is the standard tier.", max_length=40, validators=[apps.registry.validators.check_service_tier])),
                    ],
                    options={
                        'ordering': ['deployment', 'service_tier', 'usage_class', 'min_input_tokens', '-valid'],
                        'constraints': [models.CheckConstraint(condition=models.Q(('price_pico__gte', 0)), name='price_not_negative'), models.CheckConstraint(condition=models.Q(('per_block__gte', 1)), name='price_block_positive'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[(models.F('deployment'), '='), (models.F('usage_class'), '='), (models.F('service_tier'), '='), (models.F('min_input_tokens'), '='), (models.F('valid'), '&&')], name='price_one_at_a_time')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='7e57d7d3c52cc97c87ca93c9a1cd493fe06973fd', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_88c3c', table='registry_price', when='AFTER')), pgtrigger.compiler.Trigger(name='price_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='84c2854408b654d4de37b0f1f5558eb1c6ba52aa', operation='DELETE', pgid='pgtrigger_price_no_delete_92655', table='registry_price', when='BEFORE')), pgtrigger.compiler.Trigger(name='price_ends_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."valid" IS DISTINCT FROM (NEW."valid"))', func="\n                    IF NOT upper_inf(OLD.valid) OR upper_inf(NEW.valid) OR isempty(NEW.valid)\n                       OR lower(NEW.valid) IS DISTINCT FROM lower(OLD.valid) THEN\n                        RAISE EXCEPTION 'Of a price only its end can be set, once.'\n                            USING ERRCODE = 'integrity_constraint_violation';\n                    END IF;\n                    RETURN NEW;\n                ", hash='cf1707c945eabc9f46e59893fdb59f737acbf738', operation='UPDATE', pgid='pgtrigger_price_ends_once_2b581', table='registry_price', when='BEFORE')), pgtrigger.compiler.Trigger(name='price_immutable', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."deployment_id" IS DISTINCT FROM (NEW."deployment_id") OR OLD."usage_class" IS DISTINCT FROM (NEW."usage_class") OR OLD."service_tier" IS DISTINCT FROM (NEW."service_tier") OR OLD."min_input_tokens" IS DISTINCT FROM (NEW."min_input_tokens") OR OLD."price_pico" IS DISTINCT FROM (NEW."price_pico") OR OLD."per_block" IS DISTINCT FROM (NEW."per_block") OR OLD."source" IS DISTINCT FROM (NEW."source"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='d3186f6835394e446f27a8ad81e7234cf3fda9c0', operation='UPDATE', pgid='pgtrigger_price_immutable_f7584', table='registry_price', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_priceevent" ("created_at", "deployment_id", "id", "min_input_tokens", "per_block", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_pico", "service_tier", "source", "updated_at", "usage_class", "valid") VALUES (NEW."created_at", NEW."deployment_id", NEW."id", NEW."min_input_tokens", NEW."per_block", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."price_pico", NEW."service_tier", NEW."source", NEW."updated_at", NEW."usage_class", NEW."valid"); RETURN NULL;', hash='b40fecbebd55b4fa8f04a0390aeebb4f63c2829e', operation='INSERT', pgid='pgtrigger_insert_insert_9e4d8', table='registry_price', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "registry_priceevent" ("created_at", "deployment_id", "id", "min_input_tokens", "per_block", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_pico", "service_tier", "source", "updated_at", "usage_class", "valid") VALUES (NEW."created_at", NEW."deployment_id", NEW."id", NEW."min_input_tokens", NEW."per_block", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."price_pico", NEW."service_tier", NEW."source", NEW."updated_at", NEW."usage_class", NEW."valid"); RETURN NULL;', hash='3f8aa4be6574eb5f63f5a359588df2069eebac7f', operation='UPDATE', pgid='pgtrigger_update_update_41e2f', table='registry_price', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "registry_priceevent" ("created_at", "deployment_id", "id", "min_input_tokens", "per_block", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "price_pico", "service_tier", "source", "updated_at", "usage_class", "valid") VALUES (OLD."created_at", OLD."deployment_id", OLD."id", OLD."min_input_tokens", OLD."per_block", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."price_pico", OLD."service_tier", OLD."source", OLD."updated_at", OLD."usage_class", OLD."valid"); RETURN NULL;', hash='22bb6e2c1a1070034d7a30a7767bfb5ef3d9160a', operation='DELETE', pgid='pgtrigger_delete_delete_2d4d3', table='registry_price', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='PriceEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('usage_class', models.CharField(choices=[('in_uncached', 'Input'), ('in_cache_read', 'Input, cached'), ('in_cache_write', 'Input, cache write'), ('in_cache_write_5m', 'Input, cache write for 5 minutes'), ('in_cache_write_1h', 'Input, cache write for an hour'), ('in_audio', 'Input audio'), ('in_image', 'Input images'), ('out_text', 'Output'), ('out_reasoning', 'Output, reasoning'), ('out_audio', 'Output audio'), ('out_image', 'Output images'), ('requests', 'Requests'), ('web_search', 'Web searches')], max_length=20)),
                        ('price_pico', apps.core.fields.PicoUSDField(help_text='Pico-USD for each block of units.')),
                        ('per_block', models.PositiveIntegerField(default=1, help_text='Units in a block; 1 for tokens.')),
                        ('valid', django.contrib.postgres.fields.ranges.DateTimeRangeField(help_text='From (included) to (not included); no end: until replaced.')),
                        ('source', models.CharField(help_text='e.g. “contract 2026-04” or “genai-prices”.', max_length=200)),
                        ('deployment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.deployment')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='registry.price')),
                        ('min_input_tokens', models.PositiveIntegerField(db_default=0, default=0, help_text='For calls whose whole input has at least so many tokens, e.g. 200001; the highest step that a call reaches holds. 0: for every call.', verbose_name='from input tokens')),
                        ('service_tier', models.CharField(db_default='default', default='default', help_text="In the provider's own word, as its answers name it, e.g. flex, priority. “default” is the standard tier.", max_length=40, validators=[apps.registry.validators.check_service_tier])),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='PriceProposal',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('usage_class', models.CharField(choices=[('in_uncached', 'Input'), ('in_cache_read', 'Input, cached'), ('in_cache_write', 'Input, cache write'), ('in_cache_write_5m', 'Input, cache write for 5 minutes'), ('in_cache_write_1h', 'Input, cache write for an hour'), ('in_audio', 'Input audio'), ('in_image', 'Input images'), ('out_text', 'Output'), ('out_reasoning', 'Output, reasoning'), ('out_audio', 'Output audio'), ('out_image', 'Output images'), ('requests', 'Requests'), ('web_search', 'Web searches')], max_length=20)),
                        ('current_pico', apps.core.fields.PicoUSDField(blank=True, null=True)),
                        ('proposed_pico', apps.core.fields.PicoUSDField()),
                        ('per_block', models.PositiveIntegerField(default=1)),
                        ('source', models.CharField(max_length=200)),
                        ('status', models.CharField(choices=[('open', 'Open'), ('approved', 'Approved'), ('rejected', 'Rejected')], default='open', max_length=10)),
                        ('decided_by', models.CharField(blank=True, max_length=150)),
                        ('decided_at', models.DateTimeField(blank=True, null=True)),
                        ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='registry.deployment')),
                        ('min_input_tokens', models.PositiveIntegerField(db_default=0, default=0, help_text='For calls whose whole input has at least so many tokens, e.g. 200001; the highest step that a call reaches holds. 0: for every call.', verbose_name='from input tokens')),
                        ('service_tier', models.CharField(db_default='default', default='default', help_text="In the provider's own word, as its answers name it, e.g. flex, priority. “default” is the standard tier.", max_length=40, validators=[apps.registry.validators.check_service_tier])),
                    ],
                    options={
                        'ordering': ['-id'],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='proposal_decided_has_time'), models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('deployment', 'usage_class', 'service_tier', 'min_input_tokens'), name='one_open_proposal_each')],
                        'permissions': [('approve_price', 'Can approve or reject price proposals')],
                    },
                ),
                migrations.CreateModel(
                    name='ProviderEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('vendor', models.CharField(choices=[('openai', 'OpenAI'), ('azure', 'Azure OpenAI'), ('compatible', 'OpenAI-compatible server')], max_length=20)),
                        ('base_url', models.CharField(help_text='e.g. https://api.openai.com/v1', max_length=500, validators=[apps.registry.validators.check_address])),
                        ('secret_ref', models.CharField(blank=True, help_text='Where the key is, never the key itself: env:OPENAI_API_KEY or file:/run/secrets/openai. Empty: none needed.', max_length=200, validators=[apps.registry.validators.check_secret_ref])),
                        ('api_version', models.CharField(blank=True, help_text='Azure only.', max_length=40)),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, new calls go elsewhere.')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='registry.provider')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='DeploymentEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('upstream_name', models.CharField(help_text="The model's (Azure: the deployment's) name at the provider.", max_length=200)),
                        ('region', models.CharField(blank=True, max_length=40)),
                        ('priority', models.PositiveSmallIntegerField(default=100, help_text='Order within its model: lower is tried first.')),
                        ('connect_timeout_seconds', models.PositiveSmallIntegerField(default=5)),
                        ('read_timeout_seconds', models.PositiveSmallIntegerField(default=120)),
                        ('finish_required', models.BooleanField(default=True, help_text='An answer without a finish reason counts as cut off. Some servers never send it.')),
                        ('input_overhead_tokens', models.PositiveIntegerField(default=64, help_text="Tokens that the server's chat template adds at most: part of every hold.")),
                        ('active', models.BooleanField(default=True, help_text='Off: drained, new calls go elsewhere.')),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='registry.deployment')),
                        ('model', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.model')),
                        ('provider', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='registry.provider')),
                        ('extra_parameters', models.CharField(blank=True, db_default='', help_text="Parameters beyond OpenAI's that callers may send to it, separated by commas, e.g. top_k, min_p. None may change how much is billed.", max_length=1000, validators=[apps.registry.validators.check_parameter_names])),
                        ('searches_at_most', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Web searches that one call can be billed for at most, where the server makes them: part of every hold. 0: it makes none.', verbose_name='web searches at most')),
                        ('batch_lane', models.BooleanField(db_default=False, default=False, help_text="Jobs that may wait can be sent through the provider's Batch API. It needs prices of the service tier “batch” too. Not for Azure.", verbose_name='offers the batch lane')),
                        ('slow_seconds', models.DecimalField(db_default=60, decimal_places=2, default=60, help_text='An answer that takes so long counts as slow. When four fifths of its calls are slow or fail, it rests; a time-out after so long is always its own fault.', max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.1'))], verbose_name='slow from, in seconds')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
    ]
