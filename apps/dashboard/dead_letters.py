"""Jobs that ended without an answer, by why, and a second chance for all of one kind.

The order asks for a reason first, stands in the audit log, and takes a bounded number at a time.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.models import Service
from apps.core.admin.confirm import SHOWN, ReasonForm
from apps.core.rights import needs
from apps.jobs.given_up import MOST, Group, chosen, given_up, groups
from apps.jobs.models import Intervention, Job
from apps.jobs.services.interventions import record
from apps.jobs.services.retry import retry

CAN_RETRY = "jobs.operate_job"
may_see = needs("jobs.view_job")
may_retry = needs(CAN_RETRY)
PERIODS = (("1", "24 hours"), ("7", "7 days"), ("30", "30 days"))
DEFAULT = {"days": "7"}


class Narrowing(forms.Form):
    """What the address says: a period, and one service or all."""

    days = forms.ChoiceField(label="Ended in the last", choices=PERIODS)
    service = forms.ModelChoiceField(
        Service.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        empty_label="All services",
    )

    @property
    def chosen(self) -> dict[str, Any]:
        service = self.cleaned_data["service"]
        days = int(self.cleaned_data["days"])
        return {"days": days, "service": service.slug if service else ""}


@dataclass(frozen=True, slots=True)
class Row:
    group: Group
    jobs_url: str
    retry_url: str


@require_safe
@may_see
def page(request: HttpRequest) -> HttpResponse:
    form = _narrowing(request)
    found = groups(**form.chosen)
    context = admin.site.each_context(request) | {
        "title": "Dead letters",
        "form": form,
        "rows": [_row(group, form) for group in found],
        "total": sum(group.jobs for group in found),
        "may_retry": request.user.has_perm(CAN_RETRY),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "dashboard/dead_letters.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@may_retry
def retry_page(request: HttpRequest) -> HttpResponse:
    """Asks for a reason, then queues the group again, those that ended first."""
    narrowing, code = _narrowing(request), request.GET.get("code", "")
    back = f"{reverse('admin:dead_letters')}?{urlencode(narrowing.chosen)}"
    count = given_up(**narrowing.chosen, code=code).count()
    if not count:
        messages.info(request, f"No job of “{code}” is left in this period.")
        return HttpResponseRedirect(back)
    form = ReasonForm(request.POST or None)
    jobs = chosen(**narrowing.chosen, code=code)
    if request.method == "POST" and form.is_valid():
        which = _which(code, narrowing.chosen["service"])
        queued = _carry_out(request, jobs, which, form.cleaned_data["reason"])
        left = f" Left: {count - queued:,}." if count > queued else ""
        messages.success(request, f"Jobs of “{code}” queued again: {queued:,}.{left}")
        return HttpResponseRedirect(back)
    context = admin.site.each_context(request) | {
        "title": f"Retry: {code}",
        "form": form,
        "back": back,
        "code": code,
        "service": narrowing.chosen["service"],
        "count": min(count, MOST),
        "beyond": max(0, count - MOST),
        "jobs": jobs.select_related("service").order_by("finished_at")[:SHOWN],
        "more": max(0, min(count, MOST) - SHOWN),
    }
    return TemplateResponse(request, "dashboard/retry_group.html", context)


@transaction.atomic
def _carry_out(request: HttpRequest, jobs: "QuerySet[Job]", which: str, reason: str) -> int:
    record(action=Intervention.Action.RETRY, rows=jobs, by=request.user, reason=reason, which=which)
    return retry(job_ids=list(jobs.order_by("pk").values_list("pk", flat=True)))


def _narrowing(request: HttpRequest) -> Narrowing:
    """As the address says; what it says wrongly is as if it were not there."""
    form = Narrowing(DEFAULT | request.GET.dict())
    if form.is_valid():
        return form
    form = Narrowing(DEFAULT)
    form.is_valid()
    return form


def _which(code: str, service: str) -> str:
    return f"{code} of {service}" if service else code


def _row(group: Group, form: Narrowing) -> Row:
    listed: dict[str, Any] = {"created": "all", "error_code__exact": group.code}
    if service := form.cleaned_data["service"]:
        listed["service__id__exact"] = service.pk
    order = urlencode(form.chosen | {"code": group.code})
    return Row(
        group,
        f"{reverse('admin:jobs_job_changelist')}?{urlencode(listed)}",
        f"{reverse('admin:dead_letters_retry')}?{order}",
    )
