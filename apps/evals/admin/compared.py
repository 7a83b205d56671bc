"""The page that holds one run against another, case by case."""

from collections.abc import Mapping
from typing import Any

from apps.core.admin.cells import pill
from apps.evals.admin.cells import run_link, short_variables, verdict_pill
from apps.evals.admin.found import answers_of
from apps.evals.comparing import Comparison, Pair, compare_tallies
from apps.evals.models import Case, EvalRun
from apps.evals.selectors import progress_of, tallies_of
from apps.evals.services.gate import broken_cases
from apps.prompts.diff import Line, line_diff

SHOWN = 200  # cases on a page
MARGIN = 0.05
_ORDER = {"worse": 0, "undecided": 1, "better": 2, "same": 3}
LINES = 400  # of two answers side by side


def compared_page(new: EvalRun, old: EvalRun, asked: Mapping[str, str]) -> dict[str, Any]:
    title = f"{new.version} against {old.version}"
    runs = {"title": title, "new": new, "old": old, "links": (run_link(new), run_link(old))}
    if new.questions != old.questions or new.dataset_version_id != old.dataset_version_id:
        return runs | {"unequal": True}
    tallies = tallies_of(new)
    found = compare_tallies(tallies_of(old), tallies, margin=MARGIN)
    only = asked.get("only", "")
    pairs = sorted(found.pairs, key=lambda pair: (_ORDER[pair.verdict], pair.case_id))
    shown = [pair for pair in pairs if only != "differences" or pair.verdict != "same"]
    broken = broken_cases(new.dataset_version, tallies)
    return runs | {
        "comparison": found,
        "counts": {name: found.count(name) for name in ("better", "worse", "same", "undecided")},
        "outcome": _outcome(found, broken),
        "broken": broken,
        "margin": MARGIN,
        "only": only,
        "rows": _rows(shown[:SHOWN]),
        "more": max(0, len(shown) - SHOWN),
        "progress": (progress_of(new), progress_of(old)),
        "detail": _detail(new, old, asked.get("case", ""), found),
    }


def _outcome(found: Comparison, broken: tuple[str, ...]) -> Any:
    if broken:
        return pill("A case that must pass fails", "bad")
    return verdict_pill(found.paired.verdict.value if found.paired else "unsure")


def _rows(pairs: list[Pair]) -> list[dict[str, Any]]:
    cases = Case.objects.in_bulk([pair.case_id for pair in pairs])
    return [
        {
            "case": cases[pair.case_id],
            "given": short_variables(cases[pair.case_id].variables),
            "must_pass": pill("must pass", "info") if cases[pair.case_id].must_pass else "",
            "pair": pair,
            "verdict": verdict_pill(pair.verdict),
        }
        for pair in pairs
    ]


def _detail(new: EvalRun, old: EvalRun, asked: str, found: Comparison) -> dict[str, Any] | None:
    """Both answers to one case, with what differs."""
    case_id = int(asked[:18]) if asked.isdecimal() else 0
    if not any(pair.case_id == case_id for pair in found.pairs):
        return None
    theirs, ours = answers_of(old, case_id), answers_of(new, case_id)
    before, after = (side[0]["said"] if side else "" for side in (theirs, ours))
    return {
        "case": Case.objects.get(pk=case_id),
        "old": theirs,
        "new": ours,
        "lines": _lines(before, after) if before != after else (),
    }


def _lines(before: str, after: str) -> list[Line]:
    return list(line_diff(before.split("\n"), after.split("\n")))[:LINES]
