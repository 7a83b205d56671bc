"""What a job is outside the database: what was submitted, what a worker holds, how a run ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from apps.access.types import Caller
from apps.gateway.types import CallRefused, CallSpec, Pin


@dataclass(frozen=True, slots=True)
class Draft:
    """A request for a job, checked for its shape only."""

    caller: Caller
    spec: CallSpec
    fingerprint: str
    """SHA-256 of the canonical request: what “the same body” means for an idempotency key."""
    priority: int
    deadline: datetime | timedelta
    """When it is too late: a moment, or how long after acceptance by the database's clock."""
    request_id: str
    idempotency_key: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notify: bool = True
    """Whether webhooks tell its end."""
    on_unknown: str = "retry"
    """retry | fail: whether a request whose outcome is unknown is sent again."""
    may_wait: bool = False
    """Whether it may go through a provider's batch lane, hours later and for less."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to finish a job: void as soon as the job's fence has moved on."""

    job_id: UUID
    fence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as the worker that owns it sees it."""

    ticket: Ticket
    service_id: int
    request_id: str
    remaining: float
    """Seconds until the deadline, by the database's clock."""
    spec: CallSpec
    pin: Pin | None
    repeat_unknown: bool = True
    suspect: bool = False
    """Lost so often that it may be the one that kills its worker."""


class EndKind(StrEnum):
    REFUSED = "refused"
    """The pipeline said no, with a code."""
    LOST = "lost"
    """Its worker died, or the run broke in a way that nobody foresaw."""
    CANCELLED = "cancelled"
    """Somebody asked for it, and the call was stopped."""
    RETURNED = "returned"
    """The worker shuts down and gives the job back."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended without an answer. `retry_after` in seconds; None: a retry cannot help."""

    ticket: Ticket
    kind: EndKind
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    attempts: int = 0

    @classmethod
    def refused(cls, ticket: Ticket, refusal: CallRefused) -> Self:
        return cls(
            ticket,
            EndKind.REFUSED,
            code=refusal.code,
            message=refusal.message,
            retry_after=refusal.retry_after,
            attempts=refusal.attempts,
        )


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One physical call of a job with what was booked for it."""

    id: UUID
    number: int
    purpose: str
    why: str
    deployment: str
    status: str
    http_status: int | None
    error_kind: str
    started_at: datetime
    ended_at: datetime | None
    input_tokens: int
    output_tokens: int
    cost_pico: int
    lines: tuple[Mapping[str, Any], ...] = ()
    """Frozen price lines of its ledger entries."""
