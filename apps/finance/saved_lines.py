"""What lines of the ledger saved: differences of exact amounts, none of them counted twice.

A line's way goes from what it cost over what it had cost as plain input (the provider's cache), in
the standard tier (batch), and at the deployment that it was preferred to for its lower cost (the
cheaper route). Each step of the way is what one of them saved.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date
from operator import add
from typing import Any

from apps.core.money import Pico
from apps.finance.saved_prices import PriceBook
from apps.finance.saved_sql import AMOUNTS, WAYS
from apps.ledger.pricing import BILLED_AS
from apps.providers.batch_results import BATCH_TIER
from apps.registry.models import UsageClass
from apps.registry.tiers import DEFAULT_TIER


@dataclass(frozen=True, slots=True)
class Saved:
    """Pico-USD; negative where the way that was taken cost more. `unknown`: units that have no
    price to be compared with, and whose further way is left out."""

    our_cache: Pico = 0
    provider_cache: Pico = 0
    batch: Pico = 0
    cheaper_route: Pico = 0
    unknown: int = 0

    def __add__(self, other: "Saved") -> "Saved":
        return Saved(*map(add, astuple(self), astuple(other)))

    @property
    def total(self) -> Pico:
        return self.our_cache + self.provider_cache + self.batch + self.cheaper_route

    def kept(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in AMOUNTS}


def parameters(book: PriceBook, days: Sequence[date], zone: str) -> dict[str, Any]:
    """Of the statements that read lines."""
    return {
        "standard": DEFAULT_TIER,
        "batch": BATCH_TIER,
        "batch_line": f'[{{"service_tier": "{BATCH_TIER}"}}]',
        "cache_read": UsageClass.IN_CACHE_READ,
        "moments": book.moments,
        "steps": book.steps,
        "alike": book.alike,
        "zone": zone,
        "days": list(days),
    }


def saved_by(
    book: PriceBook,
    deployment: str,
    usage_class: str,
    tier: str,
    place: int,
    step: int,
    instead_of: str,
    units: Any,
    amount: Any,
) -> Saved:
    """By lines that agree in all that says what they would have cost otherwise."""
    plain, usual = _plain(usage_class), _usual(tier)
    way = [(deployment, plain, tier), (deployment, plain, usual)]
    way += [(instead_of, plain, usual)] if instead_of else []
    cost, was, saved = int(amount), (deployment, usage_class, tier), dict[str, Pico]()
    for there, name in zip(way, WAYS, strict=False):
        costs = cost if there == was else book.amount(*there, place, step, int(units))
        if costs is None:
            return Saved(**saved, unknown=int(units))
        saved[name] = costs - cost
        cost, was = costs, there
    return Saved(**saved)


def _plain(usage_class: str) -> str:
    """What a class would be without the provider's cache."""
    return BILLED_AS[usage_class] if usage_class == UsageClass.IN_CACHE_READ else usage_class


def _usual(tier: str) -> str:
    return DEFAULT_TIER if tier == BATCH_TIER else tier
