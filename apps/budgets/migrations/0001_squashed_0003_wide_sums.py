import apps.budgets.models.budgets
import apps.budgets.models.choices
import apps.core.fields
import apps.core.migration_operations
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('budgets', '0001_initial'), ('budgets', '0002_rolling_carry_thresholds_raises'), ('budgets', '0003_wide_sums')]

    initial = True

    dependencies = [
        ('auth', '__first__'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Budget',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(help_text='Short name used in the API, e.g. “shop”.', unique=True)),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('team', models.SlugField(blank=True)),
                        ('cost_center', models.SlugField(blank=True)),
                        ('service', models.SlugField(blank=True)),
                        ('provider', models.SlugField(blank=True)),
                        ('model', models.SlugField(blank=True)),
                        ('prompt', models.SlugField(blank=True)),
                        ('tag', models.CharField(blank=True, max_length=100)),
                        ('period', models.CharField(choices=[('day', 'Day'), ('week', 'Week'), ('month', 'Month'), ('quarter', 'Quarter'), ('year', 'Year'), ('lifetime', 'Lifetime'), ('hours', 'Rolling hours'), ('days', 'Rolling days')], default='month', max_length=10)),
                        ('time_zone', models.CharField(default='UTC', help_text='Days and months begin in this zone, e.g. Europe/Berlin.', max_length=60, validators=[apps.budgets.models.budgets.validate_time_zone])),
                        ('limit_pico', apps.core.fields.PicoUSDField(help_text='Dollars in each period, e.g. 50 or 0.25.', verbose_name='limit, USD')),
                        ('hard', models.BooleanField(default=True, help_text='Hard: a call that could exceed it is refused. Soft: it is marked.')),
                        ('active', models.BooleanField(default=True)),
                        ('bases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('actual', 'Spent'), ('committed', 'Spent or held by running calls'), ('forecast', 'Forecast for the end of the window')], max_length=10), blank=True, db_default=['actual', 'committed', 'forecast'], default=apps.budgets.models.choices.default_bases, help_text="Forecast: what was spent so far, at the same pace to the window's end, after a twentieth of it has passed; days of the week make no difference. Calendar windows only.", size=None, verbose_name='compared with')),
                        ('carry_cap_percent', models.PositiveSmallIntegerField(db_default=100, default=100, help_text='Of the limit: how much of what was not spent is carried over at most.', verbose_name='carry at most, %')),
                        ('carry_over', models.CharField(choices=[('none', 'Nothing'), ('unspent', 'What was not spent'), ('overspend', 'What was overspent is deducted'), ('both', 'Both')], db_default='none', default='none', help_text='What a calendar window takes over from the one before it, once, when its first call comes.', max_length=10)),
                        ('cheaper_model', models.SlugField(blank=True, db_default='', default='', help_text='Route or model that is tried instead.')),
                        ('fiscal_month', models.PositiveSmallIntegerField(db_default=1, default=1, help_text='Years, and with them quarters, begin with this month: 1 is January.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(12)])),
                        ('length', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Only of a rolling period: how many hours or days count at any moment. They roll on in 48 steps; a call counts up to one step longer, never shorter.')),
                        ('min_output_tokens', models.PositiveIntegerField(db_default=64, default=64, help_text='An answer is not shortened below so many tokens; the call is refused instead.', validators=[django.core.validators.MinValueValidator(1)])),
                        ('notify', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, db_default=[], default=list, help_text='Mail addresses, separated by commas, that are told of thresholds.', size=20)),
                        ('on_exceeded', models.CharField(choices=[('refuse', 'Refuse the call'), ('queue', 'Jobs wait for room; direct calls are refused'), ('cheaper', 'Try the cheaper model'), ('cap', 'Shorten the answer to what is affordable')], db_default='refuse', default='refuse', help_text='Only of a hard budget. When several refuse, the first in this list decides.', max_length=10, verbose_name="when it doesn't fit")),
                        ('thresholds', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, db_default=[50, 80, 95, 100], default=apps.budgets.models.choices.default_thresholds, help_text='Percent of the limit, e.g. 50,80,95,100. Each tells once in a window.', size=20)),
                        ('week_start', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], db_default=0, default=0, help_text='Weeks begin on this day.')),
                    ],
                    options={
                        'ordering': ['slug'],
                        'constraints': [models.CheckConstraint(condition=models.Q(('limit_pico__gte', 0)), name='budget_limit_not_negative', violation_error_message='A limit cannot be negative.'), models.CheckConstraint(condition=models.Q(models.Q(('length__gte', 1), ('period__in', ('hours', 'days'))), models.Q(models.Q(('period__in', ('hours', 'days')), _negated=True), ('length', 0)), _connector='OR'), name='budget_rolling_has_length', violation_error_message='A rolling period, and no other, has a length.')],
                        'triggers': [pgtrigger.compiler.Trigger(name='config_epoch', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE core_configepoch SET value = value + 1; RETURN NULL;', hash='c37439393587bb71c004adb154849151b7f96c11', level='STATEMENT', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_config_epoch_a4865', table='budgets_budget', when='AFTER')), pgtrigger.compiler.Trigger(name='budget_counts_the_same', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."team" IS DISTINCT FROM (NEW."team") OR OLD."cost_center" IS DISTINCT FROM (NEW."cost_center") OR OLD."service" IS DISTINCT FROM (NEW."service") OR OLD."provider" IS DISTINCT FROM (NEW."provider") OR OLD."model" IS DISTINCT FROM (NEW."model") OR OLD."prompt" IS DISTINCT FROM (NEW."prompt") OR OLD."tag" IS DISTINCT FROM (NEW."tag") OR OLD."period" IS DISTINCT FROM (NEW."period") OR OLD."length" IS DISTINCT FROM (NEW."length") OR OLD."week_start" IS DISTINCT FROM (NEW."week_start") OR OLD."fiscal_month" IS DISTINCT FROM (NEW."fiscal_month") OR OLD."time_zone" IS DISTINCT FROM (NEW."time_zone"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f008754681fdda7b99e0642fdf4d46cfe04ececa', operation='UPDATE', pgid='pgtrigger_budget_counts_the_same_c0dae', table='budgets_budget', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "budgets_budgetevent" ("active", "bases", "carry_cap_percent", "carry_over", "cheaper_model", "cost_center", "created_at", "fiscal_month", "hard", "id", "length", "limit_pico", "min_output_tokens", "model", "name", "notify", "on_exceeded", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt", "provider", "service", "slug", "tag", "team", "thresholds", "time_zone", "updated_at", "week_start") VALUES (NEW."active", NEW."bases", NEW."carry_cap_percent", NEW."carry_over", NEW."cheaper_model", NEW."cost_center", NEW."created_at", NEW."fiscal_month", NEW."hard", NEW."id", NEW."length", NEW."limit_pico", NEW."min_output_tokens", NEW."model", NEW."name", NEW."notify", NEW."on_exceeded", NEW."period", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prompt", NEW."provider", NEW."service", NEW."slug", NEW."tag", NEW."team", NEW."thresholds", NEW."time_zone", NEW."updated_at", NEW."week_start"); RETURN NULL;', hash='8714b611c05af442841497287872faa80d46a943', operation='INSERT', pgid='pgtrigger_insert_insert_69143', table='budgets_budget', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "budgets_budgetevent" ("active", "bases", "carry_cap_percent", "carry_over", "cheaper_model", "cost_center", "created_at", "fiscal_month", "hard", "id", "length", "limit_pico", "min_output_tokens", "model", "name", "notify", "on_exceeded", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt", "provider", "service", "slug", "tag", "team", "thresholds", "time_zone", "updated_at", "week_start") VALUES (NEW."active", NEW."bases", NEW."carry_cap_percent", NEW."carry_over", NEW."cheaper_model", NEW."cost_center", NEW."created_at", NEW."fiscal_month", NEW."hard", NEW."id", NEW."length", NEW."limit_pico", NEW."min_output_tokens", NEW."model", NEW."name", NEW."notify", NEW."on_exceeded", NEW."period", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prompt", NEW."provider", NEW."service", NEW."slug", NEW."tag", NEW."team", NEW."thresholds", NEW."time_zone", NEW."updated_at", NEW."week_start"); RETURN NULL;', hash='94d98ae9577b1daf98d4d036ddb3244a2b4f9cf7', operation='UPDATE', pgid='pgtrigger_update_update_dac1d', table='budgets_budget', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "budgets_budgetevent" ("active", "bases", "carry_cap_percent", "carry_over", "cheaper_model", "cost_center", "created_at", "fiscal_month", "hard", "id", "length", "limit_pico", "min_output_tokens", "model", "name", "notify", "on_exceeded", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prompt", "provider", "service", "slug", "tag", "team", "thresholds", "time_zone", "updated_at", "week_start") VALUES (OLD."active", OLD."bases", OLD."carry_cap_percent", OLD."carry_over", OLD."cheaper_model", OLD."cost_center", OLD."created_at", OLD."fiscal_month", OLD."hard", OLD."id", OLD."length", OLD."limit_pico", OLD."min_output_tokens", OLD."model", OLD."name", OLD."notify", OLD."on_exceeded", OLD."period", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prompt", OLD."provider", OLD."service", OLD."slug", OLD."tag", OLD."team", OLD."thresholds", OLD."time_zone", OLD."updated_at", OLD."week_start"); RETURN NULL;', hash='31960ea5833e6d27174a6dbeb601957b6c8b18e5', operation='DELETE', pgid='pgtrigger_delete_delete_d0eba', table='budgets_budget', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='BudgetEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('slug', models.SlugField(db_index=False, help_text='Short name used in the API, e.g. “shop”.')),
                        ('name', models.CharField(help_text='Name shown to people.', max_length=200)),
                        ('team', models.SlugField(blank=True, db_index=False)),
                        ('cost_center', models.SlugField(blank=True, db_index=False)),
                        ('service', models.SlugField(blank=True, db_index=False)),
                        ('provider', models.SlugField(blank=True, db_index=False)),
                        ('model', models.SlugField(blank=True, db_index=False)),
                        ('prompt', models.SlugField(blank=True, db_index=False)),
                        ('tag', models.CharField(blank=True, max_length=100)),
                        ('period', models.CharField(choices=[('day', 'Day'), ('week', 'Week'), ('month', 'Month'), ('quarter', 'Quarter'), ('year', 'Year'), ('lifetime', 'Lifetime'), ('hours', 'Rolling hours'), ('days', 'Rolling days')], default='month', max_length=10)),
                        ('time_zone', models.CharField(default='UTC', help_text='Days and months begin in this zone, e.g. Europe/Berlin.', max_length=60, validators=[apps.budgets.models.budgets.validate_time_zone])),
                        ('limit_pico', apps.core.fields.PicoUSDField(help_text='Dollars in each period, e.g. 50 or 0.25.', verbose_name='limit, USD')),
                        ('hard', models.BooleanField(default=True, help_text='Hard: a call that could exceed it is refused. Soft: it is marked.')),
                        ('active', models.BooleanField(default=True)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='budgets.budget')),
                        ('bases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('actual', 'Spent'), ('committed', 'Spent or held by running calls'), ('forecast', 'Forecast for the end of the window')], max_length=10), blank=True, db_default=['actual', 'committed', 'forecast'], default=apps.budgets.models.choices.default_bases, help_text="Forecast: what was spent so far, at the same pace to the window's end, after a twentieth of it has passed; days of the week make no difference. Calendar windows only.", size=None, verbose_name='compared with')),
                        ('carry_cap_percent', models.PositiveSmallIntegerField(db_default=100, default=100, help_text='Of the limit: how much of what was not spent is carried over at most.', verbose_name='carry at most, %')),
                        ('carry_over', models.CharField(choices=[('none', 'Nothing'), ('unspent', 'What was not spent'), ('overspend', 'What was overspent is deducted'), ('both', 'Both')], db_default='none', default='none', help_text='What a calendar window takes over from the one before it, once, when its first call comes.', max_length=10)),
                        ('cheaper_model', models.SlugField(blank=True, db_default='', db_index=False, default='', help_text='Route or model that is tried instead.')),
                        ('fiscal_month', models.PositiveSmallIntegerField(db_default=1, default=1, help_text='Years, and with them quarters, begin with this month: 1 is January.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(12)])),
                        ('length', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Only of a rolling period: how many hours or days count at any moment. They roll on in 48 steps; a call counts up to one step longer, never shorter.')),
                        ('min_output_tokens', models.PositiveIntegerField(db_default=64, default=64, help_text='An answer is not shortened below so many tokens; the call is refused instead.', validators=[django.core.validators.MinValueValidator(1)])),
                        ('notify', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, db_default=[], default=list, help_text='Mail addresses, separated by commas, that are told of thresholds.', size=20)),
                        ('on_exceeded', models.CharField(choices=[('refuse', 'Refuse the call'), ('queue', 'Jobs wait for room; direct calls are refused'), ('cheaper', 'Try the cheaper model'), ('cap', 'Shorten the answer to what is affordable')], db_default='refuse', default='refuse', help_text='Only of a hard budget. When several refuse, the first in this list decides.', max_length=10, verbose_name="when it doesn't fit")),
                        ('thresholds', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, db_default=[50, 80, 95, 100], default=apps.budgets.models.choices.default_thresholds, help_text='Percent of the limit, e.g. 50,80,95,100. Each tells once in a window.', size=20)),
                        ('week_start', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')], db_default=0, default=0, help_text='Weeks begin on this day.')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Window',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('starts_at', models.DateTimeField()),
                        ('ends_at', models.DateTimeField(blank=True, help_text='Empty: lifetime or rolling.', null=True)),
                        ('limit_pico', apps.core.fields.PicoSumField()),
                        ('posted_pico', apps.core.fields.PicoSumField(default=0)),
                        ('held_pico', apps.core.fields.PicoSumField(default=0)),
                        ('overrun_pico', apps.core.fields.PicoSumField(default=0, help_text='What was booked beyond holds, e.g. when a provider bills more.')),
                        ('hard', models.BooleanField()),
                        ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='windows', to='budgets.budget')),
                        ('carried_pico', apps.core.fields.PicoSumField(db_default=0, default=0, help_text='Taken over from the window before, once.')),
                        ('outside_pico', apps.core.fields.PicoSumField(db_default=0, default=0, help_text='Rolling: posted or held before the period of now.')),
                        ('raised_pico', apps.core.fields.PicoSumField(db_default=0, default=0, help_text='By approved raises, at the latest admission.')),
                    ],
                    options={
                        'ordering': ['-starts_at'],
                        'constraints': [models.UniqueConstraint(fields=('budget', 'starts_at'), name='one_window_a_start'), models.CheckConstraint(condition=models.Q(('held_pico__gte', 0)), name='window_held_not_negative')],
                        'triggers': [pgtrigger.compiler.Trigger(name='hard_limit_holds', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."hard" AND NEW."held_pico" > (OLD."held_pico"))', func="\n                    IF NEW.posted_pico + NEW.held_pico - NEW.outside_pico > NEW.limit_pico\n                       AND NEW.posted_pico + NEW.held_pico > OLD.posted_pico + OLD.held_pico THEN\n                        RAISE EXCEPTION 'Budget window % would exceed its hard limit.', NEW.id\n                        USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ", hash='9101b464937addf7670e2f960215ef52975e4511', operation='UPDATE', pgid='pgtrigger_hard_limit_holds_80b13', table='budgets_window', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='Hold',
                    fields=[
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ('amount_pico', apps.core.fields.PicoUSDField()),
                        ('posted_pico', apps.core.fields.PicoUSDField(default=0, help_text='What was posted to its windows for it.')),
                        ('status', models.CharField(choices=[('held', 'Held'), ('settled', 'Settled'), ('released', 'Released'), ('expired', 'Expired')], default='held', max_length=10)),
                        ('expires_at', models.DateTimeField()),
                        ('resolved_at', models.DateTimeField(blank=True, null=True)),
                        ('windows', models.ManyToManyField(related_name='holds', through='budgets.HoldWindow', to='budgets.window')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'indexes': [models.Index(condition=models.Q(('status', 'held')), fields=['expires_at'], name='hold_open')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('amount_pico__gte', 0)), name='hold_not_negative')],
                    },
                ),
                migrations.CreateModel(
                    name='HoldWindow',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('hold', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='budgets.hold')),
                        ('window', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='budgets.window')),
                        ('bucket_at', models.DateTimeField(blank=True, help_text='Rolling: the bucket that it was admitted to.', null=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('hold', 'window'), name='hold_window_once')],
                    },
                ),
                migrations.CreateModel(
                    name='ThresholdCrossing',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('period_at', models.DateTimeField(help_text='Start of the window; of a rolling one, of the stretch of its length that holds the moment, so that it may tell again in the next.')),
                        ('percent', models.PositiveSmallIntegerField()),
                        ('basis', models.CharField(choices=[('actual', 'Spent'), ('committed', 'Spent or held by running calls'), ('forecast', 'Forecast for the end of the window')], max_length=10)),
                        ('used_pico', apps.core.fields.PicoSumField(help_text='What was compared with the limit.')),
                        ('limit_pico', apps.core.fields.PicoSumField()),
                        ('at', models.DateTimeField()),
                        ('window', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='crossings', to='budgets.window')),
                    ],
                    options={
                        'ordering': ['-id'],
                        'constraints': [models.UniqueConstraint(fields=('window', 'percent', 'basis', 'period_at'), name='one_crossing_a_window')],
                    },
                ),
                migrations.CreateModel(
                    name='Bucket',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('starts_at', models.DateTimeField()),
                        ('posted_pico', apps.core.fields.PicoSumField(default=0)),
                        ('held_pico', apps.core.fields.PicoSumField(default=0)),
                        ('window', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='buckets', to='budgets.window')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('window', 'starts_at'), name='one_bucket_a_start'), models.CheckConstraint(condition=models.Q(('held_pico__gte', 0)), name='bucket_held_not_negative')],
                    },
                ),
                migrations.CreateModel(
                    name='BudgetRaise',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('amount_pico', apps.core.fields.PicoUSDField(help_text='Dollars more, for this window only.', verbose_name='amount, USD')),
                        ('reason', models.CharField(max_length=500)),
                        ('until', models.DateTimeField(blank=True, help_text='Counts until then; empty: to the end of the window.', null=True)),
                        ('status', models.CharField(choices=[('requested', 'Waits for approval'), ('approved', 'Approved'), ('declined', 'Declined')], default='requested', max_length=10)),
                        ('requested_at', models.DateTimeField()),
                        ('decided_at', models.DateTimeField(blank=True, null=True)),
                        ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('window', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='raises', to='budgets.window')),
                    ],
                    options={
                        'verbose_name': 'budget raise',
                        'ordering': ['-id'],
                        'permissions': [('approve_raise', 'Can approve or decline budget raises')],
                        'indexes': [models.Index(condition=models.Q(('status', 'approved')), fields=['window'], name='raise_approved')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('amount_pico__gt', 0)), name='raise_positive'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None), ('status', 'requested')), models.Q(models.Q(('status', 'requested'), _negated=True), ('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='raise_decided_by_whom_and_when')],
                        'triggers': [pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "budgets_budgetraiseevent" ("amount_pico", "decided_at", "decided_by_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "requested_at", "requested_by_id", "status", "until", "window_id") VALUES (NEW."amount_pico", NEW."decided_at", NEW."decided_by_id", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason", NEW."requested_at", NEW."requested_by_id", NEW."status", NEW."until", NEW."window_id"); RETURN NULL;', hash='02e7677a7d2b6d5cd0fa40665debde645b6a157b', operation='INSERT', pgid='pgtrigger_insert_insert_e0844', table='budgets_budgetraise', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "budgets_budgetraiseevent" ("amount_pico", "decided_at", "decided_by_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "requested_at", "requested_by_id", "status", "until", "window_id") VALUES (NEW."amount_pico", NEW."decided_at", NEW."decided_by_id", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason", NEW."requested_at", NEW."requested_by_id", NEW."status", NEW."until", NEW."window_id"); RETURN NULL;', hash='3746e8db84da7d568db857c3a1cb58076cb8cc3f', operation='UPDATE', pgid='pgtrigger_update_update_3a4ad', table='budgets_budgetraise', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "budgets_budgetraiseevent" ("amount_pico", "decided_at", "decided_by_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "requested_at", "requested_by_id", "status", "until", "window_id") VALUES (OLD."amount_pico", OLD."decided_at", OLD."decided_by_id", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."reason", OLD."requested_at", OLD."requested_by_id", OLD."status", OLD."until", OLD."window_id"); RETURN NULL;', hash='432714da0f0bd802384316c762a0478f048562fd', operation='DELETE', pgid='pgtrigger_delete_delete_74198', table='budgets_budgetraise', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='BudgetRaiseEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('amount_pico', apps.core.fields.PicoUSDField(help_text='Dollars more, for this window only.', verbose_name='amount, USD')),
                        ('reason', models.CharField(max_length=500)),
                        ('until', models.DateTimeField(blank=True, help_text='Counts until then; empty: to the end of the window.', null=True)),
                        ('status', models.CharField(choices=[('requested', 'Waits for approval'), ('approved', 'Approved'), ('declined', 'Declined')], default='requested', max_length=10)),
                        ('requested_at', models.DateTimeField()),
                        ('decided_at', models.DateTimeField(blank=True, null=True)),
                        ('decided_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='budgets.budgetraise')),
                        ('requested_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('window', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='budgets.window')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Alert',
                    fields=[
                        ('crossing', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='alert', serialize=False, to='budgets.thresholdcrossing')),
                        ('next_try_at', models.DateTimeField()),
                        ('tries', models.PositiveSmallIntegerField(default=0)),
                        ('delivered_at', models.DateTimeField(blank=True, null=True)),
                        ('error', models.CharField(blank=True, default='', max_length=500)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('delivered_at__isnull', True)), fields=['next_try_at'], name='alert_due')],
                    },
                ),
            ],
        ),
    ]
