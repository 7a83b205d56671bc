"""What the pipeline asks of budgets, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from apps.budgets.windows import HasPeriod
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
    created_at: datetime
    length: int = 0
    week_start: int = 0
    fiscal_month: int = 1
    carry_over: str = "none"
    carry_cap_percent: int = 100
    on_exceeded: str = "refuse"
    cheaper_model: str = ""
    min_output_tokens: int = 1
    team: str = ""
    cost_center: str = ""
    service: str = ""
    provider: str = ""
    model: str = ""
    prompt: str = ""
    tag: str = ""


class IsBudget(HasPeriod, Protocol):
    """A budget, as a row or as facts."""

    @property
    def slug(self) -> str: ...
    @property
    def limit_pico(self) -> Pico: ...
    @property
    def hard(self) -> bool: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def carry_over(self) -> str: ...
    @property
    def carry_cap_percent(self) -> int: ...
    @property
    def on_exceeded(self) -> str: ...
    @property
    def cheaper_model(self) -> str: ...
    @property
    def min_output_tokens(self) -> int: ...


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
class OutputTerms:
    """How the most that a call can cost depends on its output cap: `input_pico` and, for each
    token of the cap, `token_pico`."""

    input_pico: Pico
    token_pico: Pico


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Room for one attempt. `id` is the attempt's; `amount_pico` the most that it can cost;
    `priced` False: nobody knows what it costs, so hard budgets refuse it; `way_out` then says in
    words what is missing, and what can be done.

    For budgets that would rather do with less than refuse: `output` None means that the answer
    cannot be shortened; `cheaper` is what to hold instead, by the name of the cheaper model.
    """

    id: UUID
    amount_pico: Pico
    scope: Scope
    ttl_seconds: float
    priced: bool = True
    way_out: str = ""
    output: OutputTerms | None = None
    cheaper: Mapping[str, "HoldRequest"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """Admitted. `overrun_soft`: slugs of soft budgets that are now beyond their limit.

    When budgets had no room for what was asked: `cheaper_model` is what was held instead, or
    `output_cap` the tokens that the answer may have at most.
    """

    id: UUID
    window_ids: tuple[int, ...]
    overrun_soft: tuple[str, ...] = ()
    cheaper_model: str = ""
    output_cap: int | None = None


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
    with `priced` False, adds the price). `jobs_wait`: the budget wants jobs to wait for room.
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
        jobs_wait: bool = False,
        way_out: str = "",
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
        self.way_out = way_out
        self.jobs_wait = jobs_wait
        super().__init__(self._text())

    def _text(self) -> str:
        if not self.priced:
            text = f"Budget “{self.budget}” refuses calls whose price is not known. {self.way_out}"
            return text.rstrip()
        return (
            f"Budget “{self.budget}” has {exact_usd(self.remaining_pico)} of "
            f"{exact_usd(self.limit_pico)} USD left; this call may cost up to "
            f"{exact_usd(self.needed_pico)} USD."
        )


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in its window of now. `scope`: the fields by which it chooses calls, only those.

    `limit_pico` has what was carried over and raised in it. `ends_at` None: lifetime or rolling, of
    which `length` says how long.
    """

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
    length: timedelta | None = None
    carried_pico: Pico = 0
    raised_pico: Pico = 0

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


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """What a budget has left for a call, and whether the whole call fits."""

    slug: str
    hard: bool
    limit_pico: Pico
    remaining_pico: Pico
    fits: bool


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an admission would answer; `amount_pico` is what it would hold, None when refused."""

    budgets: tuple[BudgetLeft, ...]
    answer: Held | BudgetExceeded
    amount_pico: Pico | None
