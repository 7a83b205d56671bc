"""Jobs: the promise that what was accepted is finished, once. Postgres is the truth."""

from django.db import models
from django.db.models import Q

from apps.access.models import Service
from apps.core.fields import PicoUSDField
from apps.core.ids import uuid7
from apps.jobs.models.batches import Batch
from apps.prompts.types import OnUnknown


class JobStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


OPEN_STATUSES = (JobStatus.QUEUED, JobStatus.RUNNING)


class Priority(models.IntegerChoices):
    """Lower is claimed first."""

    HIGH = 0, "High"
    NORMAL = 5, "Normal"
    LOW = 9, "Low"


class Lane(models.TextChoices):
    """How a job goes to a provider. The empty one is the normal way, a request of its own."""

    NORMAL = "", "Normal"
    ALLOWED = "allowed", "May wait for a provider's batch"
    BATCH = "batch", "In a provider's batch"
    RETURNED = "returned", "Came back from the batch lane"


class Job(models.Model):
    """One accepted piece of work. Version and arm are pinned at acceptance."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="jobs")
    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="jobs", null=True, blank=True, db_index=False
    )
    batch_index = models.PositiveIntegerField(null=True, blank=True, help_text="From 0.")
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL is not unique
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the canonical request.")
    request_id = models.CharField(max_length=128, db_index=True)
    prompt = models.CharField(max_length=50, blank=True)
    prompt_version_id = models.BigIntegerField(null=True, blank=True)
    prompt_version = models.PositiveIntegerField(default=0)
    arm = models.CharField(max_length=91, blank=True)
    channel = models.CharField(max_length=50, blank=True, default="", db_default="")
    phase = models.BigIntegerField(default=0, db_default=0, help_text="Of the experiment.")
    subject = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="Keyed hash of whom it is for.",
    )
    model = models.CharField(max_length=50, help_text="Route or model that was asked for.")
    metadata = models.JSONField(default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED)
    fence = models.BigIntegerField(
        default=0, help_text="Grows with every claim; only the newest may finish."
    )
    losses = models.PositiveSmallIntegerField(
        default=0, help_text="Claims that never came back: a job that kills its workers is stopped."
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    next_run_at = models.DateTimeField()
    deadline = models.DateTimeField()
    created_at = models.DateTimeField()
    queued_at = models.DateTimeField(
        null=True, help_text="When a retry by hand queued it anew; its time begins then."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cost_pico = PicoUSDField(
        "cost", default=0, help_text="Sum of its ledger entries when it last ended or was rescued."
    )
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache = models.CharField(max_length=10, blank=True, help_text="hit, miss or bypass.")
    deployment = models.CharField(max_length=50, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Physical calls, over all claims.")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.CharField(max_length=1000, blank=True)
    cancel_requested = models.BooleanField(default=False)
    on_unknown = models.CharField(
        max_length=5,
        choices=OnUnknown.choices,
        default=OnUnknown.RETRY,
        db_default=OnUnknown.RETRY.value,
        help_text="What follows a request whose outcome is unknown.",
    )
    notify = models.BooleanField(
        default=True, db_default=True, help_text="Whether webhooks tell its end."
    )

    lane = models.CharField(
        max_length=10, choices=Lane.choices, blank=True, default=Lane.NORMAL, db_default=""
    )

    class Meta:
        ordering = ["-id"]
        permissions = [("operate_job", "Can cancel and retry jobs")]
        indexes = [
            # claim: due jobs by priority, then age
            models.Index(
                fields=["priority", "next_run_at", "id"],
                name="job_due",
                condition=Q(status="queued"),
            ),
            # sweeper: leases that ran out
            models.Index(fields=["lease_until"], name="job_leased", condition=Q(status="running")),
            # sweeper: queued jobs whose time is over
            models.Index(fields=["deadline"], name="job_overdue", condition=Q(status="queued")),
            # each worker, every second: which of its jobs somebody wants to stop
            models.Index(
                fields=["id"],
                name="job_stopping",
                condition=Q(status="running", cancel_requested=True),
            ),
            # progress of a batch
            models.Index(
                fields=["batch"],
                name="job_batch_running",
                condition=Q(status="running", batch__isnull=False),
            ),
            # the batch lane: who waits to be gathered
            models.Index(
                fields=["deadline"],
                name="job_may_wait",
                condition=Q(status="queued", lane="allowed"),
            ),
            # those that ended without an answer, for the people who give them a second chance
            models.Index(
                fields=["finished_at"],
                name="job_given_up",
                condition=Q(status="failed") | Q(status="expired"),
            ),
            # before a release: what each service sent to a prompt last
            models.Index(
                fields=["prompt", "service", "-created_at"],
                name="job_callers",
                condition=~Q(prompt=""),
            ),
            models.Index(fields=["service", "-id"], name="job_service"),
            models.Index(fields=["-created_at"], name="job_created"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "idempotency_key"], name="idempotency_key_once"
            ),
            models.UniqueConstraint(
                fields=["batch", "batch_index"],
                condition=Q(batch__isnull=False),
                name="batch_row_once",
            ),
            models.CheckConstraint(
                condition=Q(status="running", lease_until__isnull=False)
                | Q(~Q(status="running"), lease_until__isnull=True),
                name="running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running"], finished_at__isnull=True)
                | Q(~Q(status__in=["queued", "running"]), finished_at__isnull=False),
                name="finished_has_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class JobPayload(models.Model):
    """What was asked and answered, apart from the money: it may be deleted on its own schedule."""

    job = models.OneToOneField(Job, models.CASCADE, primary_key=True, related_name="payload")
    request = models.JSONField(help_text="The call, as `apps.jobs.specs` writes it.")
    result = models.JSONField(
        null=True, blank=True, help_text="Text, finish reason, message and usage classes."
    )

    def __str__(self) -> str:
        return f"payload of {self.job_id}"
