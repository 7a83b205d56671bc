"""Batches: how far they are, and a way to stop them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    money,
    pill,
    short_time,
)
from apps.jobs import selectors
from apps.jobs.models import Batch, Intervention
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.cancel import AlreadyFinished
from apps.jobs.services.interventions import record


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = (
        "created",
        "service",
        "state",
        "total",
        "succeeded",
        "failed",
        "cancelled",
        "expired",
        "finished",
    )
    list_select_related = ("service",)
    list_filter = ("service",)
    search_fields = ("=id", "request_id__startswith")
    search_help_text = "A batch's id, or the beginning of its request id."
    actions = ("cancel_batches",)
    object_actions = ("cancel_batches",)
    empty_state = EmptyState("No batch was accepted yet.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (None, {"fields": ("state", "service", "total", "progress", "cost", "its_jobs")}),
            ("Times", {"fields": ("created", "finished")}),
            ("Identity", {"fields": ("id", "request_id", "idempotency_key", "metadata", "notify")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.get_fieldsets(request, obj) for name in part["fields"]]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.operate_job")

    @admin.display(ordering="created_at")
    def created(self, batch: Batch) -> SafeString:
        return short_time(batch.created_at)

    @admin.display(ordering="finished_at")
    def finished(self, batch: Batch) -> SafeString:
        return short_time(batch.finished_at)

    @admin.display(description="status", ordering="finished_at")
    def state(self, batch: Batch) -> SafeString:
        if batch.finished_at is not None:
            return pill("finished", "ok" if batch.succeeded == batch.total else "warn")
        return pill("cancelling", "quiet") if batch.cancel_requested else pill("running", "info")

    @admin.display(description="jobs by status")
    def progress(self, batch: Batch) -> str:
        return ", ".join(f"{n:,} {name}" for name, n in selectors.batch_counts(batch).items() if n)

    @admin.display(description="cost")
    def cost(self, batch: Batch) -> SafeString:
        return money(selectors.batch_cost(batch.pk))

    @admin.display(description="jobs")
    def its_jobs(self, batch: Batch) -> SafeString:
        url = f"{reverse('admin:jobs_job_changelist')}?created=all&batch__id__exact={batch.pk}"
        return format_html('<a href="{}">Jobs of this batch</a>', url)

    @confirmed_action(
        description="Cancel",
        question="Cancel all jobs of these batches that have not ended?",
        button="Cancel batches",
        permissions=("operate",),
    )
    def cancel_batches(self, request: HttpRequest, batches: "QuerySet[Batch]", reason: str) -> str:
        action = Intervention.Action.CANCEL_BATCH
        record(action=action, rows=batches, by=request.user, reason=reason)
        at_once = asked = finished = 0
        for batch_id in batches.order_by().values_list("pk", flat=True):
            try:
                done = cancel_batch(batch_id=batch_id)
            except AlreadyFinished:
                finished += 1
            else:
                at_once, asked = at_once + done.at_once, asked + done.asked
        return (
            f"{at_once} jobs cancelled, {asked} running are being stopped, "
            f"{finished} batches had finished before."
        )
