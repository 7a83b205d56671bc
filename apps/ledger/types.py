"""What the pipeline tells the ledger, and what it gets back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apps.core.money import Pico
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import PriceRow

EndStatus = Literal["succeeded", "failed", "unknown"]
BookingKind = Literal["charge", "estimate", "late_charge", "conflict"]
UsageSource = Literal["provider", "bound"]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Whose call it was and of what, as slugs. `prompt_version` 0: no prompt."""

    service: str
    team: str
    cost_center: str
    provider: str
    model: str
    deployment: str
    prompt: str = ""
    prompt_version: int = 0
    arm: str = ""
    channel: str = ""
    phase: int = 0
    subject: str = ""  # a keyed hash
    tags: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """As a row has them. (`asdict` copies each value, which cost more than writing it.)"""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """One physical request about to be sent. `number` is 1 for the first of a call; `purpose` is
    one of `models.Purpose`."""

    id: UUID
    request_id: str
    job_id: UUID | None
    number: int
    purpose: str
    dimensions: Dimensions
    why: str = ""  # why it is sent to this deployment
    instead_of: str = ""  # the deployment that it would be sent to, did costs not count
    saved_tokens: int = 0  # of the input, left out so that it fits
    due_at: datetime | None = None  # when its end is known at the latest; None: as any call's


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What an attempt used: disjoint usage classes (→ units) that add up to the totals.

    `source` is `provider` when the provider said so, `bound` when it is our upper estimate.
    `problem`: why what the provider said could not be taken, in words. `service_tier` is the one
    that it was billed in.
    """

    counts: Mapping[str, int]
    input_total: int
    output_total: int
    source: UsageSource
    raw: Mapping[str, Any] | None
    problem: str = ""
    service_tier: str = DEFAULT_TIER


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended. `kind` None: known to cost nothing, so no entry is booked; `conflict`:
    the provider's numbers contradict each other, and `usage` is the bound.

    Raises `ValueError` when something is to be booked and no usage says how much.
    """

    attempt_id: UUID
    status: EndStatus
    usage: UsageReport | None
    prices: Collection[PriceRow]  # the rows valid when the attempt started
    kind: BookingKind | None
    http_status: int | None = None
    error_kind: str = ""
    error: str = ""
    provider_request_id: str = ""
    first_token_ms: int | None = None
    flaw: str = ""  # one of `models.Flaw`

    def __post_init__(self) -> None:
        if self.kind is not None and self.usage is None:
            raise ValueError("An attempt that is booked needs its usage.")


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger holds for an attempt now.

    `amount_pico` is the attempt's total over all its entries (an estimate that the truth replaced
    is not in it), so it may be handed to the budgets any number of times. `kind` and `entry_id`
    are those of the newest entry that counts; "" and None without one. `already`: this end had
    been booked before and changed nothing.
    """

    attempt_id: UUID
    amount_pico: Pico
    kind: str
    entry_id: UUID | None
    already: bool


@dataclass(frozen=True, slots=True)
class CacheHit:
    """A call answered from the response cache. `avoided_pico`: what a miss would have cost."""

    request_id: str
    job_id: UUID | None
    dimensions: Dimensions
    avoided_pico: Pico
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two numbers of the books that should be equal and are not."""

    what: str
    recorded: int
    computed: int

    def __str__(self) -> str:
        return f"{self.what}: {self.recorded:,} recorded, {self.computed:,} computed."
