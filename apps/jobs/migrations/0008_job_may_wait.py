"""An index on the jobs themselves: built beside running work, so alone and outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0007_provider_batches")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["deadline"],
                condition=models.Q(status="queued", lane="allowed"),
                name="job_may_wait",
            ),
        ),
    ]
