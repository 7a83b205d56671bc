"""What was saved, and how."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.one_view import one_view
from apps.finance.admin.pages import asked, at_most, bar_of_controls, may_see_costs, page
from apps.finance.links import narrowed
from apps.finance.query import Query
from apps.finance.saved import Savings, longest_of, savings
from apps.finance.selectors import check, total

MOST = 100
_CACHE = (
    "Calls answered from our own cache: what the stored answer had cost when a provider gave it."
)
_PROVIDER_CACHE = (
    "Input that a provider had in its cache: the tokens at the price of plain input that held "
    "then, less what they cost. Below zero where a provider charges more for it."
)
_BATCH = (
    "Calls billed in a provider’s batch tier: their tokens at the standard tier’s price that held "
    "then, less those at the batch price."
)
_ROUTE = (
    "Calls sent to a cheaper deployment by a route of lowest cost, or by a budget without room for "
    "the model that was asked for: the same tokens at the price that held then where they would "
    "have gone, less the usual price of where they went."
)
# How it was saved, the field of `Saved`, and what that means in words.
WAYS = (
    ("Our cache", "our_cache", _CACHE),
    ("Providers’ caches", "provider_cache", _PROVIDER_CACHE),
    ("Batch", "batch", _BATCH),
    ("Cheaper route", "cheaper_route", _ROUTE),
)
_ENTRIES = ", because savings of these are read from the entries themselves"


@require_safe
@may_see_costs
@one_view()
def costs_savings(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    parsed = asked(request.GET, now)
    parsed = at_most(parsed, longest_of(parsed.query), because=_ENTRIES)
    query = replace(parsed.query, group_by=parsed.query.group_by[:1])
    found = savings(query=query)
    today = now.astimezone(ZoneInfo(query.days.zone)).date()
    controls = bar_of_controls(parsed, today=today)
    controls |= {"grains": [], "metrics": [], "comparisons": []}
    controls["groupings"] = controls["groupings"][:1]
    shown = {
        "title": "Savings",
        "dimension": query.dimensions[0],
        "found": found,
        "ways": [_way(found, *way) for way in WAYS],
        "rows": [_row(query, name, saved) for name, saved in found.groups[:MOST]],
        "rest": max(0, len(found.groups) - MOST),
        "checked": check(query=query, found=total(query=query)),
        **controls,
    }
    return page(request, "finance/savings.html", shown, parsed, now)


def _way(found: Savings, label: str, name: str, about: str) -> tuple[str, str, int, float]:
    amount = getattr(found.total, name)
    # of what it would have cost without
    whole = found.cost + found.total.total
    return label, about, amount, max(0, amount) / whole if whole > 0 else 0


def _row(query: Query, name: str, saved: Any) -> tuple[str, str, Any]:
    dimension = query.dimensions[0]
    alone = narrowed(query, (name,))
    further = replace(alone, group_by=(dimension.next,)) if dimension.next else alone
    return dimension.label_of(name), further.address, saved
