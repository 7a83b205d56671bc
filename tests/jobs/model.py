"""An independent referee of jobs: what each must be after each event, in plain values.

It shares no code with the application. Times are seconds of a clock that only the test moves.
"""

from dataclasses import dataclass, field
from uuid import UUID

LEASE = 2500.0
MAX_ATTEMPTS = 3
SUSPICIOUS = 2  # lost runs
PATIENCE, WORTH, TAKEN, BACK = 600.0, 7200.0, 300.0, 900.0  # of the batch lane
HOLD = 100  # what an attempt may cost at most
FINAL = ("succeeded", "failed", "cancelled", "expired")
UNKNOWN = ("dispatched", "unknown")


@dataclass
class ModelAttempt:
    status: str = "dispatched"
    cost: int = 0


@dataclass
class ModelJob:
    id: UUID
    priority: int
    strict: bool  # on_unknown = fail
    created: float
    deadline: float
    batch: bool = False
    status: str = "queued"
    fence: int = 0
    losses: int = 0
    stopping: bool = False
    code: str = ""
    lease: float = 0.0
    due: float = 0.0
    booked: int = 0  # the cost that its row shows
    answer: str = ""
    lane: str = ""
    attempts: dict[UUID, ModelAttempt] = field(default_factory=dict)

    @property
    def cost(self) -> int:
        return sum(attempt.cost for attempt in self.attempts.values())

    @property
    def is_suspect(self) -> bool:
        return self.losses >= SUSPICIOUS

    def owned_by(self, fence: int) -> bool:
        return self.status == "running" and self.fence == fence

    def is_due(self, now: float) -> bool:
        return self.status == "queued" and self.due <= now < self.deadline

    def keep(self, fence: int, now: float) -> bool:
        if self.owned_by(fence):
            self.lease = now + LEASE
        return self.owned_by(fence)

    def claimed(self, now: float) -> None:
        self.status, self.fence, self.lease = "running", self.fence + 1, now + LEASE

    def may_be_taken(self, now: float) -> bool:
        """Into a provider's batch."""
        waits = self.status == "queued" and self.lane == "allowed"
        return waits and not self.is_suspect and now + WORTH < self.deadline

    def taken(self, now: float) -> None:
        self.status, self.fence, self.lane, self.lease = (
            *("running", self.fence + 1, "batch", now + TAKEN),
        )

    def put_into_a_batch(self, fence: int) -> bool:
        if self.owned_by(fence):
            self.lease = self.deadline - BACK
        return self.owned_by(fence)

    def finish(self, fence: int, answer: str) -> bool:
        """Its answer, if the run still owns it; the cost stands either way."""
        self.booked = self.cost
        if not self.owned_by(fence):
            return False
        self.answer = answer
        self._become("succeeded")
        return True

    def lost(self, now: float) -> None:
        """Swept: its open calls count as billed, somebody else decides what follows."""
        self.fence += 1
        for attempt in self.attempts.values():
            if attempt.status == "dispatched":
                attempt.status, attempt.cost = "unknown", HOLD
        self.end(self.fence, "lost", "", None, False, now)

    def end(
        self, fence: int, kind: str, code: str, wait: float | None, called: bool, now: float
    ) -> bool:
        """A run without an answer. `wait`: seconds, None when a retry cannot help."""
        spent, self.booked = self.cost > self.booked, self.cost
        if not self.owned_by(fence):
            return False
        status, code, due, losses = self._decided(kind, code, wait, called, spent, now)
        self.losses += losses
        if status == "queued" and self.stopping:
            status, code = "cancelled", ""
        elif status == "queued" and self.strict and self._has_unknown:
            status, code = "failed", "outcome_unknown"
        self._become(status, code)
        self.due = due
        return True

    @property
    def _has_unknown(self) -> bool:
        return any(attempt.status in UNKNOWN for attempt in self.attempts.values())

    def _decided(
        self, kind: str, code: str, wait: float | None, called: bool, spent: bool, now: float
    ) -> tuple[str, str, float, int]:
        if kind == "cancelled":
            return "cancelled", "", 0, 0
        if kind == "returned":
            return "queued", "", now, 0
        if kind == "lost":
            if now >= self.deadline:
                return "expired", "deadline_exceeded", 0, 1
            if self.losses + 1 >= MAX_ATTEMPTS:
                return "failed", "dead_letter", 0, 1
            return "queued", "", now + (0, 2)[self.losses], 1
        given_up = spent and self.losses + 1 >= MAX_ATTEMPTS
        if now >= self.deadline and wait is not None:
            return "expired", "deadline_exceeded", 0, spent
        pause = max(wait or 0, min(60, 2 ** (self.fence - 1)) if called else 1)
        if wait is None or given_up or now + pause >= self.deadline:
            return "failed", code, 0, spent
        return "queued", code, now + pause, spent

    def expire(self) -> None:
        self._become("expired", "deadline_exceeded")

    def cancel(self) -> bool:
        """Whether there was something to stop."""
        if self.status == "queued":
            self._become("cancelled", self.code)
        elif self.status == "running":
            self.stopping = True
        else:
            return False
        return True

    def retry(self, now: float) -> bool:
        if self.status not in ("failed", "expired"):
            return False
        allowed = self.deadline - self.created
        self.status, self.code, self.losses = "queued", "", 0
        self.due, self.deadline = now, now + allowed
        self._leave_lane()
        return True

    def _leave_lane(self) -> None:
        self.lane = "returned" if self.lane == "batch" else self.lane

    def _become(self, status: str, code: str = "") -> None:
        self.status, self.code, self.stopping, self.lease = status, code, False, 0
        if status == "queued":
            self._leave_lane()
