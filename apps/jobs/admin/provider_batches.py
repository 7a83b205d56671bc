"""Batches at providers: where they are, how far, and what became of their rows."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from apps.core.admin import EmptyState, ReadOnlyAdmin, pill, short_time
from apps.core.admin.cells import NOTHING, Kind
from apps.jobs.models import ProviderBatch, RowOutcome, SendState

ROWS_SHOWN = 100
_PILLS: dict[str, Kind] = {
    SendState.GATHERED: "quiet",
    SendState.CREATING: "warn",
    SendState.SENT: "info",
    SendState.ENDED: "ok",
}


@admin.register(ProviderBatch)
class ProviderBatchAdmin(ReadOnlyAdmin):
    list_display = ("created", "status", "rows_", "progress", "age", "provider", "deployment")
    list_filter = ("state", "provider", "deployment")
    search_fields = ("=id", "=remote_id")
    search_help_text = "A batch's id, here or at the provider."
    empty_state = EmptyState(
        "No job has gone through a provider's batch yet. Jobs go there that may wait, when a "
        "deployment offers the batch lane."
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ProviderBatch]":
        counts = {
            f"n_{outcome}": Count("rows", filter=Q(rows__outcome=outcome))
            for outcome in RowOutcome.values
        }
        left = Count("rows", filter=Q(rows__outcome="", rows__left_at__isnull=False))
        rows: QuerySet[ProviderBatch] = super().get_queryset(request)
        return rows.annotate(**counts, n_left=left)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (None, {"fields": ("status", "fault", "provider", "deployment", "rows_", "progress")}),
            ("At the provider", {"fields": ("remote_id", "remote_status", "counted", "file_id")}),
            (
                "Times",
                {"fields": ("created", "sent", "looked_at", "back_by", "stopped", "ended")},
            ),
            ("Jobs", {"fields": ("its_jobs",)}),
            ("Identity", {"fields": ("id", "fence", "failures")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.get_fieldsets(request, obj) for name in part["fields"]]

    # --- cells -----------------------------------------------------------------------------------
    @admin.display(ordering="created_at")
    def created(self, batch: ProviderBatch) -> SafeString:
        return short_time(batch.created_at)

    @admin.display(description="status", ordering="state")
    def status(self, batch: ProviderBatch) -> SafeString:
        kind: Kind = "warn" if batch.error else _PILLS[batch.state]
        text = batch.get_state_display().lower()
        if batch.state == SendState.SENT and batch.remote_status:
            text = f"{text}: {batch.remote_status.replace('_', ' ')}"
        return pill(text, kind)

    @admin.display(description="rows", ordering="total")
    def rows_(self, batch: ProviderBatch) -> str:
        return f"{batch.total:,}"

    @admin.display(description="what became of them")
    def progress(self, batch: ProviderBatch) -> str:
        counts = {
            "answered": batch.n_answered,  # type: ignore[attr-defined]
            "failed": batch.n_failed,  # type: ignore[attr-defined]
            "not run": batch.n_not_run,  # type: ignore[attr-defined]
            "unknown": batch.n_unknown,  # type: ignore[attr-defined]
            "gone on without it": batch.n_left,  # type: ignore[attr-defined]
        }
        waiting = batch.total - sum(counts.values())
        counts["waiting"] = waiting
        return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)

    @admin.display(description="age")
    def age(self, batch: ProviderBatch) -> str:
        """From its making to its end, or until now."""
        return timesince(batch.created_at, batch.ended_at or timezone.now())

    @admin.display(description="last fault")
    def fault(self, batch: ProviderBatch) -> str:
        return batch.error or NOTHING

    @admin.display(description="counted there")
    def counted(self, batch: ProviderBatch) -> str:
        return f"{batch.remote_completed:,} answered, {batch.remote_failed:,} failed"

    @admin.display(description="file of requests")
    def file_id(self, batch: ProviderBatch) -> str:
        return batch.input_file_id or NOTHING

    @admin.display(description="sent")
    def sent(self, batch: ProviderBatch) -> SafeString:
        return short_time(batch.sent_at)

    @admin.display(description="next look")
    def looked_at(self, batch: ProviderBatch) -> SafeString | str:
        return NOTHING if batch.state == SendState.ENDED else short_time(batch.next_look_at)

    @admin.display(description="cancelled if not back by")
    def back_by(self, batch: ProviderBatch) -> SafeString:
        return short_time(batch.return_by)

    @admin.display(description="cancellation asked for")
    def stopped(self, batch: ProviderBatch) -> SafeString:
        return short_time(batch.cancelled_at)

    @admin.display(description="ended")
    def ended(self, batch: ProviderBatch) -> SafeString:
        return short_time(batch.ended_at)

    @admin.display(description="jobs")
    def its_jobs(self, batch: ProviderBatch) -> SafeString:
        rows = batch.rows.order_by("index")[:ROWS_SHOWN]
        items = format_html_join("", '<li><a href="{}">{}</a> {}</li>', map(_item, rows))
        more = batch.total - ROWS_SHOWN
        rest = format_html("<p>and {} more</p>", f"{more:,}") if more > 0 else ""
        return format_html("<ol>{}</ol>{}", items, rest)


def _item(row: Any) -> tuple[str, str, str]:
    url = reverse("admin:jobs_job_change", args=[row.job_id])
    said = row.get_outcome_display().lower() or ("gone on without it" if row.left_at else "waiting")
    return url, str(row.job_id), said
