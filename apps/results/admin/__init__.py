"""Metrics as configuration, scores as records."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from apps.core.admin import EmptyState, PlatformAdmin, ReadOnlyAdmin, short_time
from apps.prompts.models import Metric
from apps.results.models import Score


@admin.register(Metric)
class MetricAdmin(PlatformAdmin):
    list_display = ("slug", "name", "kind", "bounds", "direction")
    list_filter = ("kind", "direction")
    search_fields = ("slug", "name")
    palette_fields = ("slug",)
    fields = ("slug", "name", "description", "kind", "low", "high", "direction")
    empty_state = EmptyState(
        "A metric is what services say of answers: a thumb, minutes saved, a reply that was sent.",
        "Declare a metric",
        "admin:prompts_metric_add",
    )

    @admin.display(description="From – to")
    def bounds(self, metric: Metric) -> str:
        return f"{metric.low:g} – {metric.high:g}"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Metric | None = None
    ) -> tuple[str, ...]:
        # What was scored keeps its meaning: another scale is another metric.
        return ("slug", "kind", "low", "high", "direction") if obj is not None else ()


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ("request_id", "service", "metric", "value", "said", "sent")
    list_filter = ("metric",)
    search_fields = ("request_id__exact",)
    list_select_related = ("metric",)
    fields = ("request_id", "service", "metric", "value", "comment", "created_at", "updated_at")
    empty_state = EmptyState("Services send scores through POST /api/v1/feedback/.")

    @admin.display(description="Comment")
    def said(self, score: Score) -> str:
        return format_html("{}", score.comment[:80])

    @admin.display(description="Sent", ordering="updated_at")
    def sent(self, score: Score) -> str:
        return short_time(score.updated_at)
