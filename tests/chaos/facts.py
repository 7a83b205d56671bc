"""What a run leaves behind, as plain values. Times are Unix seconds of the machine's true clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

FINAL = ("succeeded", "failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request that posted a job. `status` 0: no answer came."""

    at: float
    seconds: float
    status: int
    job_id: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A job as its client sees it: one key, two senders, each repeating until it is accepted."""

    key: str
    text: str
    requests: tuple[Request, ...]

    @property
    def accepted(self) -> frozenset[str]:
        return frozenset(request.job_id for request in self.requests if request.job_id)


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    key: str
    status: str
    error_code: str = ""
    answer: str = ""
    cost_pico: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A write of a job's status or fence, noted by a trigger of the run's own database."""

    job_id: str
    at: float
    old: str
    new: str
    fence: int
    """After the write."""


@dataclass(frozen=True, slots=True)
class Attempt:
    id: str
    job_id: str
    status: str
    provider_request_id: str = ""
    error_kind: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    attempt_id: str
    kind: str
    amount_pico: int
    reverses: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Its id is its attempt's."""

    id: str
    status: str
    amount_pico: int
    posted_pico: int


@dataclass(frozen=True, slots=True)
class Window:
    budget: str
    limit_pico: int
    posted_pico: int
    held_pico: int
    hard: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A request that arrived at the upstream, by the upstream's own log: the witness.

    `fault`: what it was told to do wrong. `cost_pico`: what its usage comes to.
    `ended` None: never.
    """

    number: int
    text: str
    at: float
    ended: float | None
    answered: str
    fault: str = ""
    cost_pico: int = 0

    @property
    def request_id(self) -> str:
        return f"req_{self.number}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the product, from `at` until it was whole again."""

    kind: str
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Facts:
    lease_seconds: float
    submissions: tuple[Submission, ...] = ()
    jobs: tuple[Job, ...] = ()
    moves: tuple[Move, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    entries: tuple[Entry, ...] = ()
    holds: tuple[Hold, ...] = ()
    windows: tuple[Window, ...] = ()
    calls: tuple[Call, ...] = ()
    faults: tuple[Fault, ...] = ()
    ledger_faults: tuple[str, ...] = ()
    """What `manage.py verify_ledger` has to say."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """Measurements that nothing is concluded from."""
