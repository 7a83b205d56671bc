"""What a judge is asked, and how its verdict is read. Pure.

A judge is any sealed prompt that keeps this contract: it declares some of the variables below and
requires no other, and it answers with a JSON object: `{"score": 0 … 1, "reason": "…"}` by a rubric,
`{"winner": "first" | "second" | "tie", "reason": "…"}` of a pair.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.faults import Fault
from apps.evals.checks.wanted import as_text
from apps.evals.types import Check, CheckKind
from apps.prompts.types import Variable

SHARED = ("rubric", "question", "expected")
ANSWER = ("answer",)
PAIR = ("first", "second")
JUDGED_BYTES = 16_000  # of each text that a judge is shown; so its cost has a bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` None: what the judge said is no judgement."""

    score: float | None
    reason: str


def own_variables(check: Check) -> tuple[str, ...]:
    return PAIR if check.kind == CheckKind.JUDGE_PAIRWISE else ANSWER


def contract_faults(check: Check, declared: Mapping[str, Variable]) -> Iterator[Fault]:
    """Why a prompt cannot judge for this check."""
    given = {*SHARED, *own_variables(check)}
    for name in own_variables(check):
        if name not in declared:
            yield Fault("/judge", f"It needs the variable “{name}” to judge this.", "contract")
    for name, variable in declared.items():
        if variable.required and name not in given:
            known = ", ".join(sorted(given))
            detail = f"It requires “{name}”, which nobody gives it. It gets: {known}."
            yield Fault("/judge", detail, "contract")
        elif name in given and variable.type != "string":
            yield Fault("/judge", f"Its variable “{name}” must be a string.", "contract")


def variables_for(
    check: Check,
    declared: Mapping[str, Variable],
    *,
    question: Mapping[str, Any],
    expected: Any,
    answers: Mapping[str, str],
) -> dict[str, str]:
    """What the judge is given: only what it declares, each text cut to what it takes."""
    texts = {
        "rubric": check.value,
        "question": as_text(dict(question)),
        "expected": "" if expected is None else as_text(expected),
        **answers,
    }
    return {name: _cut(text, declared[name]) for name, text in texts.items() if name in declared}


def read_verdict(check: Check, text: str) -> Verdict:
    """From the judge's answer; what stands around the JSON is passed over."""
    said = _object_in(text)
    if said is None:
        return Verdict(None, f"The judge gave no JSON object, but “{text[:100]}”.")
    reason = str(said.get("reason") or "")[:1000]
    if check.kind == CheckKind.JUDGE_PAIRWISE:
        scores = {"first": 1.0, "tie": 0.5, "second": 0.0}
        winner = said.get("winner")
        if winner not in scores:
            return Verdict(None, f"The judge named as winner: {winner!r}."[:300])
        return Verdict(scores[winner], reason)
    score = said.get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        return Verdict(None, f"The judge scored {score!r}, not from 0 to 1."[:300])
    return Verdict(float(score), reason)


def of_both_orders(straight: float, swapped: float) -> Verdict:
    """1: preferred in both orders, 0: in none. A judge who follows the place and not the answer
    ends at a tie."""
    score = (straight + 1 - swapped) / 2
    if straight == 1 - swapped:
        words = {1.0: "Preferred in both orders.", 0.0: "The baseline is preferred in both orders."}
        return Verdict(score, words.get(score, "A tie in both orders."))
    return Verdict(score, "The preference changes with the order.")


def _cut(text: str, variable: Variable) -> str:
    cut = text.encode()[:JUDGED_BYTES].decode(errors="ignore")
    return cut[: variable.max_length] if variable.max_length else cut


def _object_in(text: str) -> dict[str, Any] | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return None
    try:
        found = orjson.loads(text[start : end + 1])
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
