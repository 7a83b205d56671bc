"""What past calls would have cost at other prices; from there a recost is asked for."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.clock import db_now
from apps.finance.admin.pages import may_see_costs
from apps.finance.query import Query
from apps.finance.ranges import PRESETS, preset
from apps.registry.admin.cells import per_million
from apps.registry.models import Deployment, PriceProposal, UsageClass
from apps.repricing.admin.cells import rate_rows, rows_of, sum_of
from apps.repricing.models import Recost
from apps.repricing.question import Question, read_question
from apps.repricing.services import request_recost, what_if
from apps.repricing.types import Preview, RepricingRefused

SHOWN = 100  # proposals to choose from
_RANGES = ("7d", "30d", "month", "last-month", "last-quarter")
SEE_PROPOSALS = "registry.view_priceproposal"
ASK = "repricing.add_recost"
_IS_AMOUNT = re.compile("-?[0-9]{1,39}")


@require_http_methods(["GET", "HEAD", "POST"])
@may_see_costs
def price_what_if(request: HttpRequest) -> HttpResponse:
    """GET answers the question of the address; POST asks for a recost of it."""
    is_asked = request.method == "POST"
    given = QueryDict(request.POST.get("question", "")) if is_asked else request.GET
    now = db_now()
    question = read_question(
        given,
        now=now,
        zone=settings.REPORTING_TIME_ZONE,
        may_see_proposals=request.user.has_perm(SEE_PROPOSALS),
    )
    if is_asked and (made := _asked(request, question, now)):
        messages.success(request, "Asked for. Somebody else has to approve it.")
        return HttpResponseRedirect(reverse("admin:repricing_recost_change", args=[made.pk]))
    return _page(request, question, _answer(question), now)


def _asked(request: HttpRequest, question: Question, now: Any) -> Recost | None:
    """The recost; None with the faults in the question."""
    if not request.user.has_perm(ASK):
        raise PermissionDenied
    reason, seen = _reason(request), request.POST.get("seen", "")
    start, end = question.days.bounds
    faults = [] if 0 < len(reason) <= 400 else ["Give a reason, of at most 400 characters."]
    faults += ["Choose days that are over."] if end > now else []
    faults += [] if _IS_AMOUNT.fullmatch(seen) else ["Look at it first."]
    question.faults.extend(faults)
    if question.faults:
        return None
    try:
        return request_recost(
            rates=question.rates,
            start=start,
            end=end,
            zone=question.days.zone,
            reason=reason,
            by=request.user,
            now=now,
            seen=int(seen),
        )
    except RepricingRefused as error:
        question.faults.append(str(error))
        return None


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").replace("\0", "").strip()


def _answer(question: Question) -> Preview | None:
    if not question.rates:
        return None
    start, end = question.days.bounds
    try:
        return what_if(rates=question.rates, start=start, end=end)
    except RepricingRefused as error:
        question.faults.append(str(error))
        return None


def _page(
    request: HttpRequest, question: Question, found: Preview | None, now: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "title": "What would it have cost?",
        "question": question,
        "zone": question.days.zone,
        "presets": list(_presets(question, now)),
        "proposals": _proposals(request, question),
        "deployments": Deployment.objects.values_list("slug", flat=True),
        "classes": UsageClass.choices,
        "rates": list(
            zip(
                rate_rows(question.rates, used=found.used if found else {}, now=now),
                [question.without(one).address for one in question.asked],
                strict=True,
            )
        ),
        "kept": [one for one in question.asked if one.parameter != "proposal"],
        "found": found,
        "report": _report(question),
        "may_ask": request.user.has_perm(ASK) and question.days.bounds[1] <= now,
        "reason": _reason(request),
        **(_tables(found) if found else {}),
    }
    status = 400 if question.faults else 200
    return TemplateResponse(request, "repricing/what_if.html", context, status=status)


def _tables(found: Preview) -> dict[str, Any]:
    return {
        "whole": sum_of([*found.priced, *found.newly]),
        "priced": rows_of(found.priced),
        "priced_sum": sum_of(found.priced),
        "newly": rows_of(found.newly),
        "newly_sum": sum_of(found.newly),
    }


def _presets(question: Question, now: Any) -> Iterator[tuple[str, str, bool]]:
    zone = question.days.zone
    today = now.astimezone(ZoneInfo(zone)).date()
    for name in _RANGES:
        chosen = replace(question, days=preset(name, today=today, zone=zone), range=name)
        yield PRESETS[name][0], chosen.address, name == question.range


def _proposals(request: HttpRequest, question: Question) -> list[tuple[Any, ...]]:
    """Open ones, to choose from, and those that are chosen, with both prices a million."""
    if not request.user.has_perm(SEE_PROPOSALS):
        return []
    rows = PriceProposal.objects.select_related("deployment").order_by("deployment__slug", "pk")
    chosen = {int(one.value) for one in question.asked if one.parameter == "proposal"}
    opened = rows.filter(status=PriceProposal.Status.OPEN)[:SHOWN]
    shown = {row.pk: row for row in [*opened, *rows.filter(pk__in=chosen)]}
    return [
        (
            row,
            per_million(row.current_pico, row.per_block),
            per_million(row.proposed_pico, row.per_block),
            row.pk in chosen,
        )
        for row in shown.values()
    ]


def _report(question: Question) -> str:
    """The cost report of the same days and deployments."""
    slugs = sorted({rate.deployment for rate in question.rates})
    query = Query(days=question.days, group_by=("model",), compare="none")
    return (query.with_filter("deployment", *slugs) if slugs else query).address
