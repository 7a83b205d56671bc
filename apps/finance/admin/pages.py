"""The explorer and its files."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.charts import stacked_bars
from apps.core.one_view import one_view
from apps.core.rights import needs
from apps.finance.cards import cards
from apps.finance.choices import choices
from apps.finance.dimensions import DIMENSIONS
from apps.finance.drawing import TITLES, bars
from apps.finance.explorer import Exploration, Group, bar_keys, explore
from apps.finance.export import periods_csv, table_csv
from apps.finance.forecast import month_forecast
from apps.finance.links import deeper, ledger_url, narrowed
from apps.finance.models import SavedView
from apps.finance.parsing import Parsed, parse
from apps.finance.query import COMPARISONS, GRAINS, UNATTRIBUTED, Query
from apps.finance.ranges import PRESETS, preset
from apps.finance.savings import provider_cache_saved
from apps.finance.selectors import check, cost_rows, views_for
from apps.finance.table import MOST_ROWS, columns, in_order, rest_of, sort_of
from apps.ledger.reports import Days

may_see_costs = needs("ledger.view_entry")
_COMPARED = {
    "before": "the period before",
    "year": "the same period last year",
    "none": "nothing",
}


@require_safe
@may_see_costs
@one_view()
def costs(request: HttpRequest) -> HttpResponse:
    """The cost explorer; everything that it shows stands in its address."""
    now = timezone.now()
    parsed = asked(request.GET, now, also=("sort",))
    exploration = explore(query=parsed.query)
    today = now.astimezone(ZoneInfo(parsed.query.days.zone)).date()
    forecast = month_forecast(query=parsed.query, today=today)
    drawn = bars(exploration, forecast=forecast, now=now)
    shown = {
        "title": "Cost report",
        "exploration": exploration,
        "chart": stacked_bars(drawn),
        "chart_title": drawn.title,
        "series": drawn.series,
        "forecast": forecast if any(drawn.expected) else None,
        "cards": cards(
            exploration,
            forecast=forecast,
            provider_saved=provider_cache_saved(query=parsed.query),
            today=today,
        ),
        "checked": check(query=parsed.query, found=exploration.total.sums),
        **_table(exploration, request.GET.get("sort", "")),
        "views": _views(request),
        "may_save": request.user.has_perm("finance.add_savedview"),
        **bar_of_controls(parsed, today=today),
    }
    return page(request, "finance/explorer.html", shown, parsed, now)


def _views(request: HttpRequest) -> list[SavedView]:
    may_see = request.user.has_perm("finance.view_savedview")
    return list(views_for(request.user)) if may_see else []


@require_safe
@may_see_costs
@one_view()
def costs_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The table of the same question; `rows=period`: what its bars are made of."""
    now = timezone.now()
    parsed = asked(request.GET, now, also=("sort", "rows"))
    if parsed.faults:
        return _refused(parsed)
    if request.GET.get("rows") == "period":
        rows = cost_rows(query=parsed.query, keys=bar_keys(parsed.query))
        return _file(parsed.query, periods_csv(parsed.query, rows=rows, now=now))
    exploration = explore(query=parsed.query)
    sort = sort_of(exploration, request.GET.get("sort", ""))
    return _file(parsed.query, table_csv(exploration, sort=sort, now=now))


def asked(parameters: QueryDict, now: datetime, *, also: tuple[str, ...] = ()) -> Parsed:
    return parse(parameters, now=now, zone=settings.REPORTING_TIME_ZONE, also=also)


def at_most(parsed: Parsed, longest: int, *, because: str = "") -> Parsed:
    """The question, or that of the last `longest` of its days, and why."""
    days = parsed.query.days
    if days.count > longest:
        text = f"At most {longest} days{because}; these are {days.count}. Choose fewer."
        parsed.faults.setdefault("from", []).append(text)
        kept = Days(days.last - timedelta(days=longest - 1), days.last, days.zone)
        parsed.query = replace(parsed.query, days=kept, range="")
    return parsed


def page(
    request: HttpRequest, template: str, shown: dict[str, Any], parsed: Parsed, now: datetime
) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "query": parsed.query,
        "faults": [(name, text) for name, texts in parsed.faults.items() for text in texts],
        "zone": parsed.query.days.zone,
        "compared": _COMPARED[parsed.query.compare],
        "now": now,
        **shown,
    }
    return TemplateResponse(request, template, context, status=400 if parsed.faults else 200)


def bar_of_controls(parsed: Parsed, *, today: date) -> dict[str, Any]:
    query = parsed.query
    return {
        "presets": [
            (label, _address(query, name, today), name == query.range)
            for name, (label, _) in PRESETS.items()
        ],
        "grains": [(name, name or "automatic", name == query.grain) for name in GRAINS],
        "groupings": [_grouping(query, place) for place in range(2)],
        "tag_key": next((n[4:] for n in query.group_by if n.startswith("tag:")), ""),
        "comparisons": [(name, _COMPARED[name], name == query.compare) for name in COMPARISONS],
        "metrics": [(name, label, name == query.metric) for name, label in TITLES.items()],
        "choices": choices(query=query),
        "chips": [
            (
                dimension.label,
                ", ".join(map(dimension.label_of, values)),
                query.with_filter(dimension.name).address,
            )
            for dimension, values in query.filtered
        ],
        "tag_filters": [
            (name, value or UNATTRIBUTED)
            for name, values in query.filters
            for value in values
            if name not in DIMENSIONS
        ],
    }


def _address(query: Query, name: str, today: date) -> str:
    days = preset(name, today=today, zone=query.days.zone)
    return replace(query, range=name, days=days, grain="").address


def _grouping(query: Query, place: int) -> list[tuple[str, str, bool]]:
    chosen = query.group_by[place] if place < len(query.group_by) else ""
    known = [(name, dimension.label) for name, dimension in DIMENSIONS.items()]
    return [
        (name, label, name == chosen.partition(":")[0])
        for name, label in [*([("", "nothing else")] if place else []), *known, ("tag", "Tag …")]
    ]


def _table(exploration: Exploration, asked_sort: str) -> dict[str, Any]:
    query, shown = exploration.query, columns(exploration)
    sort = sort_of(exploration, asked_sort)
    ranked = in_order(exploration, sort)
    kept, rest = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    names = [(dimension.label, "group") for dimension in query.dimensions]
    return {
        "heads": [
            *(_head(query, label, name, sort, "", is_text=True) for label, name in names),
            *(_head(query, one.label, one.name, sort, one.hint) for one in shown),
        ],
        "rows": [(_lead(query, group), [one.shown(group) for one in shown]) for group in kept],
        "rest": [(row.labels[0], [one.shown(row) for one in shown]) for row in _rest(rest)],
        "total": [one.shown(exploration.total) for one in shown],
        "sort": sort,
    }


def _rest(groups: list[Group]) -> list[Group]:
    return [rest_of(groups)] if groups else []


def _head(
    query: Query, label: str, name: str, sort: str, text: str, *, is_text: bool = False
) -> dict[str, Any]:
    """A column's head, which sorts by it: the largest first, names from A on, then around."""
    first = name if is_text else f"-{name}"
    following = first if sort != first else name if first.startswith("-") else f"-{name}"
    directions = {name: "ascending", f"-{name}": "descending"}
    return {
        "label": label,
        "url": f"?{query.address}&{urlencode({'sort': following})}",
        "direction": directions.get(sort, ""),
        "help": text,
        "is_text": is_text,
    }


def _lead(query: Query, group: Group) -> dict[str, Any]:
    """Where a row leads: one step deeper, or to its lines in the ledger."""
    lines = ledger_url(narrowed(query, group.values))
    further = deeper(query, group.values)
    return {
        "labels": group.labels,
        "url": f"?{further.address}" if further else lines,
        "title": f"By {further.dimensions[0].label.lower()}" if further else "Lines of the ledger",
        "ledger_url": lines,
    }


def _refused(parsed: Parsed) -> HttpResponse:
    lines = [f"{name}: {text}" for name, texts in parsed.faults.items() for text in texts]
    return HttpResponse("\n".join(lines), status=400, content_type="text/plain; charset=utf-8")


def _file(query: Query, lines: Iterator[str]) -> StreamingHttpResponse:
    groups = "-".join(query.group_by).replace(":", "-")
    name = f"costs-{groups}-{query.days.first}-{query.days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
