"""Checks of the words."""

from functools import lru_cache
from typing import Any

import re2
from rapidfuzz.distance import Levenshtein

from apps.evals.checks.wanted import TEXT, as_json, wanted, wanted_text, wanted_texts
from apps.evals.types import Answer, Check, Mark

_NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"


class BadPattern(ValueError):
    """Not a regular expression of RE2; the message says what is wrong."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """RE2 runs in time linear in the text, whatever the pattern. Raises `BadPattern`."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0] if error.args else ""
        raise BadPattern(text.decode() if isinstance(text, bytes) else str(text)) from error


def equals(check: Check, answer: Answer, expected: Any) -> Mark:
    want = wanted(check, expected)
    if not isinstance(want, str):
        return _yes_or_no(as_json(answer.text.strip()) == want, "Differs from what is expected.")
    return _yes_or_no(
        answer.text.strip() == want.strip(), f"Is not “{_short(want)}” but “{_short(answer.text)}”."
    )


def contains(check: Check, answer: Answer, expected: Any) -> Mark:
    folded, every = check.kind.startswith("i"), check.kind.endswith("all")
    text = answer.text[:TEXT].casefold() if folded else answer.text[:TEXT]
    wants = wanted_texts(check, expected)
    missing = [want for want in wants if (want.casefold() if folded else want) not in text]
    found = not missing if every else len(missing) < len(wants)
    return _yes_or_no(found, f"Lacks: {', '.join(map(_short, missing[:5]))}.")


def starts_with(check: Check, answer: Answer, expected: Any) -> Mark:
    want = wanted_text(check, expected)
    return _yes_or_no(
        answer.text.lstrip().startswith(want), f"Starts with “{_short(answer.text.lstrip())}”."
    )


def regex(check: Check, answer: Answer, expected: Any) -> Mark:
    pattern = compile_pattern(wanted_text(check, expected))
    return _yes_or_no(pattern.search(answer.text[:TEXT]) is not None, "No match.")


def levenshtein(check: Check, answer: Answer, expected: Any) -> Mark:
    """1 for equal texts, 0 for texts without anything in common."""
    want = wanted_text(check, expected)
    similarity = Levenshtein.normalized_similarity(answer.text[:TEXT], want[:TEXT])
    return Mark(similarity, f"{similarity:.0%} similar.")


def numeric_close(check: Check, answer: Answer, expected: Any) -> Mark:
    """The last number of the answer lies within `maximum` of the wanted one."""
    want = number_in(wanted_text(check, expected))
    found = number_in(answer.text)
    if want is None or found is None:
        return Mark(0.0, "Has no number." if found is None else "What is expected is no number.")
    close = abs(found - want) <= (check.maximum or 0.0)
    return _yes_or_no(close, f"Says {found:g}, expected {want:g}.")


def number_in(text: str) -> float | None:
    """The last number of a text: answers lead up to their result."""
    found = compile_pattern(_NUMBER).findall(text[:TEXT])
    return float(found[-1].replace(",", "")) if found else None


def _yes_or_no(passed: bool, otherwise: str) -> Mark:
    return Mark(1.0) if passed else Mark(0.0, otherwise)


def _short(text: str, most: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"
