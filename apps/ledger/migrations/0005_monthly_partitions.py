"""Monthly partitions of the ledger. In one transaction, under lock: it copies every row, and what
books a call waits meanwhile (docs/ledger.md says for how long)."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Who books locks an attempt before it writes entries: the same order, so that nobody waits in a circle.
LOCK = """
    LOCK TABLE ledger_attempt IN EXCLUSIVE MODE;
    LOCK TABLE ledger_entry IN ACCESS EXCLUSIVE MODE;
"""
# Puts another table in the place of ledger_entry. Indexes, triggers (with the comments by which
# pgtrigger knows them), the key to attempts and rights are those of the table before.
REPLACE = """
DO $move$
DECLARE
    month timestamp;
    statement text;
    remade text[] := ARRAY(
        SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
        FROM pg_index WHERE indrelid = 'ledger_entry'::regclass AND NOT indisunique
          AND indexrelid IS DISTINCT FROM to_regclass('ledger_entry_reverses_id_key')
          AND indexrelid IS DISTINCT FROM to_regclass('ledger_entry_reverses_id_idx')
    ) || ARRAY(
        SELECT format('ALTER TABLE ledger_entry ADD CONSTRAINT %I %s', conname,
            pg_get_constraintdef(oid))
        FROM pg_constraint
        WHERE conrelid = 'ledger_entry'::regclass AND contype = 'f' AND conrelid <> confrelid
    ) || ARRAY(
        SELECT pg_get_triggerdef(oid) FROM pg_trigger
        WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal
    ) || ARRAY(
        SELECT format('COMMENT ON TRIGGER %I ON ledger_entry IS %L', tgname,
            obj_description(oid, 'pg_trigger'))
        FROM pg_trigger WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal
    ) || ARRAY(
        SELECT format('GRANT %s ON ledger_entry TO %s', privilege_type,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(grantee::regrole::text) END)
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid = 'ledger_entry'::regclass AND grantee <> relowner
    );
BEGIN
    {move}
    FOREACH statement IN ARRAY remade LOOP
        EXECUTE statement;
    END LOOP;
END
$move$;
"""
INTO_MONTHS = """
    CREATE TABLE ledger_entry_new (
        LIKE ledger_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS
    ) PARTITION BY RANGE (at);
    CREATE TABLE ledger_entry_default PARTITION OF ledger_entry_new DEFAULT;
    FOR month IN
        SELECT generate_series(
            date_trunc('month', greatest(least(min(at), now()), now() - interval '10 years')
                AT TIME ZONE 'UTC'),
            date_trunc('month', now() AT TIME ZONE 'UTC') + interval '6 months',
            interval '1 month'
        ) FROM ledger_entry
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF ledger_entry_new FOR VALUES FROM (%L) TO (%L)',
            'ledger_entry_' || to_char(month, 'YYYY_MM'),
            month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
    INSERT INTO ledger_entry_new SELECT * FROM ledger_entry;
    INSERT INTO ledger_entrykey (id, attempt_id, slot, reverses_id)
    SELECT id, attempt_id, CASE
            WHEN kind IN ('charge', 'late_charge', 'unpriced') THEN 'charge'
            WHEN kind = 'estimate' THEN 'estimate' ELSE '' END, reverses_id
    FROM ledger_entry;
    DROP TABLE ledger_entry;
    ALTER TABLE ledger_entry_new RENAME TO ledger_entry;
    ALTER TABLE ledger_entry ADD PRIMARY KEY (id, at);
    CREATE INDEX ledger_entry_reverses_id_idx ON ledger_entry (reverses_id);
"""
OUT_OF_MONTHS = """
    CREATE TABLE ledger_entry_new (
        LIKE ledger_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS
    );
    INSERT INTO ledger_entry_new SELECT * FROM ledger_entry;
    DROP TABLE ledger_entry;
    ALTER TABLE ledger_entry_new RENAME TO ledger_entry;
    ALTER TABLE ledger_entry ADD PRIMARY KEY (id);
    ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_reverses_id_key UNIQUE (reverses_id);
    ALTER TABLE ledger_entry ADD CONSTRAINT ledger_entry_reverses_id_fk_ledger_entry_id
        FOREIGN KEY (reverses_id) REFERENCES ledger_entry (id) DEFERRABLE INITIALLY DEFERRED;
"""
# Not one of pgtrigger's, which code can ask to be ignored. As the owner: nobody else may write keys.
KEYS = """
CREATE FUNCTION ledger_entry_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_entrykey (id, attempt_id, slot, reverses_id)
    SELECT id, attempt_id, CASE
            WHEN kind IN ('charge', 'late_charge', 'unpriced') THEN 'charge'
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


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0004_attempt_why'),
    ]

    operations = [
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name='entry',
            name='one_charge_an_attempt',
        ),
        migrations.RemoveConstraint(
            model_name='entry',
            name='one_estimate_an_attempt',
        ),
        migrations.CreateModel(
            name='EntryKey',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('attempt_id', models.UUIDField(null=True)),
                ('slot', models.CharField(help_text='charge, estimate or nothing.', max_length=8)),
                ('reverses', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entrykey')),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    REPLACE.replace('{move}', INTO_MONTHS),
                    LOCK + REPLACE.replace('{move}', OUT_OF_MONTHS),
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='entry',
                    name='reverses',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='ledger.entry'),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name='entrykey',
            constraint=models.UniqueConstraint(condition=models.Q(('slot', 'charge')), fields=('attempt_id',), name='one_charge_an_attempt'),
        ),
        migrations.AddConstraint(
            model_name='entrykey',
            constraint=models.UniqueConstraint(condition=models.Q(('slot', 'estimate')), fields=('attempt_id',), name='one_estimate_an_attempt'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entrykey',
            trigger=pgtrigger.compiler.Trigger(name='entrykey_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b9d9fb564863b8ea4835fa020360fc2ec0701085', operation='UPDATE OR DELETE', pgid='pgtrigger_entrykey_append_only_94b18', table='ledger_entrykey', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entrykey',
            trigger=pgtrigger.compiler.Trigger(name='entrykey_no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'The ledger is append-only.';", hash='657b89ad12dbc73f6f46c68ce4afcb1b86e91048', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_entrykey_no_truncate_56238', table='ledger_entrykey', when='BEFORE')),
        ),
        migrations.RunSQL(KEYS, NO_KEYS),
        migrations.RunSQL(GUARD, NO_GUARD),
        migrations.RunSQL(MONTH, NO_MONTH),
    ]
