"""From an answer to a grade: each check's score, then their weighted mean."""

from collections.abc import Callable, Sequence
from typing import Any

from apps.evals.checks import measures, structured, texts
from apps.evals.checks.wanted import Undecidable
from apps.evals.types import Answer, Check, CheckKind, Grade, Mark, Outcome

_RUN: dict[str, Callable[[Check, Answer, Any], Mark]] = {
    CheckKind.EQUALS: texts.equals,
    CheckKind.CONTAINS_ALL: texts.contains,
    CheckKind.CONTAINS_ANY: texts.contains,
    CheckKind.ICONTAINS_ALL: texts.contains,
    CheckKind.ICONTAINS_ANY: texts.contains,
    CheckKind.STARTS_WITH: texts.starts_with,
    CheckKind.REGEX: texts.regex,
    CheckKind.IS_JSON: structured.is_json,
    CheckKind.JSON_SCHEMA: structured.json_schema,
    CheckKind.JSON_FIELD: structured.json_field_equals,
    CheckKind.LENGTH: measures.length,
    CheckKind.LEVENSHTEIN: texts.levenshtein,
    CheckKind.NUMERIC: texts.numeric_close,
    CheckKind.REFUSAL: measures.is_refusal,
    CheckKind.LATENCY: measures.latency,
    CheckKind.COST: measures.cost,
    CheckKind.TOKENS: measures.tokens,
    CheckKind.TOOL_CALL: structured.tool_call_valid,
}
_ROUNDING = 1e-9  # a mean of thirds may fall short of its threshold by the last digit


def run_check(check: Check, answer: Answer, expected: Any) -> Outcome:
    """What the answer alone can tell; judges' and people's checks stay undecided."""
    run = _RUN.get(check.kind)
    if run is None:
        return Outcome(None)
    try:
        return outcome_of(check, run(check, answer, expected))
    except Undecidable as missing:
        return Outcome(0.0, str(missing))


def outcome_of(check: Check, mark: Mark) -> Outcome:
    """The threshold first, then the negation: “not 80 % similar” is met by 79 %."""
    score = mark.score
    if check.threshold is not None:
        score = float(score >= check.threshold - _ROUNDING)
    if check.negate:
        score = 1.0 - score
        return Outcome(score, mark.reason if score < 1 and mark.reason else _turned(score))
    return Outcome(score, mark.reason)


def grade(checks: Sequence[Check], outcomes: Sequence[Outcome], *, threshold: float) -> Grade:
    """Passed when the weighted mean reaches `threshold`. Without any weight nothing is asked, so
    everything passes."""
    if any(outcome.score is None for outcome in outcomes):
        return Grade(None, None)
    total = sum(check.weight for check in checks)
    if not total:
        return Grade(1.0, True)
    pairs = zip(checks, outcomes, strict=True)
    # shares first: the smallest weight there is, times a score, would be 0
    score = sum(check.weight / total * (outcome.score or 0.0) for check, outcome in pairs)
    return Grade(score, score >= threshold - _ROUNDING)


def _turned(score: float) -> str:
    return "" if score == 1 else "It should not, and it does."
