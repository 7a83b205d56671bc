import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


_KEYS = {
    "bysupply": ("provider", "model", "deployment", "purpose", "kind"),
    "byowner": ("service", "team", "cost_center", "purpose", "kind"),
    "byprompt": (
        "provider", "model", "deployment", "prompt", "prompt_version", "arm", "purpose", "kind",
    ),
}
_MEASURES = (
    "entries", "input_tokens", "output_tokens", "cached_tokens", "saved_tokens", "amount_pico",
    "avoided_pico",
)


def _fill(period, total):
    """The new triggers hold off whoever writes these sums until this transaction has ended."""
    key = ", ".join((period, *_KEYS[total]))
    return (
        f"INSERT INTO ledger_{period}{total} ({key}, {', '.join(_MEASURES)}) "
        f"SELECT {key}, {', '.join(f'sum({name})' for name in _MEASURES)} "
        f"FROM ledger_{period}cost GROUP BY {key}"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0021_attempt_days'),
    ]

    operations = [
        migrations.CreateModel(
            name='DayByOwner',
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
                ('day', models.DateField(help_text='In the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='DayByPrompt',
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
                ('provider', models.CharField(max_length=50)),
                ('model', models.CharField(max_length=50)),
                ('deployment', models.CharField(max_length=50)),
                ('prompt', models.CharField(max_length=50)),
                ('prompt_version', models.PositiveIntegerField()),
                ('arm', models.CharField(max_length=91)),
                ('day', models.DateField(help_text='In the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='DayBySupply',
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
                ('provider', models.CharField(max_length=50)),
                ('model', models.CharField(max_length=50)),
                ('deployment', models.CharField(max_length=50)),
                ('day', models.DateField(help_text='In the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='MonthByOwner',
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
                ('month', models.DateField(help_text='Its first day, in the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='MonthByPrompt',
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
                ('provider', models.CharField(max_length=50)),
                ('model', models.CharField(max_length=50)),
                ('deployment', models.CharField(max_length=50)),
                ('prompt', models.CharField(max_length=50)),
                ('prompt_version', models.PositiveIntegerField()),
                ('arm', models.CharField(max_length=91)),
                ('month', models.DateField(help_text='Its first day, in the zone of the cursor.')),
            ],
        ),
        migrations.CreateModel(
            name='MonthBySupply',
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
                ('provider', models.CharField(max_length=50)),
                ('model', models.CharField(max_length=50)),
                ('deployment', models.CharField(max_length=50)),
                ('month', models.DateField(help_text='Its first day, in the zone of the cursor.')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='daycost',
            trigger=pgtrigger.compiler.Trigger(name='total_more', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_daybysupply AS total (day, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY day, provider, model, deployment, purpose, kind ORDER BY day, provider, model, deployment, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n \n    INSERT INTO ledger_daybyowner AS total (day, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY day, service, team, cost_center, purpose, kind ORDER BY day, service, team, cost_center, purpose, kind\n    ON CONFLICT (day, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n \n    INSERT INTO ledger_daybyprompt AS total (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n RETURN NULL;', hash='638b81229f8e9f34f9df51d530ec0b692b1b7dce', level='STATEMENT', operation='INSERT', pgid='pgtrigger_total_more_6fa9b', referencing='REFERENCING NEW TABLE AS more ', table='ledger_daycost', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='daycost',
            trigger=pgtrigger.compiler.Trigger(name='total_moved', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_daybysupply AS total (day, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT day, provider, model, deployment, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, provider, model, deployment, purpose, kind ORDER BY day, provider, model, deployment, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybysupply WHERE entries = 0 AND day IN (SELECT day FROM less); \n    INSERT INTO ledger_daybyowner AS total (day, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT day, service, team, cost_center, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, service, team, cost_center, purpose, kind ORDER BY day, service, team, cost_center, purpose, kind\n    ON CONFLICT (day, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybyowner WHERE entries = 0 AND day IN (SELECT day FROM less); \n    INSERT INTO ledger_daybyprompt AS total (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybyprompt WHERE entries = 0 AND day IN (SELECT day FROM less); RETURN NULL;', hash='0643849d7cd2ab517888110c575eaa1ef95ac052', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_total_moved_f2ce2', referencing='REFERENCING OLD TABLE AS less  NEW TABLE AS more ', table='ledger_daycost', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='daycost',
            trigger=pgtrigger.compiler.Trigger(name='total_less', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_daybysupply AS total (day, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, provider, model, deployment, purpose, kind ORDER BY day, provider, model, deployment, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybysupply WHERE entries = 0 AND day IN (SELECT day FROM less); \n    INSERT INTO ledger_daybyowner AS total (day, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, service, team, cost_center, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, service, team, cost_center, purpose, kind ORDER BY day, service, team, cost_center, purpose, kind\n    ON CONFLICT (day, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybyowner WHERE entries = 0 AND day IN (SELECT day FROM less); \n    INSERT INTO ledger_daybyprompt AS total (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (day, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_daybyprompt WHERE entries = 0 AND day IN (SELECT day FROM less); RETURN NULL;', hash='9523e5a14a6c5cd98616087e119262552e15cb8b', level='STATEMENT', operation='DELETE', pgid='pgtrigger_total_less_882ee', referencing='REFERENCING OLD TABLE AS less ', table='ledger_daycost', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='monthcost',
            trigger=pgtrigger.compiler.Trigger(name='total_more', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_monthbysupply AS total (month, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY month, provider, model, deployment, purpose, kind ORDER BY month, provider, model, deployment, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n \n    INSERT INTO ledger_monthbyowner AS total (month, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY month, service, team, cost_center, purpose, kind ORDER BY month, service, team, cost_center, purpose, kind\n    ON CONFLICT (month, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n \n    INSERT INTO ledger_monthbyprompt AS total (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more) AS moved GROUP BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n RETURN NULL;', hash='1551d6e4fee5db90fedb7ca29cf0436208b3f316', level='STATEMENT', operation='INSERT', pgid='pgtrigger_total_more_67e22', referencing='REFERENCING NEW TABLE AS more ', table='ledger_monthcost', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='monthcost',
            trigger=pgtrigger.compiler.Trigger(name='total_moved', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_monthbysupply AS total (month, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT month, provider, model, deployment, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, provider, model, deployment, purpose, kind ORDER BY month, provider, model, deployment, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbysupply WHERE entries = 0 AND month IN (SELECT month FROM less); \n    INSERT INTO ledger_monthbyowner AS total (month, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT month, service, team, cost_center, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, service, team, cost_center, purpose, kind ORDER BY month, service, team, cost_center, purpose, kind\n    ON CONFLICT (month, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbyowner WHERE entries = 0 AND month IN (SELECT month FROM less); \n    INSERT INTO ledger_monthbyprompt AS total (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico FROM more UNION ALL SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbyprompt WHERE entries = 0 AND month IN (SELECT month FROM less); RETURN NULL;', hash='5572d42f58bdc6991c1d3a7b418dbbc6f4f3460c', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_total_moved_7b723', referencing='REFERENCING OLD TABLE AS less  NEW TABLE AS more ', table='ledger_monthcost', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='monthcost',
            trigger=pgtrigger.compiler.Trigger(name='total_less', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    INSERT INTO ledger_monthbysupply AS total (month, provider, model, deployment, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, provider, model, deployment, purpose, kind ORDER BY month, provider, model, deployment, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbysupply WHERE entries = 0 AND month IN (SELECT month FROM less); \n    INSERT INTO ledger_monthbyowner AS total (month, service, team, cost_center, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, service, team, cost_center, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, service, team, cost_center, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, service, team, cost_center, purpose, kind ORDER BY month, service, team, cost_center, purpose, kind\n    ON CONFLICT (month, service, team, cost_center, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbyowner WHERE entries = 0 AND month IN (SELECT month FROM less); \n    INSERT INTO ledger_monthbyprompt AS total (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, entries, input_tokens, output_tokens, cached_tokens, saved_tokens, amount_pico, avoided_pico)\n    SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, sum(entries), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(saved_tokens), sum(amount_pico), sum(avoided_pico) FROM (SELECT month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind, -entries AS entries, -input_tokens AS input_tokens, -output_tokens AS output_tokens, -cached_tokens AS cached_tokens, -saved_tokens AS saved_tokens, -amount_pico AS amount_pico, -avoided_pico AS avoided_pico FROM less) AS moved GROUP BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind ORDER BY month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind\n    ON CONFLICT (month, provider, model, deployment, prompt, prompt_version, arm, purpose, kind) DO UPDATE SET entries = total.entries + excluded.entries, input_tokens = total.input_tokens + excluded.input_tokens, output_tokens = total.output_tokens + excluded.output_tokens, cached_tokens = total.cached_tokens + excluded.cached_tokens, saved_tokens = total.saved_tokens + excluded.saved_tokens, amount_pico = total.amount_pico + excluded.amount_pico, avoided_pico = total.avoided_pico + excluded.avoided_pico;\n DELETE FROM ledger_monthbyprompt WHERE entries = 0 AND month IN (SELECT month FROM less); RETURN NULL;', hash='41a7dd68dacebe20853bb4a3cfbdbc2e80425ae9', level='STATEMENT', operation='DELETE', pgid='pgtrigger_total_less_6d670', referencing='REFERENCING OLD TABLE AS less ', table='ledger_monthcost', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='daybyowner',
            constraint=models.UniqueConstraint(fields=('day', 'service', 'team', 'cost_center', 'purpose', 'kind'), name='one_owner_a_day'),
        ),
        migrations.AddConstraint(
            model_name='daybyprompt',
            constraint=models.UniqueConstraint(fields=('day', 'provider', 'model', 'deployment', 'prompt', 'prompt_version', 'arm', 'purpose', 'kind'), name='one_prompt_a_day'),
        ),
        migrations.AddConstraint(
            model_name='daybysupply',
            constraint=models.UniqueConstraint(fields=('day', 'provider', 'model', 'deployment', 'purpose', 'kind'), name='one_supply_a_day'),
        ),
        migrations.AddConstraint(
            model_name='monthbyowner',
            constraint=models.UniqueConstraint(fields=('month', 'service', 'team', 'cost_center', 'purpose', 'kind'), name='one_owner_a_month'),
        ),
        migrations.AddConstraint(
            model_name='monthbyprompt',
            constraint=models.UniqueConstraint(fields=('month', 'provider', 'model', 'deployment', 'prompt', 'prompt_version', 'arm', 'purpose', 'kind'), name='one_prompt_a_month'),
        ),
        migrations.AddConstraint(
            model_name='monthbysupply',
            constraint=models.UniqueConstraint(fields=('month', 'provider', 'model', 'deployment', 'purpose', 'kind'), name='one_supply_a_month'),
        ),
        *(
            migrations.RunSQL(_fill(period, total), migrations.RunSQL.noop)
            for period in ("day", "month") for total in _KEYS
        ),
    ]
