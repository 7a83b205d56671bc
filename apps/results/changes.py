"""A call as the sums see it, and what a change of it means for them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.results.models import Call


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call adds to the sums."""

    calls: int = 0
    failed: int = 0
    refusals: int = 0
    schema_failures: int = 0
    cached: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico: int = 0
    latency_ms: int | None = None


SUMMED = tuple(field.name for field in fields(Counts) if field.name != "latency_ms")


@dataclass(frozen=True, slots=True)
class Change:
    """A call as it is now, and what it added to the sums before and adds now."""

    call: "Call"
    old: Counts
    new: Counts

    def of(self, name: str) -> int:
        """How much more of one count."""
        return int((getattr(self.new, name) or 0) - (getattr(self.old, name) or 0))

    @property
    def is_none(self) -> bool:
        return self.old == self.new


Hour = tuple[str, int, str, str, datetime]
"""Prompt, version, channel, arm and the hour's beginning."""


def hour_of(call: "Call") -> Hour:
    begin = call.at.replace(minute=0, second=0, microsecond=0)
    return call.prompt, call.prompt_version, call.channel, call.arm, begin


def named(hour: Hour) -> dict[str, Any]:
    names = ("prompt", "prompt_version", "channel", "arm", "hour")
    return dict(zip(names, hour, strict=True))
