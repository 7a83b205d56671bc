"""How much prompts are used, which an app above knows and the list of prompts shows.

`apps.results` says how when it is ready, as apps say what stands in a release's way (`gates`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models import Q, QuerySet

from apps.prompts.models import Prompt


@dataclass(frozen=True, slots=True)
class Use:
    """Sums over calls; the cost in pico-USD."""

    calls: int = 0
    failed: int = 0
    cost_pico: int = 0
    p50_ms: float | None = None
    """Half of the answers came within so many milliseconds; None: nobody knows."""

    @property
    def failed_share(self) -> float:
        return self.failed / self.calls if self.calls else 0.0


class UseReader(Protocol):
    def use_of(self, prompts: Collection[str], *, since: datetime) -> Mapping[str, Use]:
        """By slug, of those that were called since; one query."""
        ...

    def called_since(self, since: datetime) -> Q:
        """Of prompts that were called since, as a condition of a query."""
        ...


class _Nobody:
    """Before an app has said how it is known."""

    def use_of(self, prompts: Collection[str], *, since: datetime) -> Mapping[str, Use]:
        return {}

    def called_since(self, since: datetime) -> Q:
        return Q(pk__in=[])


_reader: UseReader = _Nobody()


def register_use(reader: UseReader) -> None:
    """From an app's `ready`."""
    global _reader
    _reader = reader


def use_of(prompts: Collection[str], *, since: datetime) -> Mapping[str, Use]:
    return _reader.use_of(prompts, since=since)


def uncalled(prompts: QuerySet[Prompt], *, since: datetime) -> QuerySet[Prompt]:
    """Those that nobody called since."""
    return prompts.exclude(_reader.called_since(since))
