"""Webhook endpoints. A secret is shown once, on the page after it was made."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import EmptyState, PlatformAdmin, confirmed_action, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.jobs.models import Event, WebhookEndpoint
from apps.jobs.services.webhooks import endpoints


class EndpointForm(forms.ModelForm[WebhookEndpoint]):
    event_types = forms.MultipleChoiceField(
        label="Events",
        choices=[(event.value, event.label) for event in Event if event is not Event.TEST],
        initial=list(endpoints.SUBSCRIBABLE),
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url != self.instance.url:
            try:
                endpoints.check_url(url)
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return url

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        if self.instance._state.adding and "service" in values:
            endpoints.check_room(service_id=values["service"].pk)
        return values


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(PlatformAdmin):
    form = EndpointForm
    list_display = ("url", "service", "events", "state", "created")
    list_select_related = ("service",)
    list_filter = ("active", "service")
    search_fields = ("url__startswith", "service__slug__startswith")
    search_help_text = "Beginning of the URL or of its service."
    autocomplete_fields = ("service",)
    actions = ("send_tests", "rotate")
    object_actions = ("send_tests", "rotate")
    empty_state = EmptyState(
        "No service is told of its jobs' ends.",
        "Add an endpoint",
        "admin:jobs_webhookendpoint_add",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        asked = ("service", "url", "event_types", "description")
        return asked if obj is None else (*asked, "active", "state", "paused_until", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("service", "state", "paused_until", "created_at")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """A secret is shown on a page of its own: rotation is for one endpoint at a time."""
        return {name: row for name, row in super().get_actions(request).items() if name != "rotate"}

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.operate_webhook")

    @admin.display(description="events")
    def events(self, endpoint: WebhookEndpoint) -> str:
        if set(endpoint.event_types) == set(endpoints.SUBSCRIBABLE):
            return "all"
        return ", ".join(endpoint.event_types) or NOTHING

    @admin.display(description="state", ordering="active")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        if endpoint.active:
            return pill("active", "ok")
        if endpoint.disabled_reason:
            return pill(f"switched off: {endpoint.disabled_reason}", "bad")
        return pill("switched off", "warn")

    @admin.display(ordering="created_at")
    def created(self, endpoint: WebhookEndpoint) -> SafeString:
        return short_time(endpoint.created_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            endpoints.change_endpoint(endpoint=obj, values=values)
            return
        issued = endpoints.create_endpoint(
            service_id=obj.service_id,
            url=obj.url,
            events=obj.event_types,
            description=obj.description,
        )
        obj.pk, obj.issued_secret = issued.endpoint.pk, issued.secret

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._issued(request, obj, obj.issued_secret)

    def object_action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """A rotation answers with the secret itself: it is kept nowhere between two requests."""
        response = super().object_action_view(request, object_id, action)
        issued: endpoints.Issued | None = getattr(request, "issued", None)
        return response if issued is None else self._issued(request, issued.endpoint, issued.secret)

    def _issued(self, request: HttpRequest, row: WebhookEndpoint, secret: str) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": "Webhook secret issued",
            "opts": self.opts,
            "row": row,
            "secret": secret,
        }
        response = TemplateResponse(request, "admin/jobs/webhookendpoint/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @confirmed_action(
        description="Send a test",
        question="Send a test event to these endpoints?",
        button="Send",
        permissions=("operate",),
    )
    def send_tests(
        self, request: HttpRequest, rows: "QuerySet[WebhookEndpoint]", reason: str
    ) -> str:
        note_reason(reason)
        off = [row.url for row in rows if not row.active]
        sent = [endpoints.send_test(endpoint_id=row.pk) for row in rows if row.active]
        told = f"{len(sent)} on the way; see the deliveries."
        return f"{told} Switched off, and not sent to: {', '.join(off)}." if off else told

    @confirmed_action(
        description="Rotate the secret",
        question="Issue a new secret? The one of now signs along for a day.",
        button="Rotate",
        permissions=("add",),
    )
    def rotate(self, request: HttpRequest, rows: "QuerySet[WebhookEndpoint]", reason: str) -> str:
        note_reason(reason)
        request.issued = endpoints.rotate_secret(endpoint_id=rows.get().pk)  # type: ignore[attr-defined]
        return "A new secret signs from now on."
