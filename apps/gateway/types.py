"""What goes through the pipeline: the request, the outcome, and the refusals in between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from apps.access.limits import Level
from apps.access.types import Caller
from apps.core.faults import Fault
from apps.core.money import Pico
from apps.routing.types import Decision


class CallKind(StrEnum):
    CHAT = "chat"
    EMBEDDING = "embedding"


class CacheMode(StrEnum):
    USE = "use"
    """Answer from the cache when it can, store when it can't."""
    REFRESH = "refresh"
    """Call, and replace what is cached."""
    BYPASS = "bypass"
    """Neither read nor write."""
    ONLY = "only"
    """Answer from the cache or refuse."""


class CacheState(StrEnum):
    HIT = "hit"
    SIMILAR = "similar"
    """Answered as a similar question was, where the prompt's author chose that."""
    COALESCED = "coalesced"
    """Answered by the call of an equal request that was under way."""
    STALE = "stale"
    """Every route was dead; an answer past its time stood in."""
    MISS = "miss"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class CallSpec:
    """What a caller asked for, before anything is resolved. JSON values only; stored with a job."""

    kind: CallKind = CallKind.CHAT
    model: str = ""  # route or model slug; empty: the prompt's
    messages: tuple[Mapping[str, Any], ...] = ()  # either these …
    prompt: str = ""  # … or a prompt with variables
    variables: Mapping[str, Any] = field(default_factory=dict)
    channel: str = "production"
    version: int | None = None  # an exact version instead of a channel
    inputs: tuple[Any, ...] = ()  # embeddings: texts or token lists
    parameters: Mapping[str, Any] = field(default_factory=dict)  # OpenAI names
    response_schema: Mapping[str, Any] | None = None
    subject: str = ""  # whom an experiment assigns; kept only as a hash
    context: tuple[str, ...] = ()  # tags: budgets, cost reports, cache
    metadata: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""  # where it must be answered; narrows what the service allows
    cache: CacheMode = CacheMode.USE


@dataclass(frozen=True, slots=True)
class Pin:
    """Version and arm as decided at acceptance; retries and a later rollback never move them."""

    version_id: int
    prompt: str
    number: int
    arm: str = ""  # "<experiment>/<arm>", or "" without an experiment
    channel: str = ""  # "": an exact version was asked for
    phase: int = 0  # of the experiment, in which the subject joined
    subject: str = ""  # its keyed hash; "": nobody that results may count


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class FitReport:
    """What was left out of a prompt so that it fits, in words; the input tokens that it saved."""

    left_out: tuple[str, ...]
    saved_tokens: int


@dataclass(frozen=True, slots=True)
class Call:
    """One run through the pipeline."""

    spec: CallSpec
    caller: Caller
    request_id: str
    deadline: datetime
    pin: Pin | None = None  # given by a job; resolved by the pipeline otherwise
    job_id: UUID | None = None
    completion: Any = (
        None  # handed to the runtime's `complete` hook inside the settling transaction
    )
    rate_limit_wait: float = 0.0  # seconds a call may wait for its turn (jobs), 0: refuse at once
    repeat_unknown: bool = True  # whether a request whose outcome is unknown may be sent again
    may_send: Callable[[], bool] = always  # asked right before each request is sent
    on_decision: Callable[[Decision], None] | None = None  # told where the call goes, and why


@dataclass(frozen=True, slots=True)
class Spent:
    """What attempts cost. `estimated`: some of it is not the provider's usage at our prices: usage
    was missing, unknown or contradicted itself, or a price is missing (counted as 0)."""

    pico: Pico = 0
    estimated: bool = False

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.pico + other.pico, self.estimated or other.estimated)


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """An answer with its bill."""

    body: Mapping[str, Any]  # OpenAI's response object
    text: str  # assistant text of choice 0; "" for embeddings
    finish_reason: str
    input_tokens: int
    output_tokens: int
    usage: Mapping[str, int]  # disjoint usage classes
    cost_pico: Pico
    avoided_pico: Pico
    model: str
    deployment: str
    cache: CacheState
    attempts: int
    pin: Pin | None = None
    # Why it is less than was asked for. cheaper_model, output_cap: a budget had no room for more;
    # fallback_answer: every deployment failed, and the service's own text stood in.
    degraded: str = ""
    levels: tuple[Level, ...] = ()  # of the caller's rate limits after this call
    fit: FitReport | None = None  # None: nothing was left out
    cache_key: str = ""  # by which this answer alone can be invalidated
    cost_estimated: bool = False  # see `Spent`
    likeness: float = 0.0  # of the question that was answered, when another's answer was given


class CallRefused(Exception):
    """The pipeline says no. `code` is stable; `retry_after` is in seconds, None when a retry of the
    same request cannot help."""

    def __init__(
        self,
        *,
        code: str,
        status: int,
        message: str,
        faults: Sequence[Fault] = (),
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
        attempts: int = 0,
        levels: tuple[Level, ...] = (),
        spent: Spent | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.faults = tuple(faults)
        self.retry_after = retry_after
        self.details = dict(details or {})
        self.attempts = attempts
        self.levels = levels
        self.spent = spent  # by the attempts that were made; None: nobody has said yet

    def of_another(self) -> "CallRefused":
        """For a call that waited for the one that was refused: it made no attempts itself."""
        return CallRefused(
            code=self.code,
            status=self.status,
            message=self.message,
            faults=self.faults,
            retry_after=self.retry_after,
            details=self.details,
            levels=self.levels,
        )
