"""Webhooks: where a service wants to be told, and the outbox of what it must still be told."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.access.models import Service
from apps.audit.history import track
from apps.core.ids import uuid7
from apps.core.models import TimestampedModel


class Event(models.TextChoices):
    """What can be told. The first four are a job's ways to end."""

    JOB_SUCCEEDED = "job.succeeded", "Job succeeded"
    JOB_FAILED = "job.failed", "Job failed"
    JOB_CANCELLED = "job.cancelled", "Job cancelled"
    JOB_EXPIRED = "job.expired", "Job expired"
    BATCH_FINISHED = "batch.finished", "Batch finished"
    TEST = "test", "Test"


@track(exclude=("paused_until",))
class WebhookEndpoint(TimestampedModel):
    """An address of a service that is told of events. Its secrets are rows of their own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.ForeignKey(Service, models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(
        "URL", max_length=2000, help_text="https, at a public address or one on the allow-list."
    )
    event_types = ArrayField(
        models.CharField(max_length=20), verbose_name="events", help_text="What it is told of."
    )
    description = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True, help_text="Off: nothing new is told.")
    disabled_reason = models.CharField(
        max_length=200, blank=True, editable=False, help_text="Why we switched it off, if we did."
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="It asked for, or needs, a pause."
    )

    class Meta:
        ordering = ["-id"]
        permissions = [("operate_webhook", "Can test webhooks and deliver again")]
        indexes = [
            models.Index(fields=["service"], name="endpoint_active", condition=Q(active=True))
        ]

    def __str__(self) -> str:
        return self.url


class WebhookSecret(models.Model):
    """A key that signs what an endpoint is sent. It must be readable to sign, so it is stored as it
    is: kept apart, so that no list, history or log can show it by accident.

    Of two secrets the older one signs along until `expires_at`: a rotation without a gap.
    """

    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="secrets")
    secret = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"],
                condition=Q(expires_at__isnull=True),
                name="one_current_webhook_secret",
            )
        ]

    def __str__(self) -> str:
        return "whsec_…"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class Delivery(models.Model):
    """One event for one endpoint: written in the transaction that makes it true, sent later."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20, choices=Event.choices)
    subject_id = models.UUIDField("about", help_text="Id of the job or batch that it is about.")
    body = models.TextField(help_text="What is signed and sent, byte by byte.")
    status = models.CharField(
        max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    tries = models.PositiveSmallIntegerField(
        default=0, help_text="Started tries; the newest one alone may end the delivery."
    )
    first_try = models.PositiveSmallIntegerField(
        default=0, help_text="Tries before somebody asked for it anew: the schedule begins there."
    )
    next_try_at = models.DateTimeField(help_text="While a try runs: when it counts as lost.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            # claim: of each endpoint, what is due
            models.Index(
                fields=["endpoint", "next_try_at"],
                name="delivery_due",
                condition=Q(status="pending"),
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_endpoint"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "subject_id", "event"], name="told_once"),
            models.CheckConstraint(
                condition=Q(status="pending", ended_at__isnull=True)
                | Q(~Q(status="pending"), ended_at__isnull=False),
                name="ended_delivery_has_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class DeliveryTry(models.Model):
    """One request to an endpoint and what came back."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="log")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)
    answer = models.CharField(max_length=500, blank=True, help_text="How the answer began.")

    class Meta:
        ordering = ["delivery", "number"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"try {self.number}"
