"""Batches at providers: what of them is durable, so that nothing is sent twice (docs/adr/0112)."""

from django.db import models
from django.db.models import Q

from apps.core.ids import uuid7


class SendState(models.TextChoices):
    """How far it is on its way; each is committed before the next step is taken."""

    GATHERED = "gathered", "Gathered"  # attempts, holds and rows stand; nothing was sent
    CREATING = "creating", "Being created"  # from here on the provider may run it
    SENT = "sent", "At the provider"  # its id there is known
    ENDED = "ended", "Ended"  # every row is resolved


class ProviderBatch(models.Model):
    """Jobs that go to a provider in one file. The provider knows it by `id`, in its metadata."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    deployment = models.CharField(max_length=50)
    provider = models.CharField(max_length=50)
    state = models.CharField(max_length=10, choices=SendState.choices, default=SendState.GATHERED)
    total = models.PositiveIntegerField("rows")
    input_file_id = models.CharField(max_length=200, blank=True)
    remote_id = models.CharField("id at the provider", max_length=200, blank=True)
    remote_status = models.CharField("status at the provider", max_length=20, blank=True)
    remote_completed = models.PositiveIntegerField("answered there", default=0)
    remote_failed = models.PositiveIntegerField("failed there", default=0)
    created_at = models.DateTimeField()
    return_by = models.DateTimeField(help_text="When it is cancelled, so that jobs are in time.")
    creating_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="Asked for, by us.")
    ended_at = models.DateTimeField(null=True, blank=True)
    next_look_at = models.DateTimeField()
    failures = models.PositiveIntegerField(
        default=0, help_text="Requests about it that failed in a row."
    )
    error = models.CharField(max_length=500, blank=True, help_text="Of the last that failed.")
    fence = models.BigIntegerField(default=0, help_text="Grows with every owner.")
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "provider batches"
        indexes = [
            models.Index(
                fields=["next_look_at"],
                name="provider_batch_due",
                condition=~Q(state="ended"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent") & ~Q(remote_id="") | ~Q(state="sent"),
                name="provider_batch_sent_has_id",
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False)
                | ~Q(state="ended") & Q(ended_at__isnull=True),
                name="provider_batch_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class RowOutcome(models.TextChoices):
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Failed"  # the provider tried it, and says why it has no answer
    NOT_RUN = "not_run", "Not run"  # it cost nothing
    UNKNOWN = "unknown", "Unknown"  # nobody will tell


class ProviderBatchRow(models.Model):
    """One job's attempt in a batch, named there by the attempt's id."""

    attempt_id = models.UUIDField(primary_key=True)
    batch = models.ForeignKey(ProviderBatch, models.PROTECT, related_name="rows", db_index=False)
    index = models.PositiveIntegerField()
    job_id = models.UUIDField()
    fence = models.BigIntegerField(help_text="Of the job's claim.")
    line = models.TextField(blank=True, help_text="What is sent; empty once it was.")
    terms = models.JSONField(help_text="What it was held for (`apps.gateway.batch_lane.Terms`).")
    leave_by = models.DateTimeField(help_text="When the job goes on without its answer.")
    left_at = models.DateTimeField(
        null=True, blank=True, help_text="When the job went on; its cost may still become known."
    )
    outcome = models.CharField(max_length=10, choices=RowOutcome.choices, blank=True)

    class Meta:
        ordering = ["batch", "index"]
        indexes = [models.Index(fields=["job_id"], name="provider_batch_row_job")]
        constraints = [
            models.UniqueConstraint(fields=["batch", "index"], name="provider_batch_row_once")
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} #{self.index}"
