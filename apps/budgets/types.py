"""What the pipeline asks of budgets, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.money import Pico, exact_usd


@dataclass(frozen=True, slots=True)
class BudgetFacts:
    """A budget's definition. An empty scope field means “any”.

    `limit_pico` and `hard` are what they were when configuration was read, good for an early word;
    a hold is admitted by those of the row itself.
    """

    id: int
    slug: str
    period: str
    time_zone: str
    limit_pico: Pico
    hard: bool
    team: str = ""
    cost_center: str = ""
    service: str = ""
    provider: str = ""
    model: str = ""
    prompt: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What budgets match a call by, as slugs."""

    team: str
    cost_center: str
    service: str
    provider: str
    model: str
    prompt: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Room for one attempt. `id` is the attempt's; `amount_pico` the most that it can cost;
    `priced` False: nobody knows what it costs, so hard budgets refuse it."""

    id: UUID
    amount_pico: Pico
    scope: Scope
    ttl_seconds: float
    priced: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """Admitted. `overrun_soft`: slugs of soft budgets that are now beyond their limit."""

    id: UUID
    window_ids: tuple[int, ...]
    overrun_soft: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an attempt cost, as the total that the ledger holds for it (`Booked.amount_pico`).

    Because it is a total, settling twice posts once, and a later correction posts the difference.
    `keep_held`: the outcome is unknown, so the rest of the hold stays until it expires.
    """

    id: UUID
    actual_pico: Pico
    keep_held: bool = False


class BudgetExceeded(Exception):
    """A hard budget has no room. Nothing was held in any window.

    `retry_after` (seconds): until calls in flight may have given room back, or until the next
    window. None: a retry of the same call cannot help before somebody raises the limit (or,
    with `priced` False, adds the price).
    """

    def __init__(
        self,
        *,
        budget: str,
        limit_pico: Pico,
        posted_pico: Pico,
        held_pico: Pico,
        needed_pico: Pico,
        window_ends_at: datetime | None,
        retry_after: float | None,
        priced: bool = True,
    ) -> None:
        self.budget = budget
        self.limit_pico = limit_pico
        self.posted_pico = posted_pico
        self.held_pico = held_pico
        self.needed_pico = needed_pico
        self.remaining_pico = max(0, limit_pico - posted_pico - held_pico)
        self.window_ends_at = window_ends_at
        self.retry_after = retry_after
        self.priced = priced
        super().__init__(self._text())

    def _text(self) -> str:
        if not self.priced:
            return f"Budget “{self.budget}” refuses calls whose price is not known."
        return (
            f"Budget “{self.budget}” has {exact_usd(self.remaining_pico)} of "
            f"{exact_usd(self.limit_pico)} USD left; this call may cost up to "
            f"{exact_usd(self.needed_pico)} USD."
        )


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in its window of now. `scope`: the fields by which it chooses calls, only those."""

    slug: str
    name: str
    scope: Mapping[str, str]
    period: str
    hard: bool
    limit_pico: Pico
    posted_pico: Pico
    held_pico: Pico
    overrun_pico: Pico
    starts_at: datetime
    ends_at: datetime | None

    @property
    def remaining_pico(self) -> Pico:
        return max(0, self.limit_pico - self.posted_pico - self.held_pico)

    @property
    def used_share(self) -> float:
        """Of the limit, spent or held; 1 is all of it, and more is possible."""
        used = self.posted_pico + self.held_pico
        return used / self.limit_pico if self.limit_pico else float(used > 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two numbers that must be equal and aren't."""

    what: str
    recorded_pico: Pico
    computed_pico: Pico
