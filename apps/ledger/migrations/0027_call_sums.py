import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


# What was posted so far. The new trigger holds off whoever posts until this transaction has ended:
# minutes with ten million entries, while reports read more from the entries than usual. Hashed, as
# sorting the lines of all entries would take longest; in memory, as there are few sums.
_QUICKLY = """
    SET LOCAL work_mem = '128MB'; SET LOCAL jit = off;
    SET LOCAL enable_sort = off; SET LOCAL enable_mergejoin = off;
"""
_FILL = """
    INSERT INTO ledger_callsum
        (sent_day, ended_day, provider, model, usage_class, amount_pico, quantity, lines, calls)
    SELECT sent_day, ended_day, provider, model, usage_class, sum(part.amount_pico),
        sum(part.quantity), sum(part.lines), sum(part.calls)
    FROM (
        SELECT coalesce(attempt.provider, entry.provider) AS provider, entry.model, entry.kind,
            entry.amount_pico, entry.lines,
            (coalesce(attempt.started_at, entry.at) AT TIME ZONE 'UTC')::date AS sent_day,
            (coalesce((
                SELECT min(at) FROM (
                    SELECT first.at FROM ledger_entry first
                    WHERE entry.kind NOT IN ('charge', 'estimate')
                      AND first.attempt_id = entry.attempt_id
                      AND first.at >= attempt.started_at - interval '1 day'
                      AND first.at <= entry.at
                    OFFSET 0
                ) AS booked
            ), entry.at) AT TIME ZONE 'UTC')::date AS ended_day
        FROM ledger_entry entry
        JOIN ledger_rollupcursor posted ON entry.xid < posted.xid
        LEFT JOIN ledger_attempt attempt ON attempt.id = entry.attempt_id
        WHERE entry.attempt_id IS NOT NULL
           OR entry.kind NOT IN ('cache_hit', 'provider_adjustment', 'credit')
    ) AS call, LATERAL (
        SELECT coalesce(line->>'usage_class', '') AS usage_class,
            coalesce((line->>'amount_pico')::numeric, 0) AS amount_pico,
            (line->>'quantity')::numeric AS quantity, 1 AS lines, 0 AS calls
        FROM jsonb_array_elements(call.lines) AS line
        UNION ALL
        SELECT '', CASE WHEN call.lines = '[]' THEN call.amount_pico ELSE 0 END, NULL,
            (call.lines = '[]')::int,
            (call.kind IN ('charge', 'estimate', 'unpriced', 'conflict'))::int
    ) AS part
    GROUP BY sent_day, ended_day, provider, model, usage_class
"""


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0026_full_sums'),
    ]

    operations = [
        migrations.CreateModel(
            name='CallSum',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sent_day', models.DateField(help_text='Of UTC, on which calls were sent.')),
                ('ended_day', models.DateField(help_text='Of UTC, on which their first entry was booked.')),
                ('provider', models.CharField(max_length=50)),
                ('model', models.CharField(max_length=50)),
                ('usage_class', models.TextField(help_text='Empty: of calls, and of amounts without lines.')),
                ('amount_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                ('quantity', models.DecimalField(decimal_places=0, help_text='Empty: no line says it.', max_digits=38, null=True)),
                ('lines', models.BigIntegerField(help_text='How many amounts were added up.')),
                ('calls', models.BigIntegerField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rollupcursor',
            trigger=pgtrigger.compiler.Trigger(name='calls_follow', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.xid IS DISTINCT FROM NEW.xid OR OLD.zone IS DISTINCT FROM NEW.zone)', func='\n    IF NEW.xid < OLD.xid OR NEW.zone <> OLD.zone THEN\n        DELETE FROM ledger_callsum;\n    ELSE\n        PERFORM set_config(\'jit\', \'off\', true);\n        \n    INSERT INTO ledger_callsum AS kept ("sent_day", "ended_day", "provider", "model", "usage_class", "amount_pico", "quantity", "lines", "calls")\n    SELECT "sent_day", "ended_day", "provider", "model", "usage_class", "amount_pico", "quantity", "lines", "calls" FROM (\n    SELECT "sent_day", "ended_day", "provider", "model", "usage_class", sum(part.amount_pico) AS amount_pico, sum(part.quantity) AS quantity,\n        sum(part.lines) AS lines, sum(part.calls) AS calls\n    FROM (\n    SELECT coalesce(attempt.provider, entry.provider) AS provider, entry.model, entry.kind,\n        entry.amount_pico, entry.lines,\n        (coalesce(attempt.started_at, entry.at) AT TIME ZONE \'UTC\')::date AS sent_day,\n        (coalesce((\n            SELECT min(at) FROM (\n                SELECT first.at FROM ledger_entry first\n                WHERE entry.kind NOT IN (\'charge\', \'estimate\') AND first.attempt_id = entry.attempt_id\n                  AND first.at >= attempt.started_at - interval \'1 day\' AND first.at <= entry.at\n                OFFSET 0\n            ) AS booked\n        ), entry.at) AT TIME ZONE \'UTC\')::date AS ended_day\n    FROM (\n    SELECT * FROM ledger_entry WHERE xid >= OLD.xid AND xid < NEW.xid\n) AS entry LEFT JOIN LATERAL (\n        SELECT provider, started_at FROM ledger_attempt WHERE id = entry.attempt_id OFFSET 0\n    ) AS attempt ON true\n    WHERE entry.attempt_id IS NOT NULL OR entry.kind NOT IN (\'cache_hit\', \'provider_adjustment\', \'credit\')\n) AS call, LATERAL (\n        SELECT coalesce(line->>\'usage_class\', \'\') AS usage_class,\n            coalesce((line->>\'amount_pico\')::numeric, 0) AS amount_pico,\n            (line->>\'quantity\')::numeric AS quantity, 1 AS lines, 0 AS calls\n        FROM jsonb_array_elements(call.lines) AS line\n        UNION ALL\n        SELECT \'\', CASE WHEN call.lines = \'[]\' THEN call.amount_pico ELSE 0 END, NULL,\n            (call.lines = \'[]\')::int, (call.kind IN (\'charge\', \'estimate\', \'unpriced\', \'conflict\'))::int\n    ) AS part\n    GROUP BY "sent_day", "ended_day", "provider", "model", "usage_class"\n) AS moved ORDER BY "sent_day", "ended_day", "provider", "model", "usage_class"\n    ON CONFLICT ("sent_day", "ended_day", "provider", "model", "usage_class") DO UPDATE SET\n        amount_pico = kept.amount_pico + excluded.amount_pico,\n        quantity = coalesce(kept.quantity + excluded.quantity, kept.quantity, excluded.quantity),\n        lines = kept.lines + excluded.lines,\n        calls = kept.calls + excluded.calls\n;\n    END IF;\n    RETURN NULL;\n', hash='e9d913f1ac94873c1606342d2db3dbcfc4f26953', operation='UPDATE', pgid='pgtrigger_calls_follow_97385', table='ledger_rollupcursor', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='callsum',
            index=models.Index(fields=['provider', 'ended_day'], name='callsum_ended'),
        ),
        migrations.AddConstraint(
            model_name='callsum',
            constraint=models.UniqueConstraint(fields=('sent_day', 'ended_day', 'provider', 'model', 'usage_class'), name='one_sum_of_calls'),
        ),
        migrations.RunSQL(_QUICKLY, migrations.RunSQL.noop),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
