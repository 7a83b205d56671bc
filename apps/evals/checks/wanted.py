"""What an answer is held against: the check's own value, or what the case expects."""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.evals.types import Check

TEXT = 100_000  # characters of an answer that checks look at


class Undecidable(Exception):
    """The check has nothing to compare with; the message says what is missing."""


def wanted(check: Check, expected: Any) -> Any:
    """Raises `Undecidable` when neither the check nor the case says what is wanted."""
    if check.value:
        return check.value
    if expected in (None, ""):
        raise Undecidable("The check has no value, and the case expects nothing.")
    return expected


def wanted_text(check: Check, expected: Any) -> str:
    return as_text(wanted(check, expected))


def wanted_texts(check: Check, expected: Any) -> list[str]:
    """One a line, or the entries of an expected list."""
    found = wanted(check, expected)
    if isinstance(found, list):
        return [as_text(item) for item in found]
    return [line.strip() for line in as_text(found).splitlines() if line.strip()]


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def said(text: str, message: Mapping[str, Any] | None) -> str:
    """An answer for those who read it: its text, then the calls of tools that it asks for."""
    calls = (message or {}).get("tool_calls")
    shown = orjson.dumps(calls, option=orjson.OPT_INDENT_2).decode() if calls else ""
    return "\n\n".join(filter(None, (text, shown)))


def as_json(text: str) -> Any:
    """What people typed: JSON when it is JSON, else the text itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
