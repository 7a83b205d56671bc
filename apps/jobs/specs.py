"""A call as JSON, as it is stored with its job, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from apps.gateway.types import CacheMode, CallKind, CallSpec

_TUPLES = ("messages", "inputs", "context")


def to_json(spec: CallSpec) -> dict[str, Any]:
    """Only what was given, without the subject: its arm is pinned, and nothing else needs it."""
    empty = CallSpec()
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    given = {name: value for name, value in values.items() if value != getattr(empty, name)}
    given.pop("subject", None)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items()
    }


def from_json(stored: Mapping[str, Any]) -> CallSpec:
    values = dict(stored)
    for name in _TUPLES:
        values[name] = tuple(values.get(name, ()))
    values["kind"] = CallKind(values.get("kind", CallKind.CHAT))
    values["cache"] = CacheMode(values.get("cache", CacheMode.USE))
    return CallSpec(**values)
