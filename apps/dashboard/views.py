"""Pages of the admin that belong to no single model."""

from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.charts import stacked_bars
from apps.dashboard.costs import GROUPS, cost_chart, cost_csv, cost_report
from apps.dashboard.periods import BadPeriod, days_of, presets
from apps.ledger.reports import Days

may_see_costs = permission_required("ledger.view_entry", raise_exception=True)


@require_safe
@may_see_costs
def costs(request: HttpRequest) -> HttpResponse:
    """The cost report; everything that it shows stands in its address."""
    now, zone, error = timezone.now(), settings.REPORTING_TIME_ZONE, ""
    try:
        days = days_of(query=request.GET, now=now, zone=zone)
    except BadPeriod as problem:
        days, error = days_of(query={}, now=now, zone=zone), str(problem)
    report = cost_report(days=days, dimension=_dimension(request))
    context = admin.site.each_context(request) | {
        "title": "Cost report",
        "report": report,
        "chart": stacked_bars(cost_chart(report, today=now.astimezone(ZoneInfo(zone)).date())),
        "groups": GROUPS,
        "group_label": GROUPS[report.dimension],
        "presets": [
            (preset.label, _query(preset.days, report.dimension), preset.days == days)
            for preset in presets(now=now, zone=zone)
        ],
        "export_query": _query(days, report.dimension),
        "error": error,
        "now": now,
        "zone": zone,
    }
    return TemplateResponse(request, "dashboard/costs.html", context, status=400 if error else 200)


@require_safe
@may_see_costs
def costs_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same report as a file, by day and group, with exact amounts."""
    now = timezone.now()
    try:
        days = days_of(query=request.GET, now=now, zone=settings.REPORTING_TIME_ZONE)
    except BadPeriod as problem:
        return HttpResponse(str(problem), status=400, content_type="text/plain; charset=utf-8")
    dimension = _dimension(request)
    lines = cost_csv(days=days, dimension=dimension, now=now)
    name = f"costs-{dimension}-{days.first}-{days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _dimension(request: HttpRequest) -> str:
    asked = request.GET.get("group", "")
    return asked if asked in GROUPS else "service"


def _query(days: Days, dimension: str) -> str:
    values: dict[str, Any] = {"from": days.first, "to": days.last, "group": dimension}
    return urlencode(values)
