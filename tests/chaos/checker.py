"""What must be true after a run. Pure: facts in, violations out.

The upstream's log is the witness: the product cannot have written it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.chaos.facts import FINAL, Attempt, Call, Entry, Facts, Fault, Move, Request

SUBMIT_P99 = 1.5  # seconds, while Valkey is away
RESCUE_MARGIN = 5.0  # seconds that a rescue may take beyond the lease
SETTLE_SECONDS = 3.0  # a call that ended so long before a fault should have been booked by then
HEARTBEAT_SECONDS = 2.5  # a third of the run's lease, and the second until it is looked at
CHARGES = ("charge", "late_charge", "unpriced")
# What may take a job from its worker in the middle of a call.
INTERRUPTIONS = ("kill", "pause", "postgres_restart", "postgres_down")
VALKEY_AWAY = ("valkey_restart", "valkey_down", "valkey_hang")
POSTGRES_AWAY = ("postgres_restart", "postgres_down")


@dataclass(frozen=True, slots=True)
class Violation:
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def check(facts: Facts) -> list[Violation]:
    """Everything that is wrong; nothing, if the promises were kept."""
    rules = (
        _lost,
        _unanswered,
        _accepted_twice,
        _bad_answers,
        _ended_twice,
        _wrong_answers,
        _charged_twice,
        _wrong_charges,
        _missing_from_the_book,
        _unexplained_second_calls,
        _left_open,
        _leaked_holds,
        _budgets,
        _job_costs,
        _slow_rescues,
        _slow_submits,
    )
    found = [violation for rule in rules for violation in rule(facts)]
    return found + [Violation("ledger", text) for text in facts.ledger_faults]


# --- Jobs ----------------------------------------------------------------------------------------
def _lost(facts: Facts) -> Iterator[Violation]:
    status = {job.id: job.status for job in facts.jobs}
    for submission in facts.submissions:
        if not submission.accepted:
            yield Violation("never_accepted", submission.key)
        for job_id in submission.accepted:
            if status.get(job_id) not in FINAL:
                yield Violation("lost", f"job {job_id} is {status.get(job_id, 'gone')}")


def _unanswered(facts: Facts) -> Iterator[Violation]:
    """Each job's upstream answers sooner or later, so each job must have succeeded."""
    for job in facts.jobs:
        if job.status in FINAL and job.status != "succeeded":
            yield Violation("unanswered", f"job {job.id} {job.status}: {job.error_code}")


def _accepted_twice(facts: Facts) -> Iterator[Violation]:
    rows = Counter(job.key for job in facts.jobs)
    for submission in facts.submissions:
        if len(submission.accepted) > 1 or rows[submission.key] > 1:
            text = f"key {submission.key} is {rows[submission.key]} jobs"
            yield Violation("accepted_twice", text)


def _bad_answers(facts: Facts) -> Iterator[Violation]:
    """Accepted, or told to come again: nothing else is an answer to a sound request."""
    for submission in facts.submissions:
        for request in submission.requests:
            if request.problem:
                yield Violation("bad_answer", f"{submission.key}: {request.problem}")


def _ended_twice(facts: Facts) -> Iterator[Violation]:
    """A job ends once; nothing is written over its end."""
    for job_id, moves in _by_job(facts.moves).items():
        for move in moves:
            if move.old in FINAL:
                yield Violation("ended_twice", f"job {job_id}: {move.old}, then {move.new}")


def _wrong_answers(facts: Facts) -> Iterator[Violation]:
    texts = {submission.key: submission.text for submission in facts.submissions}
    for job in facts.jobs:
        wanted = f"You said: {texts.get(job.key)}"
        if job.status == "succeeded" and job.answer != wanted:
            yield Violation("wrong_answer", f"job {job.id}: {job.answer[:60]!r}")


# --- Money ---------------------------------------------------------------------------------------
def _charged_twice(facts: Facts) -> Iterator[Violation]:
    """One entry at most stands for an attempt, and one answer at most for an upstream call."""
    for attempt_id, entries in _by_attempt(facts.entries).items():
        charges = [entry for entry in entries if entry.kind in CHARGES]
        if len(charges) > 1 or len(standing(entries)) > 1:
            kinds = ", ".join(entry.kind for entry in entries)
            yield Violation("charged_twice", f"attempt {attempt_id}: {kinds}")
    named = Counter(a.provider_request_id for a in facts.attempts if a.provider_request_id)
    for name, count in named.items():
        if count > 1:
            yield Violation("charged_twice", f"upstream call {name} is {count} attempts")


def _wrong_charges(facts: Facts) -> Iterator[Violation]:
    """An attempt with an answer costs what the upstream's usage comes to, to the last unit."""
    calls = {call.request_id: call for call in facts.calls}
    entries = _by_attempt(facts.entries)
    for attempt in facts.attempts:
        call = calls.get(attempt.provider_request_id)
        if attempt.status != "succeeded" or call is None or call.fault:
            continue
        booked = sum(entry.amount_pico for entry in entries.get(attempt.id, ()))
        if booked != call.cost_pico:
            text = f"attempt {attempt.id}: {booked} booked, {call.cost_pico} billed"
            yield Violation("wrong_charge", text)


def _missing_from_the_book(facts: Facts) -> Iterator[Violation]:
    """Each call has its attempt, and what it cost is booked or still held."""
    attempts, calls = _attempts_by_text(facts), defaultdict(list)
    known = {submission.text for submission in facts.submissions}
    for call in facts.calls:  # those that no job asked for are one heap
        calls[call.text if call.text in known else ""].append(call)
    for text, its_calls in calls.items():
        missing = missing_calls(its_calls, attempts.get(text, ()))
        if missing:
            yield Violation("not_in_the_book", f"{missing} calls of “{text}”")
    yield from _billed_beyond_the_book(facts, calls, attempts)


def missing_calls(calls: Sequence[Call], attempts: Sequence[Attempt]) -> int:
    """Calls for one text without an attempt. Those whose answer arrived are known by the upstream's
    request id; the others by their number."""
    ids = {attempt.provider_request_id for attempt in attempts} - {""}
    nameless_calls = sum(call.request_id not in ids for call in calls)
    nameless_attempts = sum(not attempt.provider_request_id for attempt in attempts)
    return max(0, nameless_calls - nameless_attempts)


def _billed_beyond_the_book(
    facts: Facts, calls: Mapping[str, Sequence[Call]], attempts: Mapping[str, Sequence[Attempt]]
) -> Iterator[Violation]:
    entries, holds = _by_attempt(facts.entries), {hold.id: hold for hold in facts.holds}
    for text, its_calls in calls.items():
        billed, covered = sum(call.cost_pico for call in its_calls), 0
        for attempt in attempts.get(text, ()):
            covered += sum(entry.amount_pico for entry in entries.get(attempt.id, ()))
            hold = holds.get(attempt.id)
            if hold is not None and hold.status == "held":
                covered += hold.amount_pico - hold.posted_pico
        if billed > covered:
            what = f"“{text}”: {billed} billed, {covered} booked or held"
            yield Violation("not_in_the_book", what)


def _left_open(facts: Facts) -> Iterator[Violation]:
    for attempt in facts.attempts:
        if attempt.status == "dispatched":
            yield Violation("left_open", f"attempt {attempt.id} of job {attempt.job_id}")


def _leaked_holds(facts: Facts) -> Iterator[Violation]:
    """Only what nobody knows the outcome of may still be held."""
    status = {attempt.id: attempt.status for attempt in facts.attempts}
    for hold in facts.holds:
        if hold.status == "held" and status.get(hold.id) != "unknown":
            yield Violation("leaked_hold", f"{hold.id}: attempt {status.get(hold.id, 'missing')}")


def _budgets(facts: Facts) -> Iterator[Violation]:
    """Every call counts to every budget of a run."""
    posted = sum(entry.amount_pico for entry in facts.entries)
    held = sum(h.amount_pico - h.posted_pico for h in facts.holds if h.status == "held")
    for budget in {window.budget for window in facts.windows}:
        windows = [window for window in facts.windows if window.budget == budget]
        counted = sum(w.posted_pico for w in windows), sum(w.held_pico for w in windows)
        if counted != (posted, held):
            text = f"{budget} says {counted}, entries and holds {(posted, held)}"
            yield Violation("budget", text)
    for window in facts.windows:
        if window.hard and window.posted_pico + window.held_pico > window.limit_pico:
            yield Violation("budget", f"{window.budget} is above its limit")


def _job_costs(facts: Facts) -> Iterator[Violation]:
    booked: Counter[str] = Counter()
    job_of = {attempt.id: attempt.job_id for attempt in facts.attempts}
    for entry in facts.entries:
        booked[job_of.get(entry.attempt_id, "")] += entry.amount_pico
    for job in facts.jobs:
        if job.status == "succeeded" and job.cost_pico > booked[job.id]:
            text = f"job {job.id} says {job.cost_pico}, the ledger {booked[job.id]}"
            yield Violation("job_cost", text)


# --- Time ----------------------------------------------------------------------------------------
def _unexplained_second_calls(facts: Facts) -> Iterator[Violation]:
    for earlier, later in second_calls(facts):
        if not any(_explains(fault, earlier, later) for fault in facts.faults):
            after = later.at - earlier.at
            text = f"“{later.text}” again after {after:.1f} s, and nothing had happened"
            yield Violation("second_call", text)


def second_calls(facts: Facts) -> list[tuple[Call, Call]]:
    """Calls that followed a sound call for the same job, each with the one before it."""
    return [
        (earlier, later)
        for calls in _calls_by_text(facts).values()
        for earlier, later in pairwise(calls)
        if not earlier.fault
    ]


def may_be_repeated(facts: Facts) -> int:
    """Sound calls, by the upstream's log, into which a fault fell that may take a job from its
    worker: only these may have been sent a second time, and each of them once."""
    return sum(
        not earlier.fault and any(_explains(fault, earlier) for fault in facts.faults)
        for earlier in facts.calls
    )


def _explains(fault: Fault, earlier: Call, later: Call | None = None) -> bool:
    """The fault fell into the earlier call or its booking, and before the later one.

    A worker that lost its leases in a pause or an outage may send what it had prepared until its
    heartbeat has told it.
    """
    until = fault.until + (0 if fault.kind == "kill" else HEARTBEAT_SECONDS)
    if fault.kind not in INTERRUPTIONS or until < earlier.at:
        return False
    if later is not None and fault.at > later.at:
        return False
    return earlier.ended is None or earlier.ended + SETTLE_SECONDS > fault.at


def _slow_rescues(facts: Facts) -> Iterator[Violation]:
    for seconds in rescues(facts):
        if seconds > facts.lease_seconds + RESCUE_MARGIN:
            yield Violation("slow_rescue", f"{seconds:.1f} s after a kill")


def rescues(facts: Facts) -> list[float]:
    """Seconds from a kill to the next start of each job that died with its worker, for kills that
    no other fault followed while the rescue was due."""
    due = facts.lease_seconds + RESCUE_MARGIN
    found: list[float] = []
    for kill in (fault for fault in facts.faults if fault.kind == "kill"):
        others = [fault for fault in facts.faults if fault is not kill]
        if any(f.at < kill.at + due and f.until + due > kill.at for f in others):
            continue
        for moves in _by_job(facts.moves).values():
            seconds = _restarted_after(kill.at, moves)
            if seconds is not None:
                found.append(seconds)
    return found


def _restarted_after(at: float, moves: Sequence[Move]) -> float | None:
    """None: the job did not run then, or its worker lived."""
    before = [move for move in moves if move.at <= at]
    after = [move for move in moves if move.at > at]
    if not before or before[-1].new != "running" or not after:
        return None
    if after[0].new != "running":  # it ended, or was given back, by its own worker
        return None
    starts = [move.at for move in after if move.old == "queued" and move.new == "running"]
    return (starts[0] if starts else math.inf) - at


def _slow_submits(facts: Facts) -> Iterator[Violation]:
    slow = submit_seconds(facts, VALKEY_AWAY)
    if slow and percentile(slow, 99) >= SUBMIT_P99:
        yield Violation("slow_submit", f"p99 {percentile(slow, 99):.2f} s without Valkey")


def submit_seconds(facts: Facts, kinds: Sequence[str]) -> list[float]:
    """Of accepted requests sent during faults of these kinds, while Postgres was there."""
    return [
        request.seconds
        for submission in facts.submissions
        for request in submission.requests
        if request.job_id
        and _during(request, facts.faults, kinds)
        and not _during(request, facts.faults, POSTGRES_AWAY)
    ]


def calm_submit_seconds(facts: Facts) -> list[float]:
    """Of accepted requests while nothing was wrong: what the machine can do."""
    kinds = {fault.kind for fault in facts.faults}
    return [
        request.seconds
        for submission in facts.submissions
        for request in submission.requests
        if request.job_id and not _during(request, facts.faults, tuple(kinds))
    ]


def _during(request: Request, faults: Iterable[Fault], kinds: Sequence[str]) -> bool:
    end = request.at + request.seconds
    return any(f.kind in kinds and f.at <= end and request.at <= f.until for f in faults)


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


# --- Helpers -------------------------------------------------------------------------------------
def standing(entries: Sequence[Entry]) -> list[Entry]:
    """Entries that count: neither a reversal nor reversed."""
    gone = {entry.reverses for entry in entries if entry.reverses}
    return [e for e in entries if e.kind != "reversal" and e.id not in gone]


def _by_attempt(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.attempt_id:
            found[entry.attempt_id].append(entry)
    return found


def _by_job(moves: Iterable[Move]) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = defaultdict(list)
    for move in sorted(moves, key=lambda move: move.at):
        found[move.job_id].append(move)
    return found


def _calls_by_text(facts: Facts) -> dict[str, list[Call]]:
    """In the order of their arrival. Every job has a text of its own."""
    found: dict[str, list[Call]] = defaultdict(list)
    for call in sorted(facts.calls, key=lambda call: call.at):
        found[call.text].append(call)
    return found


def _attempts_by_text(facts: Facts) -> dict[str, list[Attempt]]:
    text_of_key = {submission.key: submission.text for submission in facts.submissions}
    text_of_job = {job.id: text_of_key.get(job.key, "") for job in facts.jobs}
    found: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in facts.attempts:
        found[text_of_job.get(attempt.job_id, "")].append(attempt)
    return found


def in_flight(facts: Facts, kinds: Sequence[str]) -> int:
    """Jobs that ran when faults of these kinds struck, over all workers."""
    total = 0
    for fault in (fault for fault in facts.faults if fault.kind in kinds):
        for moves in _by_job(facts.moves).values():
            before = [move for move in moves if move.at <= fault.at]
            total += bool(before) and before[-1].new == "running"
    return total


def measure(facts: Facts) -> dict[str, Any]:
    """The numbers of a run that people ask for."""
    kinds = Counter(violation.kind for violation in check(facts))
    slow, rescued = submit_seconds(facts, VALKEY_AWAY), rescues(facts)
    statuses, calm = Counter(job.status for job in facts.jobs), calm_submit_seconds(facts)
    return {
        "jobs": len(facts.jobs),
        "succeeded": statuses["succeeded"],
        "faults": len(facts.faults),
        "lost": kinds["lost"],
        "accepted_twice": kinds["accepted_twice"],
        "ended_twice": kinds["ended_twice"],
        "charged_twice": kinds["charged_twice"],
        "upstream_calls": len(facts.calls),
        "upstream_faults": sum(bool(call.fault) for call in facts.calls),
        "not_in_the_book": kinds["not_in_the_book"],
        "second_calls": len(second_calls(facts)),
        "second_calls_allowed": may_be_repeated(facts),
        "in_flight_at_kills": in_flight(facts, ("kill",)),
        "in_flight_at_interruptions": in_flight(facts, INTERRUPTIONS),
        "rescues_measured": len(rescued),
        "rescue_max_s": round(max(rescued, default=0.0), 2),
        "submits_without_valkey": len(slow),
        "submit_p99_without_valkey_s": round(percentile(slow, 99), 2) if slow else None,
        "submit_p99_calm_s": round(percentile(calm, 99), 2) if calm else None,
        "violations": sum(kinds.values()),
        **facts.extra,
    }
