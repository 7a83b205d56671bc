import apps.core.fields
import apps.core.ids
import apps.core.migration_operations
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('jobs', '0001_initial'), ('jobs', '0002_webhooks'), ('jobs', '0003_batches'), ('jobs', '0004_on_unknown'), ('jobs', '0005_batch_indexes'), ('jobs', '0006_queued_at'), ('jobs', '0007_provider_batches'), ('jobs', '0008_job_may_wait'), ('jobs', '0009_interventions'), ('jobs', '0010_given_up_index'), ('jobs', '0011_job_subject'), ('jobs', '0012_callers_index')]

    initial = True

    dependencies = [
        ('access', '0001_squashed_0007_tier_importance'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Batch',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('idempotency_key', models.CharField(blank=True, max_length=255, null=True)),
                        ('fingerprint', models.CharField(help_text='SHA-256 of the request.', max_length=64)),
                        ('request_id', models.CharField(max_length=128)),
                        ('metadata', models.JSONField(blank=True, default=dict)),
                        ('notify', models.BooleanField(default=True, help_text='Whether webhooks tell its end.')),
                        ('total', models.PositiveIntegerField(verbose_name='jobs')),
                        ('succeeded', models.PositiveIntegerField(default=0)),
                        ('failed', models.PositiveIntegerField(default=0)),
                        ('cancelled', models.PositiveIntegerField(default=0)),
                        ('expired', models.PositiveIntegerField(default=0)),
                        ('cancel_requested', models.BooleanField(default=False)),
                        ('created_at', models.DateTimeField()),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                        ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='access.service')),
                    ],
                    options={
                        'verbose_name_plural': 'batches',
                        'ordering': ['-id'],
                        'indexes': [models.Index(fields=['service', '-id'], name='batch_service')],
                        'constraints': [models.UniqueConstraint(fields=('service', 'idempotency_key'), name='batch_idempotency_key_once'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('total__gt', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('succeeded'), '+', models.F('failed')), '+', models.F('cancelled')), '+', models.F('expired')))), models.Q(('finished_at__isnull', False), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('succeeded'), '+', models.F('failed')), '+', models.F('cancelled')), '+', models.F('expired')))), _connector='OR'), name='batch_finishes_with_its_last_job')],
                    },
                ),
                migrations.CreateModel(
                    name='Job',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('idempotency_key', models.CharField(blank=True, max_length=255, null=True)),
                        ('fingerprint', models.CharField(help_text='SHA-256 of the canonical request.', max_length=64)),
                        ('request_id', models.CharField(db_index=True, max_length=128)),
                        ('prompt', models.CharField(blank=True, max_length=50)),
                        ('prompt_version_id', models.BigIntegerField(blank=True, null=True)),
                        ('prompt_version', models.PositiveIntegerField(default=0)),
                        ('arm', models.CharField(blank=True, max_length=91)),
                        ('model', models.CharField(help_text='Route or model that was asked for.', max_length=50)),
                        ('metadata', models.JSONField(blank=True, default=dict)),
                        ('priority', models.PositiveSmallIntegerField(choices=[(0, 'High'), (5, 'Normal'), (9, 'Low')], default=5)),
                        ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='queued', max_length=10)),
                        ('fence', models.BigIntegerField(default=0, help_text='Grows with every claim; only the newest may finish.')),
                        ('losses', models.PositiveSmallIntegerField(default=0, help_text='Claims that never came back: a job that kills its workers is stopped.')),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('next_run_at', models.DateTimeField()),
                        ('deadline', models.DateTimeField()),
                        ('created_at', models.DateTimeField()),
                        ('started_at', models.DateTimeField(blank=True, null=True)),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                        ('cost_pico', apps.core.fields.PicoUSDField(default=0, help_text='Sum of its ledger entries when it last ended or was rescued.', verbose_name='cost')),
                        ('input_tokens', models.PositiveIntegerField(default=0)),
                        ('output_tokens', models.PositiveIntegerField(default=0)),
                        ('cache', models.CharField(blank=True, help_text='hit, miss or bypass.', max_length=10)),
                        ('deployment', models.CharField(blank=True, max_length=50)),
                        ('attempts', models.PositiveIntegerField(default=0, help_text='Physical calls, over all claims.')),
                        ('error_code', models.CharField(blank=True, max_length=50)),
                        ('error', models.CharField(blank=True, max_length=1000)),
                        ('cancel_requested', models.BooleanField(default=False)),
                        ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='access.service')),
                        ('notify', models.BooleanField(db_default=True, default=True, help_text='Whether webhooks tell its end.')),
                        ('batch_index', models.PositiveIntegerField(blank=True, help_text='From 0.', null=True)),
                        ('batch', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='jobs', to='jobs.batch')),
                        ('on_unknown', models.CharField(choices=[('retry', 'Retry'), ('fail', 'Fail')], db_default='retry', default='retry', help_text='What follows a request whose outcome is unknown.', max_length=5)),
                        ('queued_at', models.DateTimeField(help_text='When a retry by hand queued it anew; its time begins then.', null=True)),
                        ('lane', models.CharField(blank=True, choices=[('', 'Normal'), ('allowed', "May wait for a provider's batch"), ('batch', "In a provider's batch"), ('returned', 'Came back from the batch lane')], db_default='', default='', max_length=10)),
                        ('channel', models.CharField(blank=True, db_default='', default='', max_length=50)),
                        ('phase', models.BigIntegerField(db_default=0, default=0, help_text='Of the experiment.')),
                        ('subject', models.CharField(blank=True, db_default='', default='', help_text='Keyed hash of whom it is for.', max_length=32)),
                    ],
                    options={
                        'ordering': ['-id'],
                        'permissions': [('operate_job', 'Can cancel and retry jobs')],
                        'indexes': [models.Index(condition=models.Q(('status', 'queued')), fields=['priority', 'next_run_at', 'id'], name='job_due'), models.Index(condition=models.Q(('status', 'running')), fields=['lease_until'], name='job_leased'), models.Index(condition=models.Q(('status', 'queued')), fields=['deadline'], name='job_overdue'), models.Index(condition=models.Q(('cancel_requested', True), ('status', 'running')), fields=['id'], name='job_stopping'), models.Index(fields=['service', '-id'], name='job_service'), models.Index(fields=['-created_at'], name='job_created'), models.Index(condition=models.Q(('batch__isnull', False), ('status', 'running')), fields=['batch'], name='job_batch_running'), models.Index(condition=models.Q(('lane', 'allowed'), ('status', 'queued')), fields=['deadline'], name='job_may_wait'), models.Index(condition=models.Q(('status', 'failed'), ('status', 'expired'), _connector='OR'), fields=['finished_at'], name='job_given_up'), models.Index(condition=models.Q(('prompt', ''), _negated=True), fields=['prompt', 'service', '-created_at'], name='job_callers')],
                        'constraints': [models.UniqueConstraint(fields=('service', 'idempotency_key'), name='idempotency_key_once'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('status', 'running')), models.Q(models.Q(('status', 'running'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='running_has_lease'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('status__in', ['queued', 'running'])), models.Q(models.Q(('status__in', ['queued', 'running']), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='finished_has_time'), models.UniqueConstraint(condition=models.Q(('batch__isnull', False)), fields=('batch', 'batch_index'), name='batch_row_once')],
                    },
                ),
                migrations.CreateModel(
                    name='JobPayload',
                    fields=[
                        ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='payload', serialize=False, to='jobs.job')),
                        ('request', models.JSONField(help_text='The call, as `apps.jobs.specs` writes it.')),
                        ('result', models.JSONField(blank=True, help_text='Text, finish reason, message and usage classes.', null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='WebhookEndpoint',
                    fields=[
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('url', models.CharField(help_text='https, at a public address or one on the allow-list.', max_length=2000, verbose_name='URL')),
                        ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), help_text='What it is told of.', size=None, verbose_name='events')),
                        ('description', models.CharField(blank=True, max_length=200)),
                        ('active', models.BooleanField(default=True, help_text='Off: nothing new is told.')),
                        ('disabled_reason', models.CharField(blank=True, editable=False, help_text='Why we switched it off, if we did.', max_length=200)),
                        ('paused_until', models.DateTimeField(blank=True, editable=False, help_text='It asked for, or needs, a pause.', null=True)),
                        ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhook_endpoints', to='access.service')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'permissions': [('operate_webhook', 'Can test webhooks and deliver again')],
                        'indexes': [models.Index(condition=models.Q(('active', True)), fields=['service'], name='endpoint_active')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "jobs_webhookendpointevent" ("active", "created_at", "description", "disabled_reason", "event_types", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service_id", "updated_at", "url") VALUES (NEW."active", NEW."created_at", NEW."description", NEW."disabled_reason", NEW."event_types", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."service_id", NEW."updated_at", NEW."url"); RETURN NULL;', hash='6a24aa8f6d09024f5f9a7e66228e1f07468c47c3', operation='INSERT', pgid='pgtrigger_insert_insert_baf50', table='jobs_webhookendpoint', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."active" IS DISTINCT FROM (NEW."active") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."disabled_reason" IS DISTINCT FROM (NEW."disabled_reason") OR OLD."event_types" IS DISTINCT FROM (NEW."event_types") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."service_id" IS DISTINCT FROM (NEW."service_id") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at") OR OLD."url" IS DISTINCT FROM (NEW."url"))', func='INSERT INTO "jobs_webhookendpointevent" ("active", "created_at", "description", "disabled_reason", "event_types", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service_id", "updated_at", "url") VALUES (NEW."active", NEW."created_at", NEW."description", NEW."disabled_reason", NEW."event_types", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."service_id", NEW."updated_at", NEW."url"); RETURN NULL;', hash='c7e0aec920540166bc51a7a423895c601b328ee7', operation='UPDATE', pgid='pgtrigger_update_update_44eec', table='jobs_webhookendpoint', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "jobs_webhookendpointevent" ("active", "created_at", "description", "disabled_reason", "event_types", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service_id", "updated_at", "url") VALUES (OLD."active", OLD."created_at", OLD."description", OLD."disabled_reason", OLD."event_types", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."service_id", OLD."updated_at", OLD."url"); RETURN NULL;', hash='486527a8de06ccd43875c9071de96f8ec60f2ec2', operation='DELETE', pgid='pgtrigger_delete_delete_19b44', table='jobs_webhookendpoint', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Delivery',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('event', models.CharField(choices=[('job.succeeded', 'Job succeeded'), ('job.failed', 'Job failed'), ('job.cancelled', 'Job cancelled'), ('job.expired', 'Job expired'), ('batch.finished', 'Batch finished'), ('test', 'Test')], max_length=20)),
                        ('subject_id', models.UUIDField(help_text='Id of the job or batch that it is about.', verbose_name='about')),
                        ('body', models.TextField(help_text='What is signed and sent, byte by byte.')),
                        ('status', models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='pending', max_length=10)),
                        ('tries', models.PositiveSmallIntegerField(default=0, help_text='Started tries; the newest one alone may end the delivery.')),
                        ('first_try', models.PositiveSmallIntegerField(default=0, help_text='Tries before somebody asked for it anew: the schedule begins there.')),
                        ('next_try_at', models.DateTimeField(help_text='While a try runs: when it counts as lost.')),
                        ('created_at', models.DateTimeField()),
                        ('ended_at', models.DateTimeField(blank=True, null=True)),
                        ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='jobs.webhookendpoint')),
                    ],
                    options={
                        'verbose_name_plural': 'deliveries',
                        'ordering': ['-id'],
                        'indexes': [models.Index(condition=models.Q(('status', 'pending')), fields=['endpoint', 'next_try_at'], name='delivery_due'), models.Index(fields=['endpoint', '-id'], name='delivery_endpoint')],
                        'constraints': [models.UniqueConstraint(fields=('endpoint', 'subject_id', 'event'), name='told_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'pending')), models.Q(models.Q(('status', 'pending'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='ended_delivery_has_time')],
                    },
                ),
                migrations.CreateModel(
                    name='DeliveryTry',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('number', models.PositiveSmallIntegerField()),
                        ('at', models.DateTimeField()),
                        ('duration_ms', models.PositiveIntegerField()),
                        ('status_code', models.PositiveSmallIntegerField(blank=True, null=True)),
                        ('error', models.CharField(blank=True, max_length=200)),
                        ('answer', models.CharField(blank=True, help_text='How the answer began.', max_length=500)),
                        ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='log', to='jobs.delivery')),
                    ],
                    options={
                        'ordering': ['delivery', 'number'],
                        'default_permissions': (),
                    },
                ),
                migrations.CreateModel(
                    name='WebhookEndpointEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, serialize=False)),
                        ('url', models.CharField(help_text='https, at a public address or one on the allow-list.', max_length=2000, verbose_name='URL')),
                        ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), help_text='What it is told of.', size=None, verbose_name='events')),
                        ('description', models.CharField(blank=True, max_length=200)),
                        ('active', models.BooleanField(default=True, help_text='Off: nothing new is told.')),
                        ('disabled_reason', models.CharField(blank=True, editable=False, help_text='Why we switched it off, if we did.', max_length=200)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='jobs.webhookendpoint')),
                        ('service', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='access.service')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='WebhookSecret',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('secret', models.CharField(max_length=100)),
                        ('created_at', models.DateTimeField()),
                        ('expires_at', models.DateTimeField(blank=True, null=True)),
                        ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='jobs.webhookendpoint')),
                    ],
                    options={
                        'default_permissions': (),
                        'constraints': [models.UniqueConstraint(condition=models.Q(('expires_at__isnull', True)), fields=('endpoint',), name='one_current_webhook_secret')],
                    },
                ),
                migrations.CreateModel(
                    name='ProviderBatch',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('deployment', models.CharField(max_length=50)),
                        ('provider', models.CharField(max_length=50)),
                        ('state', models.CharField(choices=[('gathered', 'Gathered'), ('creating', 'Being created'), ('sent', 'At the provider'), ('ended', 'Ended')], default='gathered', max_length=10)),
                        ('total', models.PositiveIntegerField(verbose_name='rows')),
                        ('input_file_id', models.CharField(blank=True, max_length=200)),
                        ('remote_id', models.CharField(blank=True, max_length=200, verbose_name='id at the provider')),
                        ('remote_status', models.CharField(blank=True, max_length=20, verbose_name='status at the provider')),
                        ('remote_completed', models.PositiveIntegerField(default=0, verbose_name='answered there')),
                        ('remote_failed', models.PositiveIntegerField(default=0, verbose_name='failed there')),
                        ('created_at', models.DateTimeField()),
                        ('return_by', models.DateTimeField(help_text='When it is cancelled, so that jobs are in time.')),
                        ('creating_at', models.DateTimeField(blank=True, null=True)),
                        ('sent_at', models.DateTimeField(blank=True, null=True)),
                        ('cancelled_at', models.DateTimeField(blank=True, help_text='Asked for, by us.', null=True)),
                        ('ended_at', models.DateTimeField(blank=True, null=True)),
                        ('next_look_at', models.DateTimeField()),
                        ('failures', models.PositiveIntegerField(default=0, help_text='Requests about it that failed in a row.')),
                        ('error', models.CharField(blank=True, help_text='Of the last that failed.', max_length=500)),
                        ('fence', models.BigIntegerField(default=0, help_text='Grows with every owner.')),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'verbose_name_plural': 'provider batches',
                        'ordering': ['-id'],
                        'indexes': [models.Index(condition=models.Q(('state', 'ended'), _negated=True), fields=['next_look_at'], name='provider_batch_due')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'sent'), models.Q(('remote_id', ''), _negated=True)), models.Q(('state', 'sent'), _negated=True), _connector='OR'), name='provider_batch_sent_has_id'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'ended')), models.Q(models.Q(('state', 'ended'), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='provider_batch_ended_has_time')],
                    },
                ),
                migrations.CreateModel(
                    name='ProviderBatchRow',
                    fields=[
                        ('attempt_id', models.UUIDField(primary_key=True, serialize=False)),
                        ('index', models.PositiveIntegerField()),
                        ('job_id', models.UUIDField()),
                        ('fence', models.BigIntegerField(help_text="Of the job's claim.")),
                        ('line', models.TextField(blank=True, help_text='What is sent; empty once it was.')),
                        ('terms', models.JSONField(help_text='What it was held for (`apps.gateway.batch_lane.Terms`).')),
                        ('leave_by', models.DateTimeField(help_text='When the job goes on without its answer.')),
                        ('left_at', models.DateTimeField(blank=True, help_text='When the job went on; its cost may still become known.', null=True)),
                        ('outcome', models.CharField(blank=True, choices=[('answered', 'Answered'), ('failed', 'Failed'), ('not_run', 'Not run'), ('unknown', 'Unknown')], max_length=10)),
                        ('batch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='jobs.providerbatch')),
                    ],
                    options={
                        'ordering': ['batch', 'index'],
                        'indexes': [models.Index(fields=['job_id'], name='provider_batch_row_job')],
                        'constraints': [models.UniqueConstraint(fields=('batch', 'index'), name='provider_batch_row_once')],
                    },
                ),
                migrations.CreateModel(
                    name='Intervention',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('action', models.CharField(choices=[('cancel', 'Cancel'), ('retry', 'Retry'), ('cancel_batch', 'Cancel batch'), ('redeliver', 'Deliver again')], max_length=20)),
                        ('name', models.CharField(help_text='How many, and which.', max_length=300)),
                        ('reason', models.CharField(max_length=500)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        'verbose_name': 'intervention in jobs',
                        'ordering': ['-id'],
                        'triggers': [pgtrigger.compiler.Trigger(name='intervention_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='07c7b73f144c55e10259bba21eea7bdebee6c73c', operation='UPDATE OR DELETE', pgid='pgtrigger_intervention_append_only_e0797', table='jobs_intervention', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "jobs_interventionevent" ("action", "actor", "at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."action", NEW."actor", NEW."at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason"); RETURN NULL;', hash='b3ad3a7d447b4e9cd903ce7970fe1be926a2fce5', operation='INSERT', pgid='pgtrigger_insert_insert_91ba7', table='jobs_intervention', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "jobs_interventionevent" ("action", "actor", "at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."action", NEW."actor", NEW."at", NEW."id", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason"); RETURN NULL;', hash='7f1817abd84ce507c63e642e127d9f1605f949f9', operation='UPDATE', pgid='pgtrigger_update_update_d31b8', table='jobs_intervention', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "jobs_interventionevent" ("action", "actor", "at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (OLD."action", OLD."actor", OLD."at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."reason"); RETURN NULL;', hash='e80cd5ddc9e466f058e408481b99f30f7e58ef89', operation='DELETE', pgid='pgtrigger_delete_delete_9ea5e', table='jobs_intervention', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='InterventionEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('action', models.CharField(choices=[('cancel', 'Cancel'), ('retry', 'Retry'), ('cancel_batch', 'Cancel batch'), ('redeliver', 'Deliver again')], max_length=20)),
                        ('name', models.CharField(help_text='How many, and which.', max_length=300)),
                        ('reason', models.CharField(max_length=500)),
                        ('actor', models.CharField(max_length=200)),
                        ('at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='jobs.intervention')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
    ]
