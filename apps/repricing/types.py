"""What past calls are priced by, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.core.money import Pico
from apps.registry.types import PriceRow

NEWLY = "newly"
"""Part of a preview: calls without a price that would have one."""
PRICED, LACKING, LEFT = "priced", "lacking", "left"


@dataclass(frozen=True, slots=True)
class Rate:
    """A price for past calls of a deployment (by slug). Its `price_id` is below 0 while it is only
    asked about."""

    deployment: str
    row: PriceRow
    source: str


@dataclass(frozen=True, slots=True)
class Segment:
    """The prices that calls of a deployment have which were sent from `since` to before `until`."""

    deployment: str
    since: datetime
    until: datetime
    rows: tuple[PriceRow, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Sums over the price lines of one meter. `lines` says how many they are: a call has one for
    each meter that it used."""

    model: str
    deployment: str
    usage_class: str
    service_tier: str
    lines: int
    quantity: int
    before_pico: Pico
    after_pico: Pico

    @property
    def difference_pico(self) -> Pico:
        return self.after_pico - self.before_pico


@dataclass(frozen=True, slots=True)
class Left:
    """Entries that stay as they are booked, and why."""

    why: str
    entries: int
    amount_pico: Pico


@dataclass(frozen=True, slots=True)
class Use:
    """How much a price was used."""

    lines: int = 0
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What calls of some days would have cost. `priced` and `newly` add up to all that would
    change; `used` has a use for each price that any call used, by its `price_id`."""

    priced: Sequence[Line]
    newly: Sequence[Line]
    left: Sequence[Left]
    used: Mapping[int, Use]
    entries: int
    newly_priced: int

    @property
    def before_pico(self) -> Pico:
        return sum(line.before_pico for line in (*self.priced, *self.newly))

    @property
    def after_pico(self) -> Pico:
        return sum(line.after_pico for line in (*self.priced, *self.newly))

    @property
    def difference_pico(self) -> Pico:
        return self.after_pico - self.before_pico


class RepricingRefused(Exception):
    """It cannot be asked for, computed or decided; says why and the way out."""
