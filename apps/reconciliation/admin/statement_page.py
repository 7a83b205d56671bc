"""A statement's page: totals, the bridge, its lines, what was decided."""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.core.charts import waterfall
from apps.core.clock import db_now
from apps.core.money import Pico, short_usd
from apps.reconciliation.admin.drawing import bridge_of, steps_of
from apps.reconciliation.books import books_changed
from apps.reconciliation.export import lines_csv
from apps.reconciliation.models import Source, Statement, StatementStatus
from apps.reconciliation.selectors import (
    STATES,
    Found,
    decisions_of,
    found_in,
    replaced_by,
    unknown_items,
)
from apps.reconciliation.standing import is_too_much, unexplained_of
from apps.reconciliation.types import ABOUT, Column

PER_PAGE = 50
DECISIONS = 50  # the newest
UNKNOWN = 50  # items
FILTERS = ("column", "state", "model", "flagged")


def statement_page(model_admin: Any, request: HttpRequest, statement: Statement) -> HttpResponse:
    asked = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    found = found_in(statement, asked)
    steps = steps_of(found.columns)
    page = Paginator(found.lines, PER_PAGE).get_page(request.GET.get("page"))
    is_draft = statement.status == StatementStatus.DRAFT
    unknown = unknown_items(statement)
    context = model_admin.admin_site.each_context(request) | {
        "title": str(statement),
        "opts": model_admin.opts,
        "statement": statement,
        "actions": model_admin.possible_actions(request, statement),
        "files": statement.files.all(),
        "difference": statement.theirs_pico - statement.ours_pico,
        "difference_share": share_of(
            statement.theirs_pico - statement.ours_pico, statement.theirs_pico
        ),
        "unexplained_share": share_of(found.unexplained, statement.theirs_pico).lstrip("+"),
        "found": found,
        "steps": steps,
        "chart": waterfall(bridge_of(statement, steps)),
        "page": page,
        "replaces": replaced_by(statement) if is_draft else (),
        "unknown": unknown[:UNKNOWN],
        "unknown_more": max(0, len(unknown) - UNKNOWN),
        "names_url": _names_url(statement),
        "may_name": statement.status in (StatementStatus.DRAFT, StatementStatus.OPEN)
        and request.user.has_perm("reconciliation.change_source"),
        "decisions": decisions_of(statement)[:DECISIONS],
        "decision_count": statement.decisions.count(),
        "may_settle": model_admin.has_settle_permission(request)
        and statement.status == StatementStatus.OPEN,
        "is_draft": is_draft,
        "has_moved": statement.status != StatementStatus.VOID and books_changed(statement),
        "filters": _filters(found, asked),
        "asked": asked,
        "address": urlencode(asked),
        "ledger_url": reverse("admin:ledger_entry_changelist"),
        "lines_url": reverse("admin:reconciliation_statementline_changelist"),
    }
    return TemplateResponse(request, "reconciliation/statement.html", context)


def csv_file(request: HttpRequest, statement: Statement) -> StreamingHttpResponse:
    """The lines that the filters leave."""
    found = found_in(statement, request.GET)
    name = f"reconciliation-{statement.provider.slug}-{statement.first_day}-{statement.last_day}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    lines = lines_csv(statement, found, now=db_now())
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def unexplained_warning(statements: QuerySet[Statement]) -> str:
    """Whose month would not close with what nobody explained, and how much that is."""
    return " ".join(filter(None, map(_warning, statements)))


def _warning(statement: Statement) -> str:
    left = unexplained_of(statement)
    if not is_too_much(left, statement.theirs_pico):
        return ""
    share = share_of(left, statement.theirs_pico).lstrip("+")
    return (
        f"{short_usd(left)} of the {short_usd(statement.theirs_pico)} that {statement.provider} "
        f"bills ({share}) is not explained. A month does not close with more than 0.1 % "
        "unexplained: book or explain the differences first."
    )


def share_of(amount: Pico, whole: Pico) -> str:
    if not whole:
        return "–"
    share = amount / abs(whole)
    return f"{share:+.2%}" if amount else "0.00%"


def _filters(found: Found, asked: dict[str, str]) -> list[dict[str, Any]]:
    columns = [("", "any"), *((str(c), ABOUT[c][0]) for c in Column)]
    models = [("", "any"), *((name, name) for name in found.models if name)]
    return [
        _filter("column", "Column", columns, asked),
        _filter("state", "Decided", list(STATES.items()), asked),
        _filter("model", "Model", models, asked),
    ]


def _filter(
    name: str, label: str, options: list[tuple[str, str]], asked: dict[str, str]
) -> dict[str, Any]:
    chosen = asked.get(name, "")
    return {
        "name": name,
        "label": label,
        "options": [(value, text, value == chosen) for value, text in options],
    }


def _names_url(statement: Statement) -> str:
    source = Source.objects.filter(provider=statement.provider).first()
    if source:
        return reverse("admin:reconciliation_source_change", args=[source.pk])
    return f"{reverse('admin:reconciliation_source_add')}?provider={statement.provider_id}"
