"""Numbers of tokens as providers write them: whole and sane, or a conflict."""

from collections.abc import Iterable, Mapping
from typing import Any

# No model reads or writes a billion tokens in one call. A larger number is a fault of the
# provider, and refusing it keeps price arithmetic inside 64 bits.
MAX_TOKENS = 1_000_000_000


class UsageConflict(ValueError):
    """Reported usage contradicts itself. It must never be clamped or guessed into a charge."""


def required(raw: Mapping[str, Any], key: str) -> int:
    value = count(raw, key)
    if value is None:
        raise UsageConflict(f"{key} is missing")
    return value


def count(raw: Mapping[str, Any], key: str) -> int | None:
    """None when it is missing or null; an explicit zero is a zero."""
    value = raw.get(key)
    if value is None:
        return None
    # `type` and not `isinstance`: True is an int in Python, but not a number of tokens.
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise UsageConflict(f"{key} is not a number of tokens: {value!r:.40}")
    return value


def agreed(places: Iterable[tuple[Mapping[str, Any], str]]) -> int | None:
    """The number that is told in several words, for all of which providers have the same meaning.
    None when it is told in none."""
    told = {key: value for raw, key in places if (value := count(raw, key)) is not None}
    if len(set(told.values())) > 1:
        words = ", ".join(f"{key} {value}" for key, value in told.items())
        raise UsageConflict(f"told differently: {words}")
    return next(iter(told.values()), None)


def inside(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under `key`, empty when there is none."""
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageConflict(f"{key} is not an object")
    return value
