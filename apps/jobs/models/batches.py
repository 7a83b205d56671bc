"""Batches: many jobs that were accepted together and are waited for together."""

from django.db import models
from django.db.models import F, Q

from apps.access.models import Service
from apps.core.ids import uuid7

_ENDED = F("succeeded") + F("failed") + F("cancelled") + F("expired")


class Batch(models.Model):
    """Counts of how its jobs ended move in the transactions that end them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="batches")
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL is not unique
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request.")
    request_id = models.CharField(max_length=128)
    metadata = models.JSONField(default=dict, blank=True)
    notify = models.BooleanField(default=True, help_text="Whether webhooks tell its end.")
    total = models.PositiveIntegerField("jobs")
    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    expired = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["service", "-id"], name="batch_service")]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "idempotency_key"], name="batch_idempotency_key_once"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, total__gt=_ENDED)
                | Q(finished_at__isnull=False, total=_ENDED),
                name="batch_finishes_with_its_last_job",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
