from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # CREATE INDEX CONCURRENTLY: attempts are written meanwhile

    dependencies = [
        ('ledger', '0015_call_subjects'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='attempt',
            index=models.Index(condition=models.Q(('xid__isnull', False), models.Q(('prompt', ''), _negated=True)), fields=['xid'], name='attempt_xid'),
        ),
    ]
