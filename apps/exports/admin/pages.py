"""The page that asks for an export, and the page of one."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse

from apps.core.admin import reloaded
from apps.core.admin.cells import NOTHING
from apps.core.clock import db_now
from apps.exports.making import question_of
from apps.exports.models import Export, ExportStatus, Format
from apps.exports.selectors import in_words
from apps.exports.services import KEPT, request_export
from apps.exports.types import ExportRefused
from apps.exports.writing import WRITERS
from apps.finance.admin.pages import asked
from apps.finance.query import Query

# What each is for, in the words of those who choose.
ABOUT = {
    Format.CSV: "A row for each group, as the cost report shows it. For a spreadsheet.",
    Format.XLSX: "A workbook: the table, every ledger entry behind it (up to 200,000), and notes "
    "that say what is in it.",
    Format.JSON: "The table for programs, in the words of the API.",
    Format.ENTRIES: "A line for each entry of the ledger, with all its dimensions.",
    Format.LINES: "A line for each priced meter of each entry: quantity, unit price, amount.",
    Format.FOCUS: "The FinOps Open Cost and Usage Specification: a row for each day, meter and "
    "owner. For FinOps tools.",
}


def ask(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """GET shows what would be exported, POST puts it into the queue."""
    given = request.GET if request.method == "GET" else QueryDict(request.POST.get("question", ""))
    parsed = asked(given, db_now(), also=("sort",))
    chosen = request.POST.get("format", "")
    faults = [f"{name}: {text}" for name, texts in parsed.faults.items() for text in texts]
    if request.method == "POST" and chosen not in WRITERS:
        faults.append("Choose a format.")
    if request.method == "POST" and not faults:
        try:
            made = request_export(query=parsed.query, form=chosen, now=db_now(), by=request.user)
        except ExportRefused as error:
            faults.append(str(error))
        else:
            messages.success(request, "It is being made. You may leave this page.")
            return HttpResponseRedirect(model_admin._change_url(made))
    return _page(model_admin, request, parsed.query, faults, chosen or Format.XLSX)


def one(model_admin: Any, request: HttpRequest, export: Export) -> HttpResponse:
    context = model_admin.admin_site.each_context(request) | {
        "title": str(export),
        "opts": model_admin.opts,
        "export": export,
        "words": question_in_words(export),
        "percent": percent(export),
        "size": size_of(export),
        "gone_at": export.finished_at + KEPT if export.finished_at else None,
        "is_done": export.status == ExportStatus.DONE,
        "downloads": export.downloads.select_related("by")[:50],
    }
    response = TemplateResponse(request, "exports/export.html", context)
    return reloaded(response) if export.is_open else response


def _page(
    model_admin: Any, request: HttpRequest, query: Query, faults: list[str], chosen: str
) -> HttpResponse:
    context = model_admin.admin_site.each_context(request) | {
        "title": "Export costs",
        "opts": model_admin.opts,
        "query": query,
        "words": in_words(query),
        "zone": query.days.zone,
        "faults": faults,
        "formats": [
            (name, Format(name).label, ABOUT[Format(name)], name == chosen) for name in WRITERS
        ],
        "days_kept": KEPT.days,
    }
    status = 400 if faults else 200
    return TemplateResponse(request, "exports/ask.html", context, status=status)


def percent(export: Export) -> int:
    return min(100, 100 * export.rows_done // export.rows_total) if export.rows_total else 0


def size_of(export: Export) -> str:
    return filesizeformat(export.size) if export.size else NOTHING


def question_in_words(export: Export) -> str:
    """Also of a question whose dimension is gone."""
    try:
        return in_words(question_of(export))
    except ExportRefused:
        return export.question
