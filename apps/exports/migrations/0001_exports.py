import apps.core.fields
import apps.core.ids
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
                    name='Export',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('question', models.CharField(help_text="As the cost report's address has it.", max_length=8000)),
                        ('zone', models.CharField(help_text='The time zone of its days.', max_length=60)),
                        ('format', models.CharField(choices=[('csv', 'CSV: the table'), ('xlsx', 'XLSX: the table and its ledger entries'), ('json', 'JSON: the table'), ('entries', 'CSV: ledger entries'), ('lines', 'CSV: price lines'), ('focus', 'FOCUS 1.4 CSV')], max_length=10)),
                        ('status', models.CharField(choices=[('queued', 'Waits'), ('running', 'Being made'), ('done', 'Ready'), ('failed', 'Failed')], default='queued', max_length=10)),
                        ('made_at', models.DateTimeField()),
                        ('tries', models.PositiveSmallIntegerField(default=0)),
                        ('lease_until', models.DateTimeField(null=True)),
                        ('rows_done', models.PositiveIntegerField(default=0)),
                        ('rows_total', models.PositiveIntegerField(default=0)),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('rows', models.PositiveIntegerField(default=0, help_text='Below the head, without a total.')),
                        ('total_pico', apps.core.fields.PicoSumField(help_text='What the rows add up to.', null=True)),
                        ('size', models.PositiveIntegerField(default=0, help_text='In bytes.')),
                        ('sha256', models.CharField(blank=True, max_length=64)),
                        ('remark', models.CharField(blank=True, max_length=500)),
                        ('error', models.CharField(blank=True, max_length=500)),
                        ('deleted_at', models.DateTimeField(help_text='When its file went.', null=True)),
                        ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['-id'],
                        'permissions': [('see_all_exports', 'Can see and download the exports of others')],
                        'default_permissions': ('add', 'view'),
                        'indexes': [models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['id'], name='export_open')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('made_by', None), ('service', ''), _connector='XOR'), name='export_is_somebodys'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), models.Q(('finished_at__isnull', False), ('total_pico__isnull', False), models.Q(('sha256', ''), _negated=True)), _connector='OR'), name='export_done_is_known'), models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running'])), fields=('made_by',), name='one_export_at_a_time_each'), models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running']), models.Q(('service', ''), _negated=True)), fields=('service',), name='one_export_at_a_time_a_service')],
                        'triggers': [pgtrigger.compiler.Trigger(name='export_as_asked', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."service" IS DISTINCT FROM (NEW."service") OR OLD."question" IS DISTINCT FROM (NEW."question") OR OLD."zone" IS DISTINCT FROM (NEW."zone") OR OLD."format" IS DISTINCT FROM (NEW."format") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='31296d75c804c4a225486f33571d5a3f4b19b6fb', operation='UPDATE', pgid='pgtrigger_export_as_asked_b738b', table='exports_export', when='BEFORE')), pgtrigger.compiler.Trigger(name='export_made_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."deleted_at" IS NOT NULL AND OLD."status" = \'done\')', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='571018ddc268d3a7d3886577340dd3d76c49ebe0', operation='UPDATE', pgid='pgtrigger_export_made_once_e03ed', table='exports_export', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "exports_exportevent" ("deleted_at", "error", "finished_at", "format", "id", "made_at", "made_by_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "question", "remark", "rows", "service", "sha256", "size", "status", "total_pico", "tries", "zone") VALUES (NEW."deleted_at", NEW."error", NEW."finished_at", NEW."format", NEW."id", NEW."made_at", NEW."made_by_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."question", NEW."remark", NEW."rows", NEW."service", NEW."sha256", NEW."size", NEW."status", NEW."total_pico", NEW."tries", NEW."zone"); RETURN NULL;', hash='e6b685be9c2e913218b78e3cc1d24269479d0639', operation='INSERT', pgid='pgtrigger_insert_insert_06318', table='exports_export', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."deleted_at" IS DISTINCT FROM (NEW."deleted_at") OR OLD."error" IS DISTINCT FROM (NEW."error") OR OLD."finished_at" IS DISTINCT FROM (NEW."finished_at") OR OLD."format" IS DISTINCT FROM (NEW."format") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."question" IS DISTINCT FROM (NEW."question") OR OLD."remark" IS DISTINCT FROM (NEW."remark") OR OLD."rows" IS DISTINCT FROM (NEW."rows") OR OLD."service" IS DISTINCT FROM (NEW."service") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."status" IS DISTINCT FROM (NEW."status") OR OLD."total_pico" IS DISTINCT FROM (NEW."total_pico") OR OLD."tries" IS DISTINCT FROM (NEW."tries") OR OLD."zone" IS DISTINCT FROM (NEW."zone"))', func='INSERT INTO "exports_exportevent" ("deleted_at", "error", "finished_at", "format", "id", "made_at", "made_by_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "question", "remark", "rows", "service", "sha256", "size", "status", "total_pico", "tries", "zone") VALUES (NEW."deleted_at", NEW."error", NEW."finished_at", NEW."format", NEW."id", NEW."made_at", NEW."made_by_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."question", NEW."remark", NEW."rows", NEW."service", NEW."sha256", NEW."size", NEW."status", NEW."total_pico", NEW."tries", NEW."zone"); RETURN NULL;', hash='a30b7aa131db9e650efac0a5e398a9846dade9ee', operation='UPDATE', pgid='pgtrigger_update_update_72637', table='exports_export', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "exports_exportevent" ("deleted_at", "error", "finished_at", "format", "id", "made_at", "made_by_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "question", "remark", "rows", "service", "sha256", "size", "status", "total_pico", "tries", "zone") VALUES (OLD."deleted_at", OLD."error", OLD."finished_at", OLD."format", OLD."id", OLD."made_at", OLD."made_by_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."question", OLD."remark", OLD."rows", OLD."service", OLD."sha256", OLD."size", OLD."status", OLD."total_pico", OLD."tries", OLD."zone"); RETURN NULL;', hash='39c85e290c342c7bcdd1ff1e619f59eb41a5fd8a', operation='DELETE', pgid='pgtrigger_delete_delete_58d59', table='exports_export', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='Download',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('at', models.DateTimeField()),
                        ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('export', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='downloads', to='exports.export')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'default_permissions': (),
                        'triggers': [pgtrigger.compiler.Trigger(name='download_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c06ff1d231fc688c92549ef437029e5d1c1f2189', operation='UPDATE OR DELETE', pgid='pgtrigger_download_append_only_af5cf', table='exports_download', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "exports_downloadevent" ("at", "by_id", "export_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service") VALUES (NEW."at", NEW."by_id", NEW."export_id", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."service"); RETURN NULL;', hash='fb2d1d6a934e75979a373fe92a58c64041504c68', operation='INSERT', pgid='pgtrigger_insert_insert_c5c1d', table='exports_download', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "exports_downloadevent" ("at", "by_id", "export_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service") VALUES (NEW."at", NEW."by_id", NEW."export_id", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."service"); RETURN NULL;', hash='9a230ce2cc36eb2cf0361d7d04ba80cb5ab9cdc6', operation='UPDATE', pgid='pgtrigger_update_update_a8f28', table='exports_download', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "exports_downloadevent" ("at", "by_id", "export_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "service") VALUES (OLD."at", OLD."by_id", OLD."export_id", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."service"); RETURN NULL;', hash='5aec2cab898c9c1aab3c35cc64bb37b23691617f', operation='DELETE', pgid='pgtrigger_delete_delete_a3659', table='exports_download', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='DownloadEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('at', models.DateTimeField()),
                        ('by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='exports.download')),
                        ('export', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='exports.export')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Chunk',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('number', models.PositiveIntegerField()),
                        ('data', models.BinaryField()),
                        ('export', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='exports.export')),
                    ],
                    options={
                        'ordering': ['export', 'number'],
                        'default_permissions': (),
                        'constraints': [models.UniqueConstraint(fields=('export', 'number'), name='one_chunk_once')],
                    },
                ),
                migrations.CreateModel(
                    name='ExportEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, serialize=False)),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('question', models.CharField(help_text="As the cost report's address has it.", max_length=8000)),
                        ('zone', models.CharField(help_text='The time zone of its days.', max_length=60)),
                        ('format', models.CharField(choices=[('csv', 'CSV: the table'), ('xlsx', 'XLSX: the table and its ledger entries'), ('json', 'JSON: the table'), ('entries', 'CSV: ledger entries'), ('lines', 'CSV: price lines'), ('focus', 'FOCUS 1.4 CSV')], max_length=10)),
                        ('status', models.CharField(choices=[('queued', 'Waits'), ('running', 'Being made'), ('done', 'Ready'), ('failed', 'Failed')], default='queued', max_length=10)),
                        ('made_at', models.DateTimeField()),
                        ('tries', models.PositiveSmallIntegerField(default=0)),
                        ('finished_at', models.DateTimeField(null=True)),
                        ('rows', models.PositiveIntegerField(default=0, help_text='Below the head, without a total.')),
                        ('total_pico', apps.core.fields.PicoSumField(help_text='What the rows add up to.', null=True)),
                        ('size', models.PositiveIntegerField(default=0, help_text='In bytes.')),
                        ('sha256', models.CharField(blank=True, max_length=64)),
                        ('remark', models.CharField(blank=True, max_length=500)),
                        ('error', models.CharField(blank=True, max_length=500)),
                        ('deleted_at', models.DateTimeField(help_text='When its file went.', null=True)),
                        ('made_by', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='exports.export')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
    ]
