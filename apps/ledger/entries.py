"""Entries made from other rows: the dimensions are copied, never looked up again."""

from datetime import datetime
from typing import Any

from apps.ledger.models import Attempt, CallDimensions, Entry, EntryKind

DIMENSIONS = tuple(field.name for field in CallDimensions._meta.get_fields())
_OF_ATTEMPT = (*DIMENSIONS, "purpose", "request_id", "job_id")
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "saved_tokens")
_COPIED = (*_OF_ATTEMPT, "attempt_id")


def entry_for(attempt: Attempt, *, kind: str, at: datetime, **values: Any) -> Entry:
    """A new entry of `attempt`, not saved."""
    shared = {name: getattr(attempt, name) for name in _OF_ATTEMPT}
    return Entry(attempt=attempt, kind=kind, at=at, **shared | values)


def reversal_of(entry: Entry, *, at: datetime, reason: str, actor: str = "") -> Entry:
    """The exact opposite of `entry`, not saved."""
    return Entry(
        kind=EntryKind.REVERSAL,
        at=at,
        reverses=entry,
        amount_pico=-entry.amount_pico,
        avoided_pico=-entry.avoided_pico,
        input_tokens=-entry.input_tokens,
        output_tokens=-entry.output_tokens,
        cached_tokens=-entry.cached_tokens,
        saved_tokens=-entry.saved_tokens,
        lines=[_negative(line) for line in entry.lines],
        reason=reason,
        actor=actor,
        **_shared(entry),
    )


def correction_of(entry: Entry, *, at: datetime, reason: str, actor: str, **values: Any) -> Entry:
    """What stands in place of `entry`, not saved; `values` are its amount and lines, and its tokens
    where they differ."""
    tokens = {name: getattr(entry, name) for name in _TOKENS}
    return Entry(
        kind=EntryKind.CORRECTION,
        at=at,
        reason=reason,
        actor=actor,
        **(_shared(entry) | tokens | values),
    )


def _shared(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _COPIED}


def _negative(line: dict[str, Any]) -> dict[str, Any]:
    """Quantity and amount change their sign, so that quantity × price is still the amount."""
    opposite = {name: -line[name] for name in ("quantity", "amount_pico") if name in line}
    return line | opposite
