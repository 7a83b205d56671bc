"""Physical calls: one row for every request that was sent to a provider."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, money
from apps.core.admin.cells import NOTHING, short_time
from apps.ledger.admin.cells import attempt_status, timeline
from apps.ledger.admin.filters import DeploymentFilter, ServiceFilter, time_filter
from apps.ledger.models import Attempt, Entry


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = (
        "sent",
        "status_pill",
        "purpose",
        "number",
        "service",
        "deployment",
        "took",
        "http_status",
        "error_kind",
        "cost",
        "request_id",
    )
    list_filter = (time_filter("started_at"), "status", "purpose", ServiceFilter, DeploymentFilter)
    list_display_links = ("sent",)
    search_fields = ("request_id__exact",)
    search_help_text = "A request id, in full; looks at all times."
    palette_fields = ("request_id",)  # calls that failed have no entry
    actions = None
    empty_state = EmptyState("No provider was called in this time.")
    readonly_fields = (
        "sent",
        "status_pill",
        "took",
        "cost",
        "what_happened",
        "usage_text",
        "tag_list",
    )
    fieldsets = (
        (None, {"fields": ("status_pill", "purpose", "why", "number", "sent", "took", "cost")}),
        ("What happened", {"fields": ("what_happened",)}),
        ("Answer", {"fields": ("http_status", "error_kind", "error", "provider_request_id")}),
        ("Usage", {"fields": ("usage_text", "saved_tokens")}),
        ("What was called", {"fields": ("provider", "model", "deployment", "instead_of")}),
        ("For whom", {"fields": ("service", "team", "cost_center", "tag_list")}),
        ("For what", {"fields": ("prompt", "prompt_version", "arm", "request_id", "job_id")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        booked = Entry.objects.filter(attempt=OuterRef("pk")).order_by().values("attempt")
        total = booked.annotate(total=Sum("amount_pico")).values("total")
        attempts: QuerySet[Any] = (
            super().get_queryset(request).annotate(booked_pico=Subquery(total))
        )
        return attempts

    @admin.display(description="Sent", ordering="started_at")
    def sent(self, attempt: Attempt) -> SafeString:
        return short_time(attempt.started_at)

    @admin.display(description="Status", ordering="status")
    def status_pill(self, attempt: Attempt) -> SafeString:
        return attempt_status(attempt)

    @admin.display(description="Took")
    def took(self, attempt: Attempt) -> str:
        if attempt.ended_at is None:
            return NOTHING
        return f"{(attempt.ended_at - attempt.started_at).total_seconds() * 1000:,.0f} ms"

    @admin.display(description="Cost")
    def cost(self, attempt: Any) -> SafeString:
        total = attempt.booked_pico
        return money(None if total is None else int(total))

    @admin.display(description="Tags")
    def tag_list(self, attempt: Attempt) -> str:
        return ", ".join(attempt.tags) or NOTHING

    @admin.display(description="Timeline")
    def what_happened(self, attempt: Attempt) -> SafeString:
        return timeline(attempt, attempt.entries.order_by("at", "pk"))

    @admin.display(description="Usage")
    def usage_text(self, attempt: Attempt) -> SafeString:
        usage = getattr(attempt, "usage", None)
        if usage is None:
            return format_html("{}", NOTHING)
        text = {"source": usage.source, "counts": usage.counts, "reported": usage.raw}
        return format_html('<pre tabindex="0">{}</pre>', json.dumps(text, indent=2))
