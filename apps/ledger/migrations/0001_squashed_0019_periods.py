import apps.core.fields
import apps.core.ids
import apps.core.migration_operations
import apps.ledger.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# Puts a table by month in the place of the one that Django made, before there are indexes, keys and
# triggers. An entry's id is unique over all months by ledger_entrykey.
BY_MONTH = """
    CREATE TABLE ledger_entry_new (
        LIKE ledger_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS
    ) PARTITION BY RANGE (at);
    DROP TABLE ledger_entry;
    ALTER TABLE ledger_entry_new RENAME TO ledger_entry;
    CREATE TABLE ledger_entry_default PARTITION OF ledger_entry DEFAULT;
    DO $$
    DECLARE month timestamp;
    BEGIN
        FOR month IN
            SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month'
            FROM generate_series(0, 6) ahead
        LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF ledger_entry FOR VALUES FROM (%L) TO (%L)',
                'ledger_entry_' || to_char(month, 'YYYY_MM'),
                month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        END LOOP;
    END $$;
    ALTER TABLE ledger_entry ADD PRIMARY KEY (id, at);
    CREATE INDEX ledger_entry_reverses_id_idx ON ledger_entry (reverses_id);
"""
# Not one of pgtrigger's, which code can ask to be ignored. As the owner: nobody else may write keys.
# Usage that is contested takes the place of a charge; an adjustment needs the approval of the same
# id, over the same amount.
KEYS = """
CREATE FUNCTION ledger_entry_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added WHERE kind IN ('provider_adjustment', 'credit') AND NOT EXISTS (
            SELECT FROM ledger_adjustment asked
            WHERE asked.id = added.id AND asked.status = 'approved'
              AND asked.kind = added.kind AND asked.amount_pico = added.amount_pico
        )
    ) THEN
        RAISE EXCEPTION 'An adjustment is booked as it was approved, or not at all.'
        USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger_entrykey (id, attempt_id, slot, reverses_id)
    SELECT id, attempt_id, CASE
            WHEN kind IN ('charge', 'late_charge', 'unpriced', 'conflict') THEN 'charge'
            WHEN kind = 'estimate' THEN 'estimate' ELSE '' END, reverses_id
    FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_keys AFTER INSERT ON ledger_entry
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_keys();
"""
NO_KEYS = """
DROP TRIGGER ledger_entry_keys ON ledger_entry;
DROP FUNCTION ledger_entry_keys();
"""
# A statement on ledger_entry does not fire the statement triggers of its partitions; one that
# names a partition does, and would go past the keys.
GUARD = """
CREATE FUNCTION ledger_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only. Add to ledger_entry, not to %.', TG_TABLE_NAME;
END $$;
DO $$
DECLARE leaf regclass;
BEGIN
    FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass LOOP
        EXECUTE format('CREATE TRIGGER ledger_entry_guard BEFORE INSERT OR TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_guard()', leaf);
    END LOOP;
END $$;
"""
NO_GUARD = "DROP FUNCTION ledger_entry_guard() CASCADE;"
# Attaching locks attempts (its key to them) and the default partition (none of its rows may belong
# to the month). Attempts first, as who books does, and all of them: nobody is then between the two.
# The table itself next: an entry that has chosen the default partition would be refused there once
# its month exists. These locks are had at once or not at all. So booking waits for two seconds at
# most before the work begins, and never in a circle.
MONTH = """
CREATE FUNCTION ledger_entry_month(month date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    first timestamp := date_trunc('month', month::timestamp);
    since timestamptz := first AT TIME ZONE 'UTC';
    until timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC';
    leaf text := 'ledger_entry_' || to_char(first, 'YYYY_MM');
    moved bigint;
BEGIN
    IF (since BETWEEN now() - interval '10 years' AND now() + interval '24 months') IS NOT TRUE THEN
        RAISE EXCEPTION 'No partition for %: it is more than ten years ago or 24 months ahead.', month
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass
               AND inhrelid = to_regclass(leaf)) THEN
        RETURN 0;
    END IF;
    LOCK TABLE ledger_attempt IN EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass
               AND inhrelid = to_regclass(leaf)) THEN
        RETURN 0;
    END IF;
    LOCK TABLE ONLY ledger_entry IN SHARE ROW EXCLUSIVE MODE NOWAIT;
    LOCK TABLE ledger_entry_default IN ACCESS EXCLUSIVE MODE NOWAIT;
    EXECUTE format('CREATE TABLE public.%I (
        LIKE ledger_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', leaf);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM ledger_entry_default
        WHERE at >= %L AND at < %L', leaf, since, until);
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
        ALTER TABLE ledger_entry_default DISABLE TRIGGER USER;
        DELETE FROM ledger_entry_default WHERE at >= since AND at < until;
        ALTER TABLE ledger_entry_default ENABLE TRIGGER USER;
    END IF;
    EXECUTE format('ALTER TABLE ledger_entry ATTACH PARTITION public.%I
        FOR VALUES FROM (%L) TO (%L)', leaf, since, until);
    EXECUTE format('CREATE TRIGGER ledger_entry_guard BEFORE INSERT OR TRUNCATE ON public.%I
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_guard()', leaf);
    RETURN moved;
END $$;
CREATE FUNCTION ledger_entry_strays() RETURNS TABLE (month date, entries bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date, count(*)
    FROM ledger_entry_default GROUP BY 1 ORDER BY 1
$$;
REVOKE ALL ON FUNCTION ledger_entry_month(date), ledger_entry_strays() FROM PUBLIC;
"""
NO_MONTH = "DROP FUNCTION ledger_entry_month(date), ledger_entry_strays();"
# Neither is one of pgtrigger's, which code can ask to be ignored; as the owner, who alone may lock
# the boundary whatever the rights of others. Calls are booked at the present moment, and a month is
# closed a day after its end at the earliest: only for entries of the past is anybody asked. The
# lock is that row's, so that a transaction which sees an old boundary fails instead of passing it.
OPEN = """
CREATE FUNCTION ledger_entry_open() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE bound ledger_boundary;
BEGIN
    IF EXISTS (SELECT FROM added WHERE at < clock_timestamp() - interval '1 hour') THEN
        SELECT * INTO bound FROM ledger_boundary FOR SHARE;
        IF EXISTS (
            SELECT FROM added
            WHERE at < bound.closed_until
               OR (at < bound.soft_until AND kind NOT IN ('provider_adjustment', 'credit'))
        ) THEN
            RAISE EXCEPTION 'The month of this entry is closed. Date it into an open one.'
            USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_open AFTER INSERT ON ledger_entry
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_open();
"""
NOT_OPEN = """
DROP TRIGGER ledger_entry_open ON ledger_entry;
DROP FUNCTION ledger_entry_open();
"""
FORWARDS = """
CREATE FUNCTION ledger_boundary_forwards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND (
        OLD.closed_until IS NULL OR NEW.closed_until >= OLD.closed_until
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'What is closed stays closed.' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER ledger_boundary_forwards BEFORE UPDATE OR DELETE ON ledger_boundary
FOR EACH ROW EXECUTE FUNCTION ledger_boundary_forwards();
CREATE TRIGGER ledger_boundary_truncate BEFORE TRUNCATE ON ledger_boundary
FOR EACH STATEMENT EXECUTE FUNCTION ledger_boundary_forwards();
INSERT INTO ledger_boundary (id) VALUES (1);
"""
BACKWARDS = """
DROP FUNCTION ledger_boundary_forwards() CASCADE;
"""


class Migration(migrations.Migration):

    replaces = [('ledger', '0001_initial'), ('ledger', '0002_rollups'), ('ledger', '0003_entry_xid'), ('ledger', '0004_attempt_why'), ('ledger', '0005_monthly_partitions'), ('ledger', '0006_attempt_saved_tokens'), ('ledger', '0007_usage_measures'), ('ledger', '0008_conflicting_usage'), ('ledger', '0009_quarantine_indexes'), ('ledger', '0010_quarantine_decisions'), ('ledger', '0011_purposes'), ('ledger', '0012_adjustments'), ('ledger', '0013_quarantine_name'), ('ledger', '0014_attempt_due_at'), ('ledger', '0015_call_subjects'), ('ledger', '0016_attempt_xid'), ('ledger', '0017_similar_purpose'), ('ledger', '0018_hedges'), ('ledger', '0019_periods')]

    initial = True

    dependencies = [
        ('auth', '__first__'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        apps.core.migration_operations.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Attempt',
                    fields=[
                        ('service', models.CharField(max_length=50)),
                        ('team', models.CharField(max_length=50)),
                        ('cost_center', models.CharField(max_length=50)),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(max_length=50)),
                        ('deployment', models.CharField(max_length=50)),
                        ('prompt', models.CharField(blank=True, default='', max_length=50)),
                        ('prompt_version', models.PositiveIntegerField(default=0, help_text='0: no prompt.')),
                        ('arm', models.CharField(blank=True, default='', max_length=91)),
                        ('tags', models.JSONField(blank=True, default=list)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('request_id', models.CharField(db_index=True, max_length=128)),
                        ('job_id', models.UUIDField(blank=True, db_index=True, null=True)),
                        ('number', models.PositiveSmallIntegerField(help_text='1 is the first attempt of the call.')),
                        ('purpose', models.CharField(choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], default='answer', max_length=10)),
                        ('status', models.CharField(choices=[('dispatched', 'Dispatched'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('unknown', 'Unknown')], default='dispatched', max_length=10)),
                        ('started_at', models.DateTimeField(db_index=True)),
                        ('ended_at', models.DateTimeField(blank=True, null=True)),
                        ('first_token_ms', models.PositiveIntegerField(blank=True, null=True)),
                        ('http_status', models.PositiveSmallIntegerField(blank=True, null=True)),
                        ('error_kind', models.CharField(blank=True, max_length=30)),
                        ('error', models.CharField(blank=True, max_length=500)),
                        ('provider_request_id', models.CharField(blank=True, max_length=200)),
                        ('why', models.CharField(blank=True, db_default='', default='', help_text='Why the call was sent to this deployment.', max_length=200)),
                        ('saved_tokens', models.PositiveIntegerField(db_default=0, default=0, help_text="Input tokens that the prompt's own way to be shortened left out.")),
                        ('due_at', models.DateTimeField(help_text='When its end is known at the latest, of one that may take longer than a call.', null=True)),
                        ('channel', models.CharField(blank=True, db_default='', default='', help_text='Of the prompt.', max_length=50)),
                        ('flaw', models.CharField(blank=True, choices=[('refusal', 'Refused to answer'), ('schema', 'Not by its schema'), ('cut_off', 'Cut off at its length')], db_default='', default='', max_length=10)),
                        ('phase', models.BigIntegerField(db_default=0, default=0, help_text='Of the experiment, in which the subject joined.')),
                        ('subject', models.CharField(blank=True, db_default='', default='', help_text='Keyed hash of whom the call was for; empty: nobody that results may count.', max_length=32)),
                        ('xid', apps.ledger.fields.Xid8Field(editable=False, help_text='The transaction that ended it; results follow it.', null=True)),
                    ],
                    options={
                        'ordering': ['-id'],
                        'indexes': [models.Index(condition=models.Q(('status', 'dispatched')), fields=['started_at'], name='attempt_open'), models.Index(condition=models.Q(('status', 'unknown')), fields=['started_at'], name='attempt_unknown'), models.Index(condition=models.Q(('xid__isnull', False), models.Q(('prompt', ''), _negated=True)), fields=['xid'], name='attempt_xid')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'dispatched')), models.Q(models.Q(('status', 'dispatched'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='attempt_ended_has_time')],
                        'triggers': [pgtrigger.compiler.Trigger(name='attempt_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='31987b2f6e9e0aab81b5c96cd08ebb292f111e15', operation='DELETE', pgid='pgtrigger_attempt_no_delete_1fdb7', table='ledger_attempt', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='Entry',
                    fields=[
                        ('service', models.CharField(max_length=50)),
                        ('team', models.CharField(max_length=50)),
                        ('cost_center', models.CharField(max_length=50)),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(max_length=50)),
                        ('deployment', models.CharField(max_length=50)),
                        ('prompt', models.CharField(blank=True, default='', max_length=50)),
                        ('prompt_version', models.PositiveIntegerField(default=0, help_text='0: no prompt.')),
                        ('arm', models.CharField(blank=True, default='', max_length=91)),
                        ('tags', models.JSONField(blank=True, default=list)),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('at', models.DateTimeField(db_index=True)),
                        ('kind', models.CharField(choices=[('charge', 'Charge'), ('estimate', 'Estimate'), ('late_charge', 'Late charge'), ('cache_hit', 'Cache hit'), ('unpriced', 'Unpriced'), ('conflict', 'Conflicting usage'), ('reversal', 'Reversal'), ('correction', 'Correction'), ('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                        ('amount_pico', apps.core.fields.PicoUSDField()),
                        ('avoided_pico', apps.core.fields.PicoUSDField(default=0, help_text='What a cache hit would have cost.')),
                        ('input_tokens', models.IntegerField(default=0)),
                        ('output_tokens', models.IntegerField(default=0)),
                        ('lines', models.JSONField(default=list)),
                        ('request_id', models.CharField(db_index=True, max_length=128)),
                        ('job_id', models.UUIDField(blank=True, db_index=True, null=True)),
                        ('reason', models.CharField(blank=True, max_length=500)),
                        ('actor', models.CharField(blank=True, max_length=150)),
                        ('attempt', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.attempt')),
                        ('reverses', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entry')),
                        ('purpose', models.CharField(blank=True, choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], db_default='', default='', help_text='What it was spent on; empty: no provider was called.', max_length=10)),
                        ('xid', apps.ledger.fields.Xid8Field(db_default=apps.ledger.fields.CurrentXid(), editable=False)),
                        ('cached_tokens', models.IntegerField(db_default=0, default=0, help_text='Of the input, what the provider had in its cache.')),
                        ('saved_tokens', models.IntegerField(db_default=0, default=0, help_text='Input that was left out so that the prompt fits.')),
                        ('channel', models.CharField(blank=True, db_default='', default='', help_text='Of the prompt.', max_length=50)),
                        ('phase', models.BigIntegerField(db_default=0, default=0, help_text='Of the experiment, in which the subject joined.')),
                        ('subject', models.CharField(blank=True, db_default='', default='', help_text='Keyed hash of whom the call was for; empty: nobody that results may count.', max_length=32)),
                    ],
                    options={
                        'verbose_name': 'ledger entry',
                        'verbose_name_plural': 'ledger entries',
                        'ordering': ['-id'],
                        'indexes': [models.Index(fields=['service', 'at'], name='entry_service_at'), models.Index(fields=['xid'], name='entry_xid'), models.Index(condition=models.Q(('kind__in', ['unpriced', 'conflict'])), fields=['at'], name='entry_quarantine')],
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount_pico', 0), ('kind', 'cache_hit')), models.Q(('kind', 'cache_hit'), _negated=True), _connector='OR'), name='cache_hit_costs_nothing'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'reversal'), ('reverses__isnull', False)), models.Q(models.Q(('kind', 'reversal'), _negated=True), ('reverses__isnull', True)), _connector='OR'), name='reversal_names_its_entry')],
                        'permissions': [('resolve_entry', 'Can resolve entries in quarantine')],
                    },
                ),
                migrations.CreateModel(
                    name='Usage',
                    fields=[
                        ('attempt', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='usage', serialize=False, to='ledger.attempt')),
                        ('counts', models.JSONField(help_text='Usage class → units.')),
                        ('input_total', models.PositiveIntegerField()),
                        ('output_total', models.PositiveIntegerField()),
                        ('source', models.CharField(help_text='provider, or bound (an upper estimate).', max_length=12)),
                        ('raw', models.JSONField(null=True)),
                    ],
                    options={
                        'triggers': [pgtrigger.compiler.Trigger(name='usage_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7a7b3cc8ef1736428aa5e66314b4bb3677398200', operation='UPDATE OR DELETE', pgid='pgtrigger_usage_append_only_73e68', table='ledger_usage', when='BEFORE')), pgtrigger.compiler.Trigger(name='usage_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'The ledger is append-only.';", hash='dbebb79f786712f8a7b5af9a4cf81115d84be464', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_usage_no_truncate_bcf9a', table='ledger_usage', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='DayCost',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('service', models.CharField(max_length=50)),
                        ('team', models.CharField(max_length=50)),
                        ('cost_center', models.CharField(max_length=50)),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(max_length=50)),
                        ('deployment', models.CharField(max_length=50)),
                        ('prompt', models.CharField(blank=True, default='', max_length=50)),
                        ('prompt_version', models.PositiveIntegerField(default=0, help_text='0: no prompt.')),
                        ('arm', models.CharField(blank=True, default='', max_length=91)),
                        ('purpose', models.CharField(blank=True, choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], max_length=10)),
                        ('kind', models.CharField(choices=[('charge', 'Charge'), ('estimate', 'Estimate'), ('late_charge', 'Late charge'), ('cache_hit', 'Cache hit'), ('unpriced', 'Unpriced'), ('conflict', 'Conflicting usage'), ('reversal', 'Reversal'), ('correction', 'Correction'), ('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                        ('entries', models.BigIntegerField()),
                        ('input_tokens', models.BigIntegerField()),
                        ('output_tokens', models.BigIntegerField()),
                        ('amount_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                        ('avoided_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                        ('day', models.DateField(help_text='In the zone of the cursor.')),
                        ('cached_tokens', models.BigIntegerField(db_default=0, default=0)),
                        ('saved_tokens', models.BigIntegerField(db_default=0, default=0)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('day', 'service', 'team', 'cost_center', 'provider', 'model', 'deployment', 'prompt', 'prompt_version', 'arm', 'purpose', 'kind'), name='one_cost_a_day')],
                    },
                ),
                migrations.CreateModel(
                    name='MonthCost',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('service', models.CharField(max_length=50)),
                        ('team', models.CharField(max_length=50)),
                        ('cost_center', models.CharField(max_length=50)),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(max_length=50)),
                        ('deployment', models.CharField(max_length=50)),
                        ('prompt', models.CharField(blank=True, default='', max_length=50)),
                        ('prompt_version', models.PositiveIntegerField(default=0, help_text='0: no prompt.')),
                        ('arm', models.CharField(blank=True, default='', max_length=91)),
                        ('purpose', models.CharField(blank=True, choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], max_length=10)),
                        ('kind', models.CharField(choices=[('charge', 'Charge'), ('estimate', 'Estimate'), ('late_charge', 'Late charge'), ('cache_hit', 'Cache hit'), ('unpriced', 'Unpriced'), ('conflict', 'Conflicting usage'), ('reversal', 'Reversal'), ('correction', 'Correction'), ('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                        ('entries', models.BigIntegerField()),
                        ('input_tokens', models.BigIntegerField()),
                        ('output_tokens', models.BigIntegerField()),
                        ('amount_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                        ('avoided_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                        ('month', models.DateField(help_text='Its first day, in the zone of the cursor.')),
                        ('cached_tokens', models.BigIntegerField(db_default=0, default=0)),
                        ('saved_tokens', models.BigIntegerField(db_default=0, default=0)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('month', 'service', 'team', 'cost_center', 'provider', 'model', 'deployment', 'prompt', 'prompt_version', 'arm', 'purpose', 'kind'), name='one_cost_a_month')],
                    },
                ),
                migrations.CreateModel(
                    name='RollupCursor',
                    fields=[
                        ('id', models.SmallAutoField(primary_key=True, serialize=False)),
                        ('xid', apps.ledger.fields.Xid8Field()),
                        ('zone', models.CharField(help_text='Days and months of the rollups are its own.', max_length=60)),
                        ('moved_at', models.DateTimeField(null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='EntryKey',
                    fields=[
                        ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ('attempt_id', models.UUIDField(null=True)),
                        ('slot', models.CharField(help_text='charge, estimate or nothing.', max_length=8)),
                        ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entrykey')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(condition=models.Q(('slot', 'charge')), fields=('attempt_id',), name='one_charge_an_attempt'), models.UniqueConstraint(condition=models.Q(('slot', 'estimate')), fields=('attempt_id',), name='one_estimate_an_attempt')],
                        'triggers': [pgtrigger.compiler.Trigger(name='entrykey_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b9d9fb564863b8ea4835fa020360fc2ec0701085', operation='UPDATE OR DELETE', pgid='pgtrigger_entrykey_append_only_94b18', table='ledger_entrykey', when='BEFORE')), pgtrigger.compiler.Trigger(name='entrykey_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'The ledger is append-only.';", hash='657b89ad12dbc73f6f46c68ce4afcb1b86e91048', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_entrykey_no_truncate_56238', table='ledger_entrykey', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='WaitingEntry',
                    fields=[
                    ],
                    options={
                        'verbose_name': 'entry in quarantine',
                        'verbose_name_plural': 'entries in quarantine',
                        'proxy': True,
                    },
                    bases=('ledger.entry',),
                ),
                migrations.CreateModel(
                    name='QuarantineDecision',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('entry_id', models.UUIDField(unique=True)),
                        ('correction_id', models.UUIDField(unique=True)),
                        ('choice', models.CharField(choices=[('provider', "The provider's total"), ('counts', 'Counts that were typed'), ('keep', 'What was booked')], max_length=10)),
                        ('reason', models.CharField(max_length=500)),
                        ('decided_at', models.DateTimeField()),
                        ('decided_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'triggers': [pgtrigger.compiler.Trigger(name='decision_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='39a37501f5e04b5f37d7306f7d4c7a497f3f9a13', operation='UPDATE OR DELETE', pgid='pgtrigger_decision_append_only_b8438', table='ledger_quarantinedecision', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_quarantinedecisionevent" ("choice", "correction_id", "decided_at", "decided_by_id", "entry_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."choice", NEW."correction_id", NEW."decided_at", NEW."decided_by_id", NEW."entry_id", NEW."id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."reason"); RETURN NULL;', hash='d4292a3a4a5a19b8ccbe7ed017d00c1bab5c4aca', operation='INSERT', pgid='pgtrigger_insert_insert_56cd2', table='ledger_quarantinedecision', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "ledger_quarantinedecisionevent" ("choice", "correction_id", "decided_at", "decided_by_id", "entry_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (NEW."choice", NEW."correction_id", NEW."decided_at", NEW."decided_by_id", NEW."entry_id", NEW."id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."reason"); RETURN NULL;', hash='6c634a3d595ddac882a0806e74773abc87c51697', operation='UPDATE', pgid='pgtrigger_update_update_5288d', table='ledger_quarantinedecision', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_quarantinedecisionevent" ("choice", "correction_id", "decided_at", "decided_by_id", "entry_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason") VALUES (OLD."choice", OLD."correction_id", OLD."decided_at", OLD."decided_by_id", OLD."entry_id", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."reason"); RETURN NULL;', hash='41b5430638e446482ab1a1e0ac7664a45c9edd88', operation='DELETE', pgid='pgtrigger_delete_delete_38bc6', table='ledger_quarantinedecision', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='QuarantineDecisionEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.BigIntegerField()),
                        ('entry_id', models.UUIDField()),
                        ('correction_id', models.UUIDField()),
                        ('choice', models.CharField(choices=[('provider', "The provider's total"), ('counts', 'Counts that were typed'), ('keep', 'What was booked')], max_length=10)),
                        ('reason', models.CharField(max_length=500)),
                        ('decided_at', models.DateTimeField()),
                        ('decided_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='ledger.quarantinedecision')),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Adjustment',
                    fields=[
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                        ('kind', models.CharField(choices=[('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                        ('day', models.DateField(help_text='The day whose cost it changes, in the reporting time zone.')),
                        ('amount_pico', apps.core.fields.PicoUSDField(help_text='What the cost changes by: -12.50 lowers it. A credit lowers it.', verbose_name='amount, USD')),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(blank=True, max_length=50)),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('team', models.CharField(blank=True, max_length=50)),
                        ('cost_center', models.CharField(blank=True, max_length=50)),
                        ('reference', models.CharField(help_text='Where it stands, e.g. “invoice 4711, line 3”.', max_length=200)),
                        ('reason', models.CharField(max_length=500)),
                        ('status', models.CharField(choices=[('requested', 'Waits for approval'), ('approved', 'Approved and booked'), ('rejected', 'Rejected')], default='requested', max_length=10)),
                        ('requested_at', models.DateTimeField()),
                        ('decided_at', models.DateTimeField(blank=True, null=True)),
                        ('decision', models.CharField(blank=True, help_text='Why it was decided so.', max_length=500)),
                        ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ['-id'],
                        'permissions': [('approve_adjustment', 'Can approve or reject adjustments and credits')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('amount_pico', 0), _negated=True), name='adjustment_of_something'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'credit'), _negated=True), ('amount_pico__lt', 0), _connector='OR'), name='credit_lowers_the_cost'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None), ('status', 'requested')), models.Q(models.Q(('status', 'requested'), _negated=True), ('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='adjustment_decided_by_whom'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'approved'), _negated=True), models.Q(('decided_by', models.F('requested_by')), _negated=True), _connector='OR'), name='adjustment_needs_two_people')],
                        'triggers': [pgtrigger.compiler.Trigger(name='adjustment_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='f38dfd75986fc5628a1ecdda7a2a42713e0146ca', operation='DELETE', pgid='pgtrigger_adjustment_no_delete_a5a5a', table='ledger_adjustment', when='BEFORE')), pgtrigger.compiler.Trigger(name='adjustment_as_asked', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."day" IS DISTINCT FROM (NEW."day") OR OLD."amount_pico" IS DISTINCT FROM (NEW."amount_pico") OR OLD."provider" IS DISTINCT FROM (NEW."provider") OR OLD."model" IS DISTINCT FROM (NEW."model") OR OLD."service" IS DISTINCT FROM (NEW."service") OR OLD."team" IS DISTINCT FROM (NEW."team") OR OLD."cost_center" IS DISTINCT FROM (NEW."cost_center") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."requested_by_id" IS DISTINCT FROM (NEW."requested_by_id") OR OLD."requested_at" IS DISTINCT FROM (NEW."requested_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='b8d0440137d286b0faa7e323e60628649b237129', operation='UPDATE', pgid='pgtrigger_adjustment_as_asked_f9f8a', table='ledger_adjustment', when='BEFORE')), pgtrigger.compiler.Trigger(name='adjustment_decided_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" IN (\'approved\', \'rejected\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='cc430213edbacf4825012e32708264e4a9e6f62f', operation='UPDATE', pgid='pgtrigger_adjustment_decided_once_07c67', table='ledger_adjustment', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_adjustmentevent" ("amount_pico", "cost_center", "day", "decided_at", "decided_by_id", "decision", "id", "kind", "model", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "reason", "reference", "requested_at", "requested_by_id", "service", "status", "team") VALUES (NEW."amount_pico", NEW."cost_center", NEW."day", NEW."decided_at", NEW."decided_by_id", NEW."decision", NEW."id", NEW."kind", NEW."model", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."provider", NEW."reason", NEW."reference", NEW."requested_at", NEW."requested_by_id", NEW."service", NEW."status", NEW."team"); RETURN NULL;', hash='139bfb33a0ac799a1e92d5ecee817b43f8244236', operation='INSERT', pgid='pgtrigger_insert_insert_32ba0', table='ledger_adjustment', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "ledger_adjustmentevent" ("amount_pico", "cost_center", "day", "decided_at", "decided_by_id", "decision", "id", "kind", "model", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "reason", "reference", "requested_at", "requested_by_id", "service", "status", "team") VALUES (NEW."amount_pico", NEW."cost_center", NEW."day", NEW."decided_at", NEW."decided_by_id", NEW."decision", NEW."id", NEW."kind", NEW."model", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."provider", NEW."reason", NEW."reference", NEW."requested_at", NEW."requested_by_id", NEW."service", NEW."status", NEW."team"); RETURN NULL;', hash='5a599bed1817c4af32e0b6737efab5091977449e', operation='UPDATE', pgid='pgtrigger_update_update_63586', table='ledger_adjustment', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_adjustmentevent" ("amount_pico", "cost_center", "day", "decided_at", "decided_by_id", "decision", "id", "kind", "model", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "reason", "reference", "requested_at", "requested_by_id", "service", "status", "team") VALUES (OLD."amount_pico", OLD."cost_center", OLD."day", OLD."decided_at", OLD."decided_by_id", OLD."decision", OLD."id", OLD."kind", OLD."model", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."provider", OLD."reason", OLD."reference", OLD."requested_at", OLD."requested_by_id", OLD."service", OLD."status", OLD."team"); RETURN NULL;', hash='bf13ba9fc4ce2dea6d7f583e38fcf9fd2971b533', operation='DELETE', pgid='pgtrigger_delete_delete_5974e', table='ledger_adjustment', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='AdjustmentEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, serialize=False)),
                        ('kind', models.CharField(choices=[('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                        ('day', models.DateField(help_text='The day whose cost it changes, in the reporting time zone.')),
                        ('amount_pico', apps.core.fields.PicoUSDField(help_text='What the cost changes by: -12.50 lowers it. A credit lowers it.', verbose_name='amount, USD')),
                        ('provider', models.CharField(max_length=50)),
                        ('model', models.CharField(blank=True, max_length=50)),
                        ('service', models.CharField(blank=True, max_length=50)),
                        ('team', models.CharField(blank=True, max_length=50)),
                        ('cost_center', models.CharField(blank=True, max_length=50)),
                        ('reference', models.CharField(help_text='Where it stands, e.g. “invoice 4711, line 3”.', max_length=200)),
                        ('reason', models.CharField(max_length=500)),
                        ('status', models.CharField(choices=[('requested', 'Waits for approval'), ('approved', 'Approved and booked'), ('rejected', 'Rejected')], default='requested', max_length=10)),
                        ('requested_at', models.DateTimeField()),
                        ('decided_at', models.DateTimeField(blank=True, null=True)),
                        ('decision', models.CharField(blank=True, help_text='Why it was decided so.', max_length=500)),
                        ('decided_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='ledger.adjustment')),
                        ('requested_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='Boundary',
                    fields=[
                        ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                        ('closed_until', models.DateTimeField(null=True)),
                        ('soft_until', models.DateTimeField(null=True)),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='one_boundary')],
                    },
                ),
                migrations.CreateModel(
                    name='Period',
                    fields=[
                        ('month', models.DateField(help_text='Its first day.', primary_key=True, serialize=False)),
                        ('start', models.DateTimeField()),
                        ('end', models.DateTimeField(help_text='The first moment after it.')),
                        ('zone', models.CharField(help_text='The reporting time zone of its days.', max_length=60)),
                        ('status', models.CharField(choices=[('open', 'Open'), ('soft_closed', 'Soft-closed'), ('closed', 'Closed')], default='open', max_length=12)),
                        ('soft_closed_at', models.DateTimeField(editable=False, null=True)),
                        ('after_xid', apps.ledger.fields.Xid8Field(editable=False, null=True)),
                        ('closed_at', models.DateTimeField(editable=False, null=True)),
                        ('entries', models.BigIntegerField(default=0, help_text='How many the seal covers.')),
                        ('amount_pico', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                        ('days', models.JSONField(default=list, help_text='[day, entries, amount in pico-USD, digest]')),
                        ('previous_seal', models.CharField(blank=True, max_length=64)),
                        ('seal', models.CharField(blank=True, help_text='SHA-256 over all of the above.', max_length=64)),
                        ('closed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('soft_closed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'month',
                        'ordering': ['-month'],
                        'permissions': [('close_period', 'Can close months, and open soft-closed ones again')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='period_has_a_length'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('status', 'closed'), models.Q(('seal', ''), _negated=True)), models.Q(models.Q(('status', 'closed'), _negated=True), ('closed_at', None), ('closed_by', None), ('seal', '')), _connector='OR'), name='period_closed_is_sealed'), models.CheckConstraint(condition=models.Q(('closed_by', None), models.Q(('closed_by', models.F('soft_closed_by')), _negated=True), _connector='OR'), name='period_needs_two_people')],
                        'triggers': [pgtrigger.compiler.Trigger(name='period_no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='cd01f955149fd6afceff0ff845b723c98cfedad1', operation='DELETE', pgid='pgtrigger_period_no_delete_1c105', table='ledger_period', when='BEFORE')), pgtrigger.compiler.Trigger(name='period_bounds', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."month" IS DISTINCT FROM (NEW."month") OR OLD."start" IS DISTINCT FROM (NEW."start") OR OLD."end" IS DISTINCT FROM (NEW."end") OR OLD."zone" IS DISTINCT FROM (NEW."zone"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='9550a4f59b51798d278158399bd46cfb0f37d25c', operation='UPDATE', pgid='pgtrigger_period_bounds_428b2', table='ledger_period', when='BEFORE')), pgtrigger.compiler.Trigger(name='period_closed_for_ever', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."status" = \'closed\')', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='21963948fcef911fee7679d3931d02c1c2a84ff3', operation='UPDATE', pgid='pgtrigger_period_closed_for_ever_ca23a', table='ledger_period', when='BEFORE')), pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_periodevent" ("after_xid", "amount_pico", "closed_at", "closed_by_id", "days", "end", "entries", "month", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "previous_seal", "seal", "soft_closed_at", "soft_closed_by_id", "start", "status", "zone") VALUES (NEW."after_xid", NEW."amount_pico", NEW."closed_at", NEW."closed_by_id", NEW."days", NEW."end", NEW."entries", NEW."month", _pgh_attach_context(), NOW(), \'insert\', NEW."month", NEW."previous_seal", NEW."seal", NEW."soft_closed_at", NEW."soft_closed_by_id", NEW."start", NEW."status", NEW."zone"); RETURN NULL;', hash='2465568e60a9c87b729bc1f63bb71ba476ec4337', operation='INSERT', pgid='pgtrigger_insert_insert_66280', table='ledger_period', when='AFTER')), pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "ledger_periodevent" ("after_xid", "amount_pico", "closed_at", "closed_by_id", "days", "end", "entries", "month", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "previous_seal", "seal", "soft_closed_at", "soft_closed_by_id", "start", "status", "zone") VALUES (NEW."after_xid", NEW."amount_pico", NEW."closed_at", NEW."closed_by_id", NEW."days", NEW."end", NEW."entries", NEW."month", _pgh_attach_context(), NOW(), \'update\', NEW."month", NEW."previous_seal", NEW."seal", NEW."soft_closed_at", NEW."soft_closed_by_id", NEW."start", NEW."status", NEW."zone"); RETURN NULL;', hash='6a6ed7f964f6c4db31bc37db76adcb8dc423b356', operation='UPDATE', pgid='pgtrigger_update_update_907ec', table='ledger_period', when='AFTER')), pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "ledger_periodevent" ("after_xid", "amount_pico", "closed_at", "closed_by_id", "days", "end", "entries", "month", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "previous_seal", "seal", "soft_closed_at", "soft_closed_by_id", "start", "status", "zone") VALUES (OLD."after_xid", OLD."amount_pico", OLD."closed_at", OLD."closed_by_id", OLD."days", OLD."end", OLD."entries", OLD."month", _pgh_attach_context(), NOW(), \'delete\', OLD."month", OLD."previous_seal", OLD."seal", OLD."soft_closed_at", OLD."soft_closed_by_id", OLD."start", OLD."status", OLD."zone"); RETURN NULL;', hash='a2968f2385021339a5de3dc8b95f7a7f57f3d2f2', operation='DELETE', pgid='pgtrigger_delete_delete_b3766', table='ledger_period', when='AFTER'))],
                    },
                ),
                migrations.CreateModel(
                    name='PeriodEvent',
                    fields=[
                        ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                        ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                        ('pgh_label', models.TextField(help_text='The event label.')),
                        ('month', models.DateField(help_text='Its first day.', serialize=False)),
                        ('start', models.DateTimeField()),
                        ('end', models.DateTimeField(help_text='The first moment after it.')),
                        ('zone', models.CharField(help_text='The reporting time zone of its days.', max_length=60)),
                        ('status', models.CharField(choices=[('open', 'Open'), ('soft_closed', 'Soft-closed'), ('closed', 'Closed')], default='open', max_length=12)),
                        ('soft_closed_at', models.DateTimeField(editable=False, null=True)),
                        ('after_xid', apps.ledger.fields.Xid8Field(editable=False, null=True)),
                        ('closed_at', models.DateTimeField(editable=False, null=True)),
                        ('entries', models.BigIntegerField(default=0, help_text='How many the seal covers.')),
                        ('amount_pico', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                        ('days', models.JSONField(default=list, help_text='[day, entries, amount in pico-USD, digest]')),
                        ('previous_seal', models.CharField(blank=True, max_length=64)),
                        ('seal', models.CharField(blank=True, help_text='SHA-256 over all of the above.', max_length=64)),
                        ('closed_by', models.ForeignKey(db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                        ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                        ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='ledger.period')),
                        ('soft_closed_by', models.ForeignKey(db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(BY_MONTH, migrations.RunSQL.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='entry',
                    name='reverses',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entry'),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entry_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9af85c6b3f9c8411a23816b1a171c8b8783d9c9c', operation='UPDATE OR DELETE', pgid='pgtrigger_entry_append_only_cb569', table='ledger_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entry_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'The ledger is append-only.';", hash='ef8988e42b6f382fb09a86e1945d37c45660a69f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_entry_no_truncate_57f08', table='ledger_entry', when='BEFORE')),
        ),
        migrations.RunSQL(KEYS, NO_KEYS),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.RunSQL(MONTH, NO_MONTH),
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.RunSQL(OPEN, NOT_OPEN),
    ]
