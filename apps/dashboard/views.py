"""Pages of the admin that belong to no single model."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.charts import stacked_bars
from apps.core.one_view import one_view
from apps.core.rights import needs
from apps.dashboard.periods import BadPeriod, days_of, presets
from apps.dashboard.usage import GROUPS, usage_chart, usage_report
from apps.dashboard.waste import waste_csv, waste_report
from apps.finance.selectors import check_days
from apps.ledger.reports import Days

may_see_costs = needs("ledger.view_entry")


@require_safe
@may_see_costs
@one_view()
def usage(request: HttpRequest) -> HttpResponse:
    """Tokens, requests and what was saved; the numbers of the API's usage report."""
    days, error = _days(request)
    dimension = _dimension(request, "model")
    report = usage_report(days=days, dimension=dimension)
    shown: dict[str, Any] = {"title": "Usage report", "report": report}
    shown["checked"] = check_days(days=days, shown=report.total.amount_pico)
    shown["chart"] = stacked_bars(usage_chart(report, today=_today()))
    return _page(request, "dashboard/usage.html", shown, days, dimension, error)


@require_safe
@may_see_costs
@one_view()
def waste(request: HttpRequest) -> HttpResponse:
    """What was paid for and brought nobody an answer, and what tests and copies cost."""
    days, error = _days(request)
    dimension = _dimension(request, "service")
    report = waste_report(days=days, dimension=dimension)
    shown = {"title": "Waste", "report": report, "csv_url": reverse("admin:waste_csv")}
    shown["checked"] = check_days(days=days, shown=report.total.total)
    return _page(request, "dashboard/waste.html", shown, days, dimension, error)


def _page(
    request: HttpRequest,
    template: str,
    shown: Mapping[str, Any],
    days: Days,
    dimension: str,
    error: str,
) -> HttpResponse:
    now, zone = timezone.now(), settings.REPORTING_TIME_ZONE
    context = admin.site.each_context(request) | {
        "groups": GROUPS,
        "group_label": GROUPS[dimension],
        "presets": [
            (preset.label, _query(preset.days, dimension), preset.days == days)
            for preset in presets(now=now, zone=zone)
        ],
        "export_query": _query(days, dimension),
        "error": error,
        "now": now,
        "zone": zone,
        **shown,
    }
    return TemplateResponse(request, template, context, status=400 if error else 200)


def _days(request: HttpRequest) -> tuple[Days, str]:
    """The days that are asked for; when they are none, the last 30 and what is wrong."""
    now, zone = timezone.now(), settings.REPORTING_TIME_ZONE
    try:
        return days_of(query=request.GET, now=now, zone=zone), ""
    except BadPeriod as problem:
        return days_of(query={}, now=now, zone=zone), str(problem)


def _today() -> date:
    return timezone.localdate(timezone=ZoneInfo(settings.REPORTING_TIME_ZONE))


@require_safe
@may_see_costs
@one_view()
def waste_as_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The same report as a file, with exact amounts."""
    now = timezone.now()
    try:
        days = days_of(query=request.GET, now=now, zone=settings.REPORTING_TIME_ZONE)
    except BadPeriod as problem:
        return HttpResponse(str(problem), status=400, content_type="text/plain; charset=utf-8")
    dimension = _dimension(request, "service")
    lines = waste_csv(days=days, dimension=dimension, now=now)
    name = f"waste-{dimension}-{days.first}-{days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _dimension(request: HttpRequest, default: str) -> str:
    asked = request.GET.get("group", "")
    return asked if asked in GROUPS else default


def _query(days: Days, dimension: str) -> str:
    values: dict[str, Any] = {"from": days.first, "to": days.last, "group": dimension}
    return urlencode(values)
