"""The page that says where a route would send an example request now, and why."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.access.models import Service
from apps.access.snapshot import caller_of
from apps.core.rights import needs
from apps.gateway.config import read_config
from apps.gateway.rehearsal import Example, rehearse
from apps.gateway.types import CallRefused
from apps.routing.exchange import overheard
from apps.routing.models import Route
from apps.routing.types import Decision

may_see_routes = needs("routing.view_route")
MAX_TOKENS = 100_000


class ExampleForm(forms.Form):
    service = forms.ModelChoiceField(
        Service.objects.select_related("team", "cost_center", "tier").order_by("slug"),
        empty_label=None,
        help_text="Its regions and budgets count.",
    )
    input_tokens = forms.IntegerField(min_value=1, max_value=MAX_TOKENS, initial=500)
    output_cap = forms.IntegerField(
        min_value=1, max_value=MAX_TOKENS, required=False, label="Output at most"
    )
    region = forms.CharField(max_length=40, required=False)
    tags = forms.CharField(max_length=400, required=False, help_text="Separated by commas.")
    embedding = forms.BooleanField(required=False)
    tools = forms.BooleanField(required=False)
    json_schema = forms.BooleanField(required=False, label="JSON Schema")

    def example(self, route: Route) -> Example:
        values = dict(self.cleaned_data)
        values.pop("service")
        tags = tuple(tag.strip() for tag in values.pop("tags").split(",") if tag.strip())
        return Example(model=route.slug, tags=tags, **values)


@require_safe
@may_see_routes
def explain_route(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that it shows stands in its address."""
    route = get_object_or_404(Route, slug=slug)
    form = _form(request)
    context = admin.site.each_context(request) | {
        "title": f"Where “{route.slug}” would send a request",
        "route": route,
        "form": form,
        **_found(form, route),
    }
    return TemplateResponse(request, "dashboard/explain_route.html", context)


def _form(request: HttpRequest) -> ExampleForm:
    first = Service.objects.order_by("slug").values_list("pk", flat=True).first()
    return ExampleForm(request.GET or {"service": first, "input_tokens": 500})


def _found(form: ExampleForm, route: Route) -> dict[str, Any]:
    """The decision, or the refusal with whom it left out."""
    if not form.is_valid():
        return {}
    loads, health = overheard()
    try:
        decision: Decision = rehearse(
            form.example(route),
            caller=caller_of(form.cleaned_data["service"]),
            config=read_config(),
            loads=loads,
            health=health,
            now=timezone.now(),
        )
    except CallRefused as refusal:
        return {"refusal": refusal.message, "skipped": refusal.details.get("skipped", ())}
    return {"decision": decision, "skipped": decision.skipped}
