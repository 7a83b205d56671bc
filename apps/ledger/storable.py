"""What others said, in a form that Postgres takes: a provider's odd characters must never keep
what a call cost from being booked."""

from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

import orjson


def storable_text(text: str, limit: int) -> str:
    """Without NUL and lone surrogates, which Postgres refuses, and cut to `limit` characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:limit]


def storable_json(value: Any, limit: int = 2000) -> Any:
    """The same for every text inside `value`; numbers that JSON has no word for become null, and so
    do those that need more than 64 bits."""
    if isinstance(value, (Mapping, list)):
        with suppress(TypeError):
            written = orjson.dumps(value)
            if len(written) <= limit and b"\\u0000" not in written:
                return orjson.loads(written)  # nearly always: nothing in it has to change
    return _changed(value, limit)


def _changed(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return storable_text(value, limit)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable_text(str(k), limit): _changed(v, limit) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_changed(item, limit) for item in value]
    return value
