"""Statements of a month: the list of who bears what, and the statement of one."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from apps.core.one_view import one_view
from apps.exports.selectors import TYPES
from apps.exports.statement_files import WRITERS, About
from apps.exports.statements import BEARERS, in_words, month_query, statement, statements
from apps.finance.admin.pages import may_see_costs
from apps.finance.figures import NOTHING_NAMED
from apps.finance.query import UNATTRIBUTED
from apps.ledger.models import Period
from apps.ledger.months import start_of_month, start_of_next_month


@require_safe
@may_see_costs
@one_view()
def statements_list(request: HttpRequest) -> HttpResponse:
    month, by, faults = _asked(request)
    lines, whole = statements(month=month, by=by, zone=settings.REPORTING_TIME_ZONE)
    context = _context(request, month, by, faults) | {
        "title": f"Statements for {month:%B %Y}",
        "rows": [
            (line.keys[0] or UNATTRIBUTED, line.keys[0] or "Unattributed", line.sums)
            for line in lines
        ],
        "whole": whole,
        "adds_up": sum(line.sums.amount_pico for line in lines) == whole.amount_pico,
        "period": Period.objects.filter(month=month).first(),
        "question": month_query(
            month=month, zone=settings.REPORTING_TIME_ZONE, group_by=[by]
        ).address,
    }
    return _page(request, "exports/statements.html", context, faults)


@require_safe
@may_see_costs
@one_view()
def statement_of(request: HttpRequest) -> HttpResponse:
    month, by, faults = _asked(request)
    given, name = _name(request)
    found = statement(month=month, by=by, name=name, zone=settings.REPORTING_TIME_ZONE)
    context = _context(request, month, by, faults) | {
        "title": f"{in_words(by, name)}, {month:%B %Y}",
        "statement": found,
        "rows": [([key or NOTHING_NAMED for key in one.keys], one.sums) for one in found.lines],
        "period": found.period,
        "name": given,
        "question": found.query.address,
        "now": timezone.now(),
    }
    return _page(request, "exports/statement.html", context, faults)


@require_safe
@may_see_costs
def statement_file(request: HttpRequest, form: str) -> HttpResponse:
    """The statement of the same question as CSV or XLSX, of one moment of the books."""
    month, by, faults = _asked(request)
    if faults:
        return HttpResponse("\n".join(faults), status=400, content_type="text/plain; charset=utf-8")
    name = _name(request)[1]
    with one_view():
        found = statement(month=month, by=by, name=name, zone=settings.REPORTING_TIME_ZONE)
    about = About(f"{in_words(by, name)}, {month:%B %Y}", found, timezone.now())
    data = WRITERS[form](about)
    file = f"statement-{slugify(name) or 'unattributed'}-{month:%Y-%m}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return HttpResponse(data, content_type=TYPES[form], headers=headers)


def _name(request: HttpRequest) -> tuple[str, str]:
    """As the address has it, and as entries have it."""
    given = request.GET.get("name", UNATTRIBUTED)[:150].replace("\0", "")
    return given, "" if given == UNATTRIBUTED else given


def _asked(request: HttpRequest) -> tuple[date, str, list[str]]:
    """Without a month, the last one."""
    faults = []
    today = timezone.localdate(timezone=ZoneInfo(settings.REPORTING_TIME_ZONE))
    month = _month_before(start_of_month(today))
    text = request.GET.get("month", "")
    try:
        found = date.fromisoformat(f"{text}-01") if text else month
        if not 1990 <= found.year <= 2200:
            raise ValueError(text)
        month = found
    except ValueError:
        faults.append(f"“{text[:20]}” is no month; write it like 2026-03.")
    by = request.GET.get("by", "team")
    if by not in BEARERS:
        faults.append(f"“{by[:20]}” bears no costs; known: {', '.join(BEARERS)}.")
        by = "team"
    return month, by, faults


def _month_before(month: date) -> date:
    year, number = divmod(month.year * 12 + month.month - 2, 12)
    return date(year, number + 1, 1)


def _context(request: HttpRequest, month: date, by: str, faults: list[str]) -> dict[str, Any]:
    return admin.site.each_context(request) | {
        "month": f"{month:%Y-%m}",
        "month_in_words": f"{month:%B %Y}",
        "before": f"{_month_before(month):%Y-%m}",
        "after": f"{start_of_next_month(month):%Y-%m}",
        "by": by,
        "bearer": BEARERS[by],
        "bearers": [(name, label, name == by) for name, label in BEARERS.items()],
        "zone": settings.REPORTING_TIME_ZONE,
        "faults": faults,
    }


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], faults: list[str]
) -> HttpResponse:
    return TemplateResponse(request, template, context, status=400 if faults else 200)
