"""What lists and cards show of evaluations."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import pill
from apps.core.admin.cells import NOTHING, Kind
from apps.evals.checks.wanted import as_text
from apps.evals.models import EvalRun, RunStatus

SHORT = 120  # characters of a value in a table
_STATUS: Mapping[str, Kind] = {
    RunStatus.FINISHED: "ok",
    RunStatus.CANCELLED: "quiet",
    RunStatus.CAPPED: "bad",
    RunStatus.STOPPING: "warn",
}
_VERDICTS: Mapping[str, Kind] = {
    "better": "ok",
    "worse": "bad",
    "same": "quiet",
    "undecided": "warn",
    "pass": "ok",
    "fail": "bad",
    "unsure": "warn",
}
VERDICT_WORDS = {
    "pass": "As good or better",
    "fail": "Worse",
    "unsure": "Not enough evidence",
}


def status_pill(run: EvalRun) -> SafeString:
    return pill(run.get_status_display(), _STATUS.get(run.status, "info"))


def verdict_pill(verdict: str) -> SafeString:
    return pill(VERDICT_WORDS.get(verdict, verdict), _VERDICTS[verdict])


def passed_pill(passed: bool | None) -> SafeString:
    if passed is None:
        return pill("undecided", "warn")
    return pill("passes", "ok") if passed else pill("fails", "bad")


def run_link(run: EvalRun, text: str = "") -> SafeString:
    url = reverse("admin:evals_evalrun_change", args=[run.pk])
    return format_html('<a href="{}">{}</a>', url, text or f"Run {run.pk}")


def short(value: Any) -> str:
    """One line of a value, for a table."""
    if value in (None, "", {}, []):
        return NOTHING
    line = " ".join(as_text(value).split())
    return line if len(line) <= SHORT else f"{line[:SHORT]}…"


def short_variables(variables: Mapping[str, Any]) -> str:
    if len(variables) == 1:
        return short(next(iter(variables.values())))
    return short(" · ".join(f"{name}: {as_text(value)}" for name, value in variables.items()))
