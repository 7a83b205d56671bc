from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

import apps.ledger.fields


class Migration(migrations.Migration):
    # Calls go on while the index is made.
    atomic = False

    dependencies = [
        ('ledger', '0020_verified'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attempt',
            name='xid',
            field=apps.ledger.fields.Xid8Field(editable=False, help_text='The transaction that ended it; sums follow it.', null=True),
        ),
        AddIndexConcurrently(
            model_name='attempt',
            index=models.Index(condition=models.Q(('xid__isnull', False)), fields=['xid'], name='attempt_ended_xid'),
        ),
        RemoveIndexConcurrently(
            model_name='attempt',
            name='attempt_xid',
        ),
        # A partitioned table's index cannot be made concurrently.
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('kind__in', ('reversal', 'correction', 'late_charge', 'provider_adjustment', 'credit'))), fields=['at'], name='entry_mending'),
        ),
        migrations.CreateModel(
            name='AttemptCursor',
            fields=[
                ('id', models.SmallAutoField(primary_key=True, serialize=False)),
                ('xid', apps.ledger.fields.Xid8Field()),
                ('zone', models.CharField(help_text='The days are its own.', max_length=60)),
            ],
        ),
        migrations.CreateModel(
            name='DayAttempts',
            fields=[
                ('day', models.DateField(help_text='Over, in the zone of the cursor.', primary_key=True, serialize=False)),
                ('attempts', models.BigIntegerField()),
                ('failed', models.BigIntegerField(help_text='With those of which nobody knows how they ended.')),
                ('took', models.JSONField(help_text='Bucket of `latencies` → attempts that succeeded.')),
            ],
        ),
    ]
