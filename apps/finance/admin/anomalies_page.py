"""Unusual days, with the explorer's questions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.money import PICO, Pico, exact_usd, pico_from_usd
from apps.core.one_view import one_view
from apps.finance.admin.pages import asked, at_most, bar_of_controls, may_see_costs, page
from apps.finance.anomalies import FEWEST, WINDOW, Anomaly, anomalies
from apps.finance.judged import judged
from apps.finance.links import narrowed
from apps.finance.models import Acknowledgement
from apps.finance.parsing import Parsed
from apps.finance.query import Query
from apps.finance.selectors import check, total
from apps.ledger.reports import Days

MOST = 100
LONGEST = 92  # days
USUAL = PICO  # a dollar: less is nobody's while
PARAMETER = "at_least"


@require_safe
@may_see_costs
@one_view()
def costs_anomalies(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    # a year of days of every group is more than anybody looks through
    parsed = at_most(asked(request.GET, now, also=(PARAMETER,)), LONGEST)
    query, at_least = parsed.query, _at_least(request, parsed)
    today = now.astimezone(ZoneInfo(query.days.zone)).date()
    found = judged(
        dimension=query.group_by[0],
        found=anomalies(query=query, today=today, at_least=at_least),
        days=query.days,
    )
    controls = bar_of_controls(parsed, today=today)
    controls |= {"grains": [], "metrics": [], "comparisons": []}
    controls["groupings"] = controls["groupings"][:1]
    shown = {
        "title": "Unusual days",
        "dimension": query.dimensions[0],
        "judged": found,
        "rows": [_row(query, one, said) for one, said in found.shown[:MOST]],
        "whole": max((abs(one.amount) for one, _ in found.shown[:MOST]), default=0),
        "rest": max(0, len(found.shown) - MOST),
        "may_judge": request.user.has_perm("finance.judge_unusual_day"),
        "at_least": exact_usd(at_least).rstrip("0").rstrip("."),
        "window": WINDOW,
        "fewest": FEWEST,
        "checked": check(query=query, found=total(query=query)),
        **controls,
    }
    return page(request, "finance/anomalies.html", shown, parsed, now)


def _at_least(request: HttpRequest, parsed: Parsed) -> Pico:
    text = request.GET.get(PARAMETER, "")
    try:
        amount = pico_from_usd(text) if text else USUAL
    except ValidationError as error:
        parsed.faults[PARAMETER] = [*error.messages, "Write dollars, like 0.50."]
        return USUAL
    if amount >= 0:
        return amount
    parsed.faults[PARAMETER] = ["It is below zero; write dollars, like 0.50."]
    return USUAL


def _row(query: Query, one: Anomaly, said: Acknowledgement | None) -> dict[str, Any]:
    alone = narrowed(replace(query, group_by=query.group_by[:1]), (one.value,))
    day = Days(one.day, one.day, query.days.zone)
    # a week against the one before has the same weekdays
    week = Days(one.day - timedelta(days=6), one.day, query.days.zone)
    dimension = query.dimensions[0]
    further = replace(alone, range="", grain="", compare="before")
    return {
        "one": one,
        "said": said,
        "judge": urlencode({"dimension": dimension.name, "value": one.value, "day": one.day}),
        "label": dimension.label_of(one.value),
        "score": "–" if one.score is None else f"{one.score:,.1f}",
        "day_url": replace(further, days=day, group_by=(dimension.next,)).address,
        "why_url": replace(further, days=week, group_by=(dimension.next,)).address,
    }
