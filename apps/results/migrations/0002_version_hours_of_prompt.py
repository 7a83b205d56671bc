"""Built beside running work, so alone and outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("results", "0001_initial")]

    operations = [
        AddIndexConcurrently(
            model_name="versionhour",
            index=models.Index(fields=["prompt", "hour"], name="version_hours_of_prompt"),
        ),
    ]
