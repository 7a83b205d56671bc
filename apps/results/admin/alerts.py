"""What guardrails did, on the home page."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.core.admin import short_time
from apps.core.clock import db_now
from apps.core.rights import needs
from apps.results.alerts import KINDS, Alert, open_alerts
from apps.results.services.acknowledging import acknowledge

ACKNOWLEDGE = "results.acknowledge_alert"


@dataclass(frozen=True, slots=True)
class Shown:
    alert: Alert
    at: SafeString
    url: str
    """The page that shows what happened."""
    seen_url: str
    """Where to say that one has seen it; empty for who may not."""


def shown_alerts(request: HttpRequest, *, now: datetime) -> list[Shown]:
    """None for who may not see releases."""
    if not request.user.has_perm("prompts.view_release"):
        return []
    may = request.user.has_perm(ACKNOWLEDGE)
    return [_shown(alert, may=may) for alert in open_alerts(now=now)]


def _shown(alert: Alert, *, may: bool) -> Shown:
    if alert.kind == "arm":
        url = reverse("admin:experiment_results", args=[alert.page])
    else:
        url = reverse("admin:channel_course", args=[alert.page, alert.channel])
    seen = reverse("admin:alert_seen", args=[alert.kind, alert.id]) if may else ""
    return Shown(alert, short_time(alert.at), url, seen)


@require_POST
@needs(ACKNOWLEDGE)
def seen(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    known = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise Http404
    try:
        row = acknowledge(kind=known, pk=pk, by=request.user, now=db_now())  # type: ignore[arg-type]
    except ObjectDoesNotExist as error:
        raise Http404 from error
    messages.success(request, f"{row.by} has seen it; nobody is told again.")
    return HttpResponseRedirect(reverse("admin:index"))
