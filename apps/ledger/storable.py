"""What others said, in a form that Postgres takes: a provider's odd characters must never keep
what a call cost from being booked."""

from collections.abc import Mapping
from math import isfinite
from typing import Any


def storable_text(text: str, limit: int) -> str:
    """Without NUL and lone surrogates, which Postgres refuses, and cut to `limit` characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:limit]


def storable_json(value: Any, limit: int = 2000) -> Any:
    """The same for every text inside `value`; numbers that JSON has no word for become null, and so
    do those that need more than 64 bits."""
    if isinstance(value, str):
        return storable_text(value, limit)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable_text(str(k), limit): storable_json(v, limit) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_json(item, limit) for item in value]
    return value
