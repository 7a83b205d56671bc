"""What an operator may order of a deployment’s health. Each asks for a reason first, stands in the
audit log, and reaches every process with its configuration, within a second, without Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.audit.history import note_reason
from apps.core.admin.confirm import ReasonForm
from apps.core.rights import needs
from apps.dashboard.provider_health import CAN_ORDER
from apps.registry.models import Deployment
from apps.registry.services.switches import set_active
from apps.routing.models import RestEnd
from apps.routing.services import end_rest

may_order = needs(CAN_ORDER)


@dataclass(frozen=True, slots=True)
class Order:
    label: str
    question: str
    done: str
    run: Callable[[Deployment, str, str], Any]  # with the reason and who ordered it


def _switch(active: bool) -> Callable[[Deployment, str, str], Any]:
    def run(row: Deployment, reason: str, actor: str) -> None:
        set_active(rows=Deployment.objects.filter(pk=row.pk), active=active)

    return run


def _end(of: RestEnd.Of) -> Callable[[Deployment, str, str], Any]:
    def run(row: Deployment, reason: str, actor: str) -> None:
        end_rest(deployment=row, of=of, reason=reason, actor=actor)

    return run


ORDERS = {
    "take-out": Order(
        "Take out of service",
        "New calls go elsewhere; running ones end. It stays out until somebody puts it back.",
        "is out of service",
        _switch(False),
    ),
    "put-back": Order(
        "Put back into service", "New calls may go there again.", "is in service", _switch(True)
    ),
    "end-rest": Order(
        "End its rest",
        "Every process calls it again at once, and as often at once as calls come. If it still "
        "fails, five calls find out; if it pushes calls back, it gets fewer at once again.",
        "rests no longer",
        _end(RestEnd.Of.DEPLOYMENT),
    ),
    "release": Order(
        "Release the credential",
        "Every process uses the credential again, for all deployments behind it. Mend the "
        "provider’s secret first: the next refusal puts it back into quarantine.",
        "has its credential back",
        _end(RestEnd.Of.CREDENTIAL),
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
@may_order
def page(request: HttpRequest, slug: str, order: str) -> HttpResponse:
    deployment = get_object_or_404(Deployment.objects.select_related("provider"), slug=slug)
    found = ORDERS.get(order)
    if found is None:
        raise Http404
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _carry_out(request, deployment, found, form.cleaned_data["reason"])
    context = admin.site.each_context(request) | {
        "title": f"{found.label}: {deployment.slug}",
        "deployment": deployment,
        "order": found,
        "form": form,
    }
    return TemplateResponse(request, "dashboard/health_order.html", context)


def _carry_out(
    request: HttpRequest, deployment: Deployment, order: Order, reason: str
) -> HttpResponse:
    note_reason(reason)
    order.run(deployment, reason, request.user.get_username())
    messages.success(request, f"“{deployment.slug}” {order.done}, everywhere within a second.")
    return HttpResponseRedirect(reverse("admin:provider_health"))
