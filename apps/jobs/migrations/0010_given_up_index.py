"""Built beside running work, so alone and outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0009_interventions")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["finished_at"],
                condition=models.Q(status="failed") | models.Q(status="expired"),
                name="job_given_up",
            ),
        ),
    ]
