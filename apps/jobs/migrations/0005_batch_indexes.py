"""Indexes on the jobs themselves: built beside running work, so alone and outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

ROW_ONCE = models.UniqueConstraint(
    fields=("batch", "batch_index"), condition=models.Q(batch__isnull=False), name="batch_row_once"
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0004_on_unknown")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["batch"],
                condition=models.Q(batch__isnull=False, status="running"),
                name="job_batch_running",
            ),
        ),
        # What Django makes of the constraint, but concurrently.
        migrations.RunSQL(
            sql='CREATE UNIQUE INDEX CONCURRENTLY "batch_row_once" ON "jobs_job"'
            ' ("batch_id", "batch_index") WHERE "batch_id" IS NOT NULL',
            reverse_sql='DROP INDEX CONCURRENTLY IF EXISTS "batch_row_once"',
            state_operations=[migrations.AddConstraint(model_name="job", constraint=ROW_ONCE)],
        ),
    ]
