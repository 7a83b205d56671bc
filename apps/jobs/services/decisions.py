"""What becomes of a job whose run ended without an answer. Pure; the clock is passed in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apps.jobs.models import Job, JobStatus
from apps.jobs.types import Ending, EndKind

MIN_DELAY = 1.0  # seconds before a job that was refused is tried again
MAX_BACKOFF = 60.0  # seconds; doubles from MIN_DELAY with every run whose calls failed
EXPIRED = "deadline_exceeded"
DEAD_LETTER = "dead_letter"
OUTCOME_UNKNOWN = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """The job's next status. `next_run_at` only for a job that waits again."""

    status: JobStatus
    code: str = ""
    message: str = ""
    next_run_at: datetime | None = None
    losses: int = 0


def decide(
    job: Job,
    ending: Ending,
    *,
    spent: bool,
    now: datetime,
    max_losses: int,
    is_unknown: bool = False,
) -> Decision:
    """`spent`: the run cost money. Whoever asked for a cancel gets it instead of another try.

    `is_unknown`: a request of a job that may not be repeated has an unknown outcome.
    """
    decision = _decide(job, ending, spent, now, max_losses)
    if decision.status == JobStatus.QUEUED and job.cancel_requested:
        return replace(decision, status=JobStatus.CANCELLED, code="", message="")
    if decision.status == JobStatus.QUEUED and is_unknown:
        text = f"It was sent, its outcome is unknown, and it may not be repeated. {ending.message}"
        return Decision(JobStatus.FAILED, OUTCOME_UNKNOWN, text.strip(), losses=decision.losses)
    return decision


def _decide(job: Job, ending: Ending, spent: bool, now: datetime, max_losses: int) -> Decision:
    match ending.kind:
        case EndKind.CANCELLED:
            return Decision(JobStatus.CANCELLED)
        case EndKind.RETURNED:
            return Decision(JobStatus.QUEUED, next_run_at=now)
        case EndKind.LOST:
            return _after_loss(job, now, max_losses)
        case EndKind.REFUSED:
            losses = int(spent)
            exhausted = losses > 0 and job.losses + losses >= max_losses
            return replace(_after_refusal(job, ending, now, exhausted), losses=losses)


def _after_refusal(job: Job, ending: Ending, now: datetime, exhausted: bool) -> Decision:
    """Waits when a retry can help before the deadline; the last refusal stays visible meanwhile.

    A run that failed for free may be repeated until the deadline, one that cost money only as
    often as a lost one.
    """
    soon = now + timedelta(seconds=MIN_DELAY)
    if soon >= job.deadline and (ending.retry_after is not None or ending.code == EXPIRED):
        return Decision(JobStatus.EXPIRED, EXPIRED, f"The deadline passed. {ending.message}")
    if ending.retry_after is not None and not exhausted:
        again = now + timedelta(seconds=_pause(job, ending))
        if again < job.deadline:
            return Decision(JobStatus.QUEUED, ending.code, ending.message, again)
    return Decision(JobStatus.FAILED, ending.code, ending.message)


def _pause(job: Job, ending: Ending) -> float:
    """Seconds. What never reached a provider (limits, drained routes) waits as it was told."""
    asked = max(MIN_DELAY, ending.retry_after or 0)
    if not ending.attempts:
        return asked
    return max(asked, min(MAX_BACKOFF, MIN_DELAY * 2.0 ** min(job.fence - 1, 10)))


def _after_loss(job: Job, now: datetime, max_losses: int) -> Decision:
    losses = job.losses + 1
    if now >= job.deadline:
        text = "The deadline passed while its worker was lost."
        return Decision(JobStatus.EXPIRED, EXPIRED, text, losses=1)
    if losses >= max_losses:
        text = f"Given up: {losses} runs in a row were lost with their worker or broke."
        return Decision(JobStatus.FAILED, DEAD_LETTER, text, losses=1)
    again = now + timedelta(seconds=2**losses - 2)  # at once, then 2, 6, 14 seconds
    return Decision(JobStatus.QUEUED, next_run_at=again, losses=1)
