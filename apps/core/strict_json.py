"""JSON from outside: strict, bounded, and storable in Postgres.

Refused, each with a clear text: not JSON, NaN, lone surrogates, nesting deeper than
`MAX_DEPTH`, and the NUL character, which Postgres cannot store in text.
"""

from collections.abc import Mapping
from typing import Any

import orjson

MAX_DEPTH = 64


class InvalidJSON(ValueError):
    """The body is not JSON that we accept. Permanent: the same body never will be."""


def loads(body: bytes, *, first_line: int = 1) -> Any:
    """Parse `body`, which begins with line `first_line` of what was sent. Raises `InvalidJSON`."""
    if _too_deep(body):
        raise InvalidJSON(f"JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        at = f"line {first_line + error.lineno - 1} column {error.colno}"
        raise InvalidJSON(f"Not valid JSON: {error.msg}: {at}.") from error
    if b"\\u0000" in body and _has_nul(value):
        raise InvalidJSON("The NUL character (\\u0000) cannot be stored; remove it.")
    return value


def dumps(value: Any) -> bytes:
    """Compact UTF-8."""
    return _written(value, orjson.OPT_NON_STR_KEYS)


def canonical(value: Any) -> bytes:
    """The same bytes for equal values: sorted keys, no white space. For hashing only."""
    return _written(value, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def pretty(value: Any, *, indent: bool = True) -> str:
    """For people to read: sorted keys."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return _written(value, option | (orjson.OPT_INDENT_2 if indent else 0)).decode()


def _written(value: Any, option: int) -> bytes:
    """Postgres gives the number 1e30 back as a whole one of 31 digits; it is written as it came in,
    so that what was stored has the bytes, and the hash, of what was sent."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        return orjson.dumps(_as_parsed(value), option=option)


def _as_parsed(value: Any) -> Any:
    """With whole numbers beyond 64 bits as `loads` reads them: as floats."""
    if type(value) is int and not -(2**63) <= value < 2**64:
        return float(value) if value.bit_length() < 1024 else value
    if isinstance(value, list | tuple):
        return [_as_parsed(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _as_parsed(item) for key, item in value.items()}
    return value


def _too_deep(body: bytes) -> bool:
    """Whether brackets outside strings nest too deep; linear, before any parser recurses."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    depth, in_string, escaped = 0, False, False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"]}":
            depth -= 1
    return False


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return False
