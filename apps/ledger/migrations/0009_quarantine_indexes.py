from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from others, and without a transaction: attempts are written meanwhile. An index of a
    table with partitions cannot be made so; bookings wait while the entries are read once."""

    atomic = False

    dependencies = [
        ('ledger', '0008_conflicting_usage'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='attempt',
            index=models.Index(condition=models.Q(('status', 'unknown')), fields=['started_at'], name='attempt_unknown'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('kind__in', ['unpriced', 'conflict'])), fields=['at'], name='entry_quarantine'),
        ),
    ]
