from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # CREATE INDEX CONCURRENTLY: calls are booked meanwhile

    dependencies = [
        ('ledger', '0002_rollups'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='entry',
            index=models.Index(fields=['xid'], name='entry_xid'),
        ),
    ]
