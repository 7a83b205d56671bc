import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


_KEY = "project, channel, service, team, cost_center, purpose, kind"
_MEASURES = (
    "entries", "input_tokens", "output_tokens", "cached_tokens", "saved_tokens", "amount_pico",
    "avoided_pico",
)
_NAMES = ", ".join(_MEASURES)
_SUMS = ", ".join(f"sum({name})" for name in _MEASURES)
# What was posted so far. The new trigger holds off whoever posts until this transaction has ended:
# a minute or two with ten million entries, while reports read more from the entries than usual.
_FILL_DAYS = f"""
    INSERT INTO ledger_daybyproject (day, {_KEY}, {_NAMES})
    SELECT (at AT TIME ZONE zone)::date, {_KEY}, {_SUMS} FROM (
        SELECT entry.*, 1 AS entries, posted.zone, coalesce((
            SELECT min(substr(tag, length('project:') + 1))
            FROM jsonb_array_elements_text(tags) tag WHERE starts_with(tag, 'project:')
        ), '') AS project
        FROM ledger_entry entry JOIN ledger_rollupcursor posted ON entry.xid < posted.xid
    ) AS entry
    GROUP BY (at AT TIME ZONE zone)::date, {_KEY}
"""
_FILL_MONTHS = f"""
    INSERT INTO ledger_monthbyproject (month, {_KEY}, {_NAMES})
    SELECT date_trunc('month', day)::date, {_KEY}, {_SUMS}
    FROM ledger_daybyproject GROUP BY date_trunc('month', day)::date, {_KEY}
"""


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0022_totals'),
    ]

    operations = [
        migrations.CreateModel(
            name='DayByProject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(blank=True, choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], max_length=10)),
                ('kind', models.CharField(choices=[('charge', 'Charge'), ('estimate', 'Estimate'), ('late_charge', 'Late charge'), ('cache_hit', 'Cache hit'), ('unpriced', 'Unpriced'), ('conflict', 'Conflicting usage'), ('reversal', 'Reversal'), ('correction', 'Correction'), ('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                ('entries', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('saved_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('amount_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                ('avoided_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                ('service', models.CharField(max_length=50)),
                ('team', models.CharField(max_length=50)),
                ('cost_center', models.CharField(max_length=50)),
                ('project', models.TextField()),
                ('channel', models.CharField(max_length=50)),
                ('day', models.DateField(help_text='In the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='MonthByProject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(blank=True, choices=[('answer', 'Answer'), ('retry', 'Retry'), ('fallback', 'Fallback'), ('hedge', 'Hedge'), ('shadow', 'Shadow copy'), ('similar', 'Similar questions'), ('evaluation', 'Evaluation'), ('playground', 'Playground'), ('failed', 'No answer'), ('late', 'Too late'), ('outrun', 'Outrun')], max_length=10)),
                ('kind', models.CharField(choices=[('charge', 'Charge'), ('estimate', 'Estimate'), ('late_charge', 'Late charge'), ('cache_hit', 'Cache hit'), ('unpriced', 'Unpriced'), ('conflict', 'Conflicting usage'), ('reversal', 'Reversal'), ('correction', 'Correction'), ('provider_adjustment', 'Provider adjustment'), ('credit', 'Credit')], max_length=20)),
                ('entries', models.BigIntegerField()),
                ('input_tokens', models.BigIntegerField()),
                ('output_tokens', models.BigIntegerField()),
                ('cached_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('saved_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('amount_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                ('avoided_pico', models.DecimalField(decimal_places=0, max_digits=38)),
                ('service', models.CharField(max_length=50)),
                ('team', models.CharField(max_length=50)),
                ('cost_center', models.CharField(max_length=50)),
                ('project', models.TextField()),
                ('channel', models.CharField(max_length=50)),
                ('month', models.DateField(help_text='Its first day, in the zone of the cursor.')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rollupcursor',
            trigger=pgtrigger.compiler.Trigger(name='projects_follow', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.xid IS DISTINCT FROM NEW.xid OR OLD.zone IS DISTINCT FROM NEW.zone)', func='\n    IF NEW.xid < OLD.xid OR NEW.zone <> OLD.zone THEN\n        DELETE FROM ledger_daybyproject;\n        DELETE FROM ledger_monthbyproject;\n    ELSE\n        WITH moved AS MATERIALIZED (\n    SELECT (at AT TIME ZONE NEW.zone)::date AS day, "project", "channel", "service", "team", "cost_center", "purpose", "kind", count(*) AS entries,\n        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,\n        sum(cached_tokens) AS cached_tokens, sum(saved_tokens) AS saved_tokens,\n        sum(amount_pico) AS amount_pico, sum(avoided_pico) AS avoided_pico\n    FROM (SELECT entry.*, coalesce((\n    SELECT min(substr(tag, length(\'project:\') + 1)) FROM jsonb_array_elements_text(tags) tag\n    WHERE starts_with(tag, \'project:\')), \'\') AS project FROM ledger_entry entry) AS entry\n    WHERE xid >= OLD.xid AND xid < NEW.xid\n    GROUP BY day, "project", "channel", "service", "team", "cost_center", "purpose", "kind"\n), days AS (\n    INSERT INTO "ledger_daybyproject" AS cost (day, "project", "channel", "service", "team", "cost_center", "purpose", "kind", "entries", "input_tokens", "output_tokens", "cached_tokens", "saved_tokens", "amount_pico", "avoided_pico")\n    SELECT day, "project", "channel", "service", "team", "cost_center", "purpose", "kind", "entries", "input_tokens", "output_tokens", "cached_tokens", "saved_tokens", "amount_pico", "avoided_pico" FROM moved ORDER BY day, "project", "channel", "service", "team", "cost_center", "purpose", "kind"\n    ON CONFLICT (day, "project", "channel", "service", "team", "cost_center", "purpose", "kind") DO UPDATE SET "entries" = cost."entries" + excluded."entries", "input_tokens" = cost."input_tokens" + excluded."input_tokens", "output_tokens" = cost."output_tokens" + excluded."output_tokens", "cached_tokens" = cost."cached_tokens" + excluded."cached_tokens", "saved_tokens" = cost."saved_tokens" + excluded."saved_tokens", "amount_pico" = cost."amount_pico" + excluded."amount_pico", "avoided_pico" = cost."avoided_pico" + excluded."avoided_pico"\n) \n    INSERT INTO "ledger_monthbyproject" AS cost (month, "project", "channel", "service", "team", "cost_center", "purpose", "kind", "entries", "input_tokens", "output_tokens", "cached_tokens", "saved_tokens", "amount_pico", "avoided_pico")\n    SELECT date_trunc(\'month\', day)::date AS month, "project", "channel", "service", "team", "cost_center", "purpose", "kind", sum("entries"), sum("input_tokens"), sum("output_tokens"), sum("cached_tokens"), sum("saved_tokens"), sum("amount_pico"), sum("avoided_pico") FROM "moved"\n    WHERE true GROUP BY month, "project", "channel", "service", "team", "cost_center", "purpose", "kind" ORDER BY month, "project", "channel", "service", "team", "cost_center", "purpose", "kind"\n    ON CONFLICT (month, "project", "channel", "service", "team", "cost_center", "purpose", "kind") DO UPDATE SET "entries" = cost."entries" + excluded."entries", "input_tokens" = cost."input_tokens" + excluded."input_tokens", "output_tokens" = cost."output_tokens" + excluded."output_tokens", "cached_tokens" = cost."cached_tokens" + excluded."cached_tokens", "saved_tokens" = cost."saved_tokens" + excluded."saved_tokens", "amount_pico" = cost."amount_pico" + excluded."amount_pico", "avoided_pico" = cost."avoided_pico" + excluded."avoided_pico"\n;\n    END IF;\n    RETURN NULL;\n', hash='f29db0da6250d96dd45d6f95889ce1797a523751', operation='UPDATE', pgid='pgtrigger_projects_follow_3ffe2', table='ledger_rollupcursor', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='daybyproject',
            constraint=models.UniqueConstraint(fields=('day', 'project', 'channel', 'service', 'team', 'cost_center', 'purpose', 'kind'), name='one_project_a_day'),
        ),
        migrations.AddConstraint(
            model_name='monthbyproject',
            constraint=models.UniqueConstraint(fields=('month', 'project', 'channel', 'service', 'team', 'cost_center', 'purpose', 'kind'), name='one_project_a_month'),
        ),
        migrations.RunSQL(_FILL_DAYS, migrations.RunSQL.noop),
        migrations.RunSQL(_FILL_MONTHS, migrations.RunSQL.noop),
    ]
