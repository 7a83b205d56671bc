"""What each kind of check needs, so that a suite is found faulty before it runs."""

from collections.abc import Iterator

import orjson

from apps.core.faults import Fault
from apps.evals.checks.structured import validator
from apps.evals.checks.texts import BadPattern, compile_pattern
from apps.evals.types import DEFERRED, JUDGED, Check, CheckKind

# Without a value of their own they compare with what the case expects.
_COMPARING = frozenset(
    {
        CheckKind.EQUALS,
        CheckKind.CONTAINS_ALL,
        CheckKind.CONTAINS_ANY,
        CheckKind.ICONTAINS_ALL,
        CheckKind.ICONTAINS_ANY,
        CheckKind.STARTS_WITH,
        CheckKind.JSON_FIELD,
        CheckKind.LEVENSHTEIN,
        CheckKind.NUMERIC,
    }
)
_RANGED = frozenset({CheckKind.LENGTH, CheckKind.TOKENS, CheckKind.LATENCY})
_CAPPED = frozenset({CheckKind.COST, CheckKind.NUMERIC})


def needs_expected(check: Check) -> bool:
    """Whether each case must say what it expects."""
    return check.kind in _COMPARING and not check.value


def check_faults(check: Check) -> list[Fault]:
    """All that is wrong with a check, by field."""
    return list(_faults(check))


def _faults(check: Check) -> Iterator[Fault]:
    if not 0 <= check.weight <= 1_000:
        yield Fault("/weight", "From 0 to 1,000.", "out_of_range")
    if check.threshold is not None and not 0 <= check.threshold <= 1:
        yield Fault("/threshold", "From 0 to 1.", "out_of_range")
    if check.kind == CheckKind.LEVENSHTEIN and check.threshold is None:
        yield Fault("/threshold", "How similar, from 0 to 1? 0.8 is a good start.", "missing")
    yield from _value_faults(check)
    yield from _range_faults(check)
    if check.kind in JUDGED and check.judge_id is None:
        yield Fault("/judge", "Choose the sealed prompt version that judges.", "missing")


def _value_faults(check: Check) -> Iterator[Fault]:
    if check.kind == CheckKind.REGEX:
        yield from _pattern_faults(check.value)
    elif check.kind == CheckKind.JSON_SCHEMA:
        yield from _schema_faults(check.value)
    elif check.kind == CheckKind.JSON_FIELD and not check.path.startswith("/"):
        yield Fault("/path", "Where in the JSON, e.g. /category or /items/0/id?", "missing")
    elif check.kind in DEFERRED and not check.value.strip():
        yield Fault("/value", "Say what a good answer is, in plain words.", "missing")


def _pattern_faults(pattern: str) -> Iterator[Fault]:
    if not pattern:
        yield Fault("/value", "Give the regular expression.", "missing")
        return
    try:
        compile_pattern(pattern)
    except BadPattern as error:
        detail = f"RE2 does not take it: {error}. Look-ahead and back-references are left out."
        yield Fault("/value", detail, "bad_pattern")


def _schema_faults(schema: str) -> Iterator[Fault]:
    try:
        validator(schema)
    except orjson.JSONDecodeError as error:
        yield Fault("/value", f"The schema is no JSON: {error.msg}.", "parse_error")
    except ValueError as error:
        yield Fault("/value", f"Not a JSON Schema: {error}"[:300], "bad_schema")


def _range_faults(check: Check) -> Iterator[Fault]:
    if check.kind in _CAPPED and (check.maximum is None or check.maximum < 0):
        what = "USD" if check.kind == CheckKind.COST else "how far it may be off"
        yield Fault("/maximum", f"Give the most: {what}.", "missing")
    if check.kind not in _RANGED:
        return
    if check.minimum is None and check.maximum is None:
        yield Fault("/maximum", "Give the least, the most, or both.", "missing")
    elif None not in (check.minimum, check.maximum) and check.minimum > check.maximum:  # type: ignore[operator]
        yield Fault("/minimum", "Is above the most.", "out_of_range")
