"""What endpoints were told, try by try."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, confirmed_action, pill, short_time
from apps.core.admin.cells import NOTHING, Kind
from apps.jobs.admin.timeline import duration
from apps.jobs.models import Delivery, DeliveryStatus, Intervention
from apps.jobs.services.interventions import record
from apps.jobs.services.webhooks.endpoints import redeliver

PILLS: dict[str, Kind] = {
    DeliveryStatus.PENDING: "info",
    DeliveryStatus.DELIVERED: "ok",
    DeliveryStatus.FAILED: "bad",
}


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created", "event", "service", "endpoint", "state", "tries", "next_try")
    list_select_related = ("endpoint__service",)
    list_filter = ("status", "event", "endpoint__service")
    search_fields = ("=subject_id", "=id")
    search_help_text = "Id of a job, or of the delivery."
    actions = ("deliver_again",)
    object_actions = ("deliver_again",)
    empty_state = EmptyState("Nothing was told to any endpoint.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        # The body may hold what a model answered: it is as guarded as the job's own answer.
        text = ("content",) if request.user.has_perm("jobs.view_jobpayload") else ()
        state = ("state", "event", "endpoint", "service", "subject_id", "created", "next_try")
        return [
            (None, {"fields": state}),
            ("Tries", {"fields": ("log",)}),
            *([("Body", {"fields": text})] if text else []),
            ("Identity", {"fields": ("id",)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.get_fieldsets(request, obj) for name in part["fields"]]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.operate_webhook")

    @admin.display(ordering="created_at")
    def created(self, delivery: Delivery) -> SafeString:
        return short_time(delivery.created_at)

    @admin.display(ordering="endpoint__service")
    def service(self, delivery: Delivery) -> str:
        return str(delivery.endpoint.service)

    @admin.display(description="status", ordering="status")
    def state(self, delivery: Delivery) -> SafeString:
        return pill(delivery.get_status_display().lower(), PILLS[delivery.status])

    @admin.display(ordering="next_try_at")
    def next_try(self, delivery: Delivery) -> SafeString | str:
        waits = delivery.status == DeliveryStatus.PENDING
        return short_time(delivery.next_try_at) if waits else NOTHING

    @admin.display(description="log")
    def log(self, delivery: Delivery) -> SafeString:
        rows = [
            {"try": row, "began": short_time(row.at), "took": duration(row.duration_ms / 1000)}
            for row in delivery.log.all()
        ]
        return render_to_string("jobs/tries.html", {"tries": rows})

    @admin.display(description="body")
    def content(self, delivery: Delivery) -> SafeString:
        return format_html('<pre tabindex="0">{}</pre>', delivery.body)  # it scrolls on a phone

    @confirmed_action(
        description="Deliver again",
        question="Send these again, with the same id and body?",
        button="Deliver again",
        permissions=("operate",),
    )
    def deliver_again(self, request: HttpRequest, rows: "QuerySet[Delivery]", reason: str) -> str:
        chosen = list(rows.order_by().values_list("pk", flat=True))
        record(action=Intervention.Action.REDELIVER, rows=rows, by=request.user, reason=reason)
        done = redeliver(delivery_ids=chosen)
        return f"{done} on the way again, {len(chosen) - done} were still waiting."
