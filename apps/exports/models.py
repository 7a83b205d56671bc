"""Files that somebody asked for: what they are about, how far they are, and their bytes."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.fields import PicoSumField
from apps.core.ids import uuid7


class ExportStatus(models.TextChoices):
    QUEUED = "queued", "Waits"
    RUNNING = "running", "Being made"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"


class Format(models.TextChoices):
    CSV = "csv", "CSV: the table"
    XLSX = "xlsx", "XLSX: the table and its ledger entries"
    JSON = "json", "JSON: the table"
    ENTRIES = "entries", "CSV: ledger entries"
    LINES = "lines", "CSV: price lines"
    FOCUS = "focus", "FOCUS 1.4 CSV"


OPEN = (ExportStatus.QUEUED, ExportStatus.RUNNING)


@track(exclude=("rows_done", "rows_total", "lease_until"))
class Export(models.Model):
    """A question about costs and the file that answers it. Whose: a person's, or the service's
    whose key asked. The file goes after a while; what was in it stays written here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    service = models.CharField(max_length=50, blank=True)
    question = models.CharField(max_length=8000, help_text="As the cost report's address has it.")
    zone = models.CharField(max_length=60, help_text="The time zone of its days.")
    format = models.CharField(max_length=10, choices=Format.choices)
    status = models.CharField(
        max_length=10, choices=ExportStatus.choices, default=ExportStatus.QUEUED
    )
    made_at = models.DateTimeField()
    # how far it is; a worker that dies leaves a lease that runs out
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    rows_done = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField(default=0)
    # what came of it
    finished_at = models.DateTimeField(null=True)
    rows = models.PositiveIntegerField(default=0, help_text="Below the head, without a total.")
    total_pico = PicoSumField(null=True, help_text="What the rows add up to.")
    size = models.PositiveIntegerField(default=0, help_text="In bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    remark = models.CharField(max_length=500, blank=True)
    error = models.CharField(max_length=500, blank=True)
    deleted_at = models.DateTimeField(null=True, help_text="When its file went.")

    class Meta:
        ordering = ["-id"]
        default_permissions = ("add", "view")
        permissions = [("see_all_exports", "Can see and download the exports of others")]
        indexes = [
            models.Index(
                fields=["id"],
                name="export_open",
                condition=Q(status__in=["queued", "running"]),
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(made_by=None) ^ Q(service=""), name="export_is_somebodys"
            ),
            models.CheckConstraint(
                condition=~Q(status="done")
                | Q(finished_at__isnull=False, total_pico__isnull=False) & ~Q(sha256=""),
                name="export_done_is_known",
            ),
            models.UniqueConstraint(
                fields=["made_by"],
                condition=Q(status__in=["queued", "running"]),
                name="one_export_at_a_time_each",
            ),
            models.UniqueConstraint(
                fields=["service"],
                condition=Q(status__in=["queued", "running"]) & ~Q(service=""),
                name="one_export_at_a_time_a_service",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="export_as_asked",
                fields=["id", "made_by", "service", "question", "zone", "format", "made_at"],
            ),
            pgtrigger.Protect(
                name="export_made_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status="done", old__deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_format_display()}, {self.made_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_there(self) -> bool:
        return self.status == ExportStatus.DONE and self.deleted_at is None


class Chunk(models.Model):
    """A part of a file, in order. In Postgres, since that is what every process reaches and what
    survives each of them."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["export", "number"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="one_chunk_once")]

    def __str__(self) -> str:
        return f"{self.export_id} {self.number}"


@track()
class Download(models.Model):
    """Who took a file away, and when."""

    export = models.ForeignKey(Export, models.PROTECT, related_name="downloads")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    service = models.CharField(max_length=50, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        triggers = [
            pgtrigger.Protect(
                name="download_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.by or self.service}, {self.at:%Y-%m-%d %H:%M}"
