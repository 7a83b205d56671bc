"""Deciding about differences: what would be asked for, a reason, one button."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse

from apps.audit.history import note_reason
from apps.core.clock import db_now
from apps.reconciliation.admin.forms import DecideForm
from apps.reconciliation.admin.statement_page import FILTERS
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Statement
from apps.reconciliation.selectors import Line, found_in
from apps.reconciliation.services.deciding import accept, explain, wishes

SHOWN = 20


def decide(model_admin: Any, request: HttpRequest, statement: Statement) -> HttpResponse:
    """`choice`: book or explain; `scope`: marked (`line`, several times) or all that the filters
    show."""
    data = request.POST if request.method == "POST" else request.GET
    is_booking = data.get("choice") != "explain"
    lines = [line for line in _lines(statement, data) if line.open]
    back = model_admin._change_url(statement)
    if not lines:
        messages.error(request, "Mark lines that nobody decided about, or choose all lines.")
        return HttpResponseRedirect(back)
    form = DecideForm(request.POST if request.method == "POST" else None, is_booking=is_booking)
    ids = [line.row.pk for line in lines]
    is_asked = request.method == "POST" and form.is_valid()
    if is_asked and _run(request, statement, ids, form, is_booking=is_booking):
        return HttpResponseRedirect(back)
    context = model_admin.admin_site.each_context(request) | {
        "title": "Book differences" if is_booking else "Explain differences",
        "opts": model_admin.opts,
        "statement": statement,
        "object_url": back,
        "form": form,
        "is_booking": is_booking,
        "wishes": wishes(statement, ids) if is_booking else (),
        "lines": lines[:SHOWN],
        "more": max(0, len(lines) - SHOWN),
        "count": len(lines),
        "total": sum(line.open for line in lines),
        "ids": ids,
    }
    return TemplateResponse(request, "reconciliation/decide.html", context)


def _lines(statement: Statement, data: QueryDict) -> list[Line]:
    if data.get("scope") == "all":
        return found_in(statement, {name: data.get(name, "") for name in FILTERS}).lines
    marked = set(data.getlist("line"))
    return [line for line in found_in(statement, {}).lines if str(line.row.pk) in marked]


def _run(
    request: HttpRequest,
    statement: Statement,
    ids: list[int],
    form: DecideForm,
    *,
    is_booking: bool,
) -> bool:
    values = form.cleaned_data
    asked: dict[str, Any] = {
        "statement_id": statement.pk,
        "ids": ids,
        "reason": values["reason"],
        "by": request.user,
        "now": db_now(),
    }
    note_reason(values["reason"])
    try:
        if is_booking:
            center = values["cost_center"]
            made = accept(**asked, cost_center=center.slug if center else "")
        else:
            made = explain(**asked)
    except ReconciliationRefused as error:
        form.add_error(None, str(error))
        return False
    except ValidationError as error:
        form.add_error(None, error.messages)
        return False
    said = f"{len(made)} explained."
    if is_booking:
        count = len({one.adjustment_id for one in made if one.adjustment_id})
        said = f"{count} adjustments asked for: somebody else approves them under Adjustments."
    messages.success(request, said)
    return True
