"""What a run's page shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from apps.core.admin.cells import money, pill
from apps.evals.admin.cells import passed_pill, run_link, short, short_variables, status_pill
from apps.evals.checks.wanted import as_text, said
from apps.evals.comparing import Tally, steadiness
from apps.evals.models import OPEN_RUNS, Case, EvalResult, EvalRun, RunStatus
from apps.evals.selectors import agreement_of, check_rates, progress_of, rates_of, tallies_of
from apps.evals.stored import checks_of
from apps.prompts.statistics import wilson_interval

SHOWN = 100  # cases on a page
COMPARABLE = 20  # runs that are offered


def run_page(run: EvalRun, asked: Mapping[str, str]) -> dict[str, Any]:
    tallies = tallies_of(run)
    progress = progress_of(run)
    only = asked.get("only", "")
    ids = [pk for pk, tally in tallies.items() if only != "failed" or tally.passes is not True]
    case_id = int(asked["case"][:18]) if asked.get("case", "").isdecimal() else 0
    return {
        "run": run,
        "is_open": run.status in OPEN_RUNS,
        "status": status_pill(run),
        "progress": progress,
        "spent": money(progress.spent_pico),
        "cap": money(run.cost_cap_pico),
        "quote": money(run.quote_pico),
        "rate": _rate(tallies),
        "steady": steadiness(list(tallies.values())) if run.repeats > 1 else None,
        "checks": check_rates(run),
        "rows": case_rows(run, ids[:SHOWN], tallies),
        "more": max(0, len(ids) - SHOWN),
        "only": only,
        "comparable": _comparable(run),
        "agreements": [row for row in agreement_of(run) if row.total],
        "answers": answers_of(run, case_id) if case_id in tallies else [],
        "case": Case.objects.get(pk=case_id) if case_id in tallies else None,
    }


def case_rows(
    run: EvalRun, ids: Sequence[int], tallies: Mapping[int, Tally]
) -> list[dict[str, Any]]:
    """One row a case, with why it fails."""
    why: dict[int, str] = {}
    results = run.results.filter(case_id__in=ids).order_by("case_id", "repeat")
    for result in results.only("case_id", "outcomes", "error", "passed", "state"):
        if result.passed is not True:
            why.setdefault(result.case_id, reason_of(result))
    cases = Case.objects.in_bulk(list(ids))
    return [
        {
            "case": cases[pk],
            "given": short_variables(cases[pk].variables),
            "must_pass": pill("must pass", "info") if cases[pk].must_pass else "",
            "verdict": passed_pill(tallies[pk].passes),
            "tally": tallies[pk],
            "why": short(why.get(pk, "")),
        }
        for pk in ids
    ]


def reason_of(result: EvalResult) -> str:
    """The first thing that a check complains about."""
    if result.error:
        return result.error
    found = (row for row in result.outcomes if row["score"] != 1 and row["reason"])
    return next((str(row["reason"]) for row in found), "")


def answers_of(run: EvalRun, case_id: int) -> list[dict[str, Any]]:
    """Every repeat of one case in full, check by check."""
    checks = checks_of(run.checks)
    return [
        {
            "result": result,
            "verdict": passed_pill(result.passed),
            "cost": money(result.cost_pico),
            "said": said(result.answer, result.message) or as_text(result.message or ""),
            "checks": [
                (check.title, _score(outcome["score"]), outcome["reason"])
                for check, outcome in zip(checks, result.outcomes, strict=False)
            ],
        }
        for result in run.results.filter(case_id=case_id).order_by("repeat")
    ]


def _score(score: float | None) -> SafeString:
    if score is None:
        return pill("undecided", "warn")
    if score in (0, 1):
        return pill("yes", "ok") if score else pill("no", "bad")
    return pill(f"{score:.2f}", "info")


def _rate(tallies: Mapping[int, Tally]) -> dict[str, Any] | None:
    """Cases that pass, with the interval of 95 %."""
    decided = [tally.passes for tally in tallies.values() if tally.passes is not None]
    if not decided:
        return None
    low, high = wilson_interval(hits=sum(decided), of=len(decided))
    return {"share": sum(decided) / len(decided), "of": len(decided), "low": low, "high": high}


def _comparable(run: EvalRun) -> list[dict[str, Any]]:
    """Finished runs that asked the same, newest first."""
    rows = EvalRun.objects.filter(
        dataset_version=run.dataset_version_id,
        questions=run.questions,
        status=RunStatus.FINISHED,
    ).exclude(pk=run.pk)
    runs = list(rows.select_related("version__prompt").order_by("-id")[:COMPARABLE])
    rates = rates_of(runs)
    return [
        {
            "run": other,
            "link": run_link(other),
            "rate": rates.get(other.pk),
            "url": reverse("admin:evals_compare", args=[run.pk, other.pk]),
        }
        for other in runs
    ]
