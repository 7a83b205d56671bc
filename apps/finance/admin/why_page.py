"""Why costs changed, with the explorer's questions."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.admin.cells import exact_money
from apps.core.charts import waterfall
from apps.core.one_view import one_view
from apps.finance.admin.pages import asked, bar_of_controls, may_see_costs, page
from apps.finance.links import deeper, narrowed
from apps.finance.query import Query
from apps.finance.selectors import check
from apps.finance.why import MOST, Contributor, waterfall_of, why


@require_safe
@may_see_costs
@one_view()
def costs_why(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    parsed = asked(request.GET, now)
    found = why(query=parsed.query)
    today = now.astimezone(ZoneInfo(found.query.days.zone)).date()
    controls = bar_of_controls(parsed, today=today)
    # one dimension names the contributors, and bars have no place here
    controls |= {"grains": [], "metrics": [], "groupings": controls["groupings"][:1]}
    controls["comparisons"] = [one for one in controls["comparisons"] if one[0] != "none"]
    shown = {
        "title": "Why did it change?",
        "why": found,
        "chart": waterfall(waterfall_of(found)),
        "dimension": found.query.dimensions[0],
        "contributors": [(one, _address(found.query, one)) for one in found.contributors[:MOST]],
        "rest": _rest(found.contributors[MOST:]),
        "before": exact_money(found.bridge.before),
        "after": exact_money(found.bridge.after),
        "change": exact_money(found.bridge.change, is_change=True),
        "whole": max(found.bridge.before, found.bridge.after),
        "checked": check(query=found.query, found=found.after),
        **controls,
    }
    return page(request, "finance/why.html", shown, parsed, now)


def _address(query: Query, one: Contributor) -> str:
    """The same question of this contributor alone, by the next dimension."""
    alone = replace(query, group_by=query.group_by[:1])
    return (deeper(alone, (one.value,)) or narrowed(alone, (one.value,))).address


def _rest(found: list[Contributor]) -> dict[str, int]:
    return {
        "count": len(found),
        "before": sum(one.before for one in found),
        "after": sum(one.after for one in found),
        "change": sum(one.change for one in found),
    }
