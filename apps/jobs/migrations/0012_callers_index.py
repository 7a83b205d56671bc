"""Built beside running work, so alone and outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0011_job_subject")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["prompt", "service", "-created_at"],
                name="job_callers",
                condition=~models.Q(prompt=""),
            ),
        ),
    ]
