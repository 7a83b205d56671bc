"""Whatever happens to jobs in whatever order: rows, batch and ledger are as a referee predicts."""

import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.budgets.models import Hold
from apps.budgets.selectors import verify_windows
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import Held, HoldRequest, Scope
from apps.core.ids import uuid7
from apps.gateway.accounts import Admission, Settlement, Superseded, admitter, settler
from apps.gateway.types import Spent
from apps.jobs.models import Batch, Job, JobPayload
from apps.jobs.services.batches.submit import BatchDraft, submit_batch
from apps.jobs.services.cancel import AlreadyFinished, cancel
from apps.jobs.services.claim import claim, keep, lost
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.services.provider_batches import taking
from apps.jobs.services.retry import retry
from apps.jobs.services.submit import IdempotencyKeyReused, submit
from apps.jobs.services.sweep import sweep
from apps.jobs.types import Ending, EndKind, Ticket
from apps.ledger.models import Attempt, AttemptStatus, Entry
from apps.ledger.selectors import broken_entries
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.registry.models import Deployment
from apps.registry.types import PriceRow
from tests.budgets.conftest import make_budget
from tests.jobs.conftest import draft, outcome
from tests.jobs.model import (
    FINAL,
    HOLD,
    LEASE,
    MAX_ATTEMPTS,
    PATIENCE,
    WORTH,
    ModelAttempt,
    ModelJob,
)
from tests.proof import examples

PENNY = (PriceRow(1, "in_uncached", 1, 1, None, None),)  # one pico a token
SCOPE = Scope("team", "cc", "shop", "faulty", "small")
NAMES = Dimensions("shop", "team", "cc", "faulty", "small", "small-1")
Draw = Callable[[st.SearchStrategy[Any]], Any]
MOST_JOBS, LATEST = 6, 5  # so few that each goes a long way
LOWEST = st.sampled_from([9, 9, 5, 0])
PRIORITIES = st.sampled_from([0, 5, 9])
TOKENS = st.integers(0, HOLD)
# A test takes seconds, and its clock moves in thousands of them: no threshold is met by chance.
DEADLINES = st.sampled_from([3500.0, 50_500.0])
JUMPS = st.sampled_from([1000.0, 1000.0, 3000.0, 11_000.0])
WAITS = st.sampled_from([None, 0.0, 5.0, 700.0])
ENDS = st.sampled_from([EndKind.REFUSED, *EndKind])
PAUSE = 400.0  # added to every pause, so that seconds of the test do not end it

admit_all, settle_all = admitter(lost), settler(finish_all)
admit_to_lane = admitter(taking.lost)

_SHIFT = """
    UPDATE jobs_job SET created_at = created_at - %(by)s, next_run_at = next_run_at - %(by)s,
        deadline = deadline - %(by)s, lease_until = lease_until - %(by)s
"""
_LENGTHEN = """
    UPDATE jobs_job SET next_run_at = next_run_at + %(by)s
    WHERE status = 'queued' AND next_run_at > clock_timestamp() AND id = ANY(%(ids)s)
"""


class Run:
    """A claim as its worker knows it."""

    def __init__(self, job: ModelJob, ticket: Ticket, *, in_lane: bool = False) -> None:
        self.job, self.ticket, self.in_lane = job, ticket, in_lane
        self.attempt: Any = None
        self.calls = 0


class Jobs(RuleBasedStateMachine):
    shop: Any = None  # the test's

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = 0.0
        self.jobs: dict[Any, ModelJob] = {}
        self.by_key: dict[str, ModelJob] = {}
        self.runs: list[Run] = []
        self.batch: Any = None
        self.names = itertools.count(1)
        make_budget("all", 10**12)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @rule(data=st.data())
    def anything_happens(self, data: st.DataObject) -> None:
        """One rule for all, chosen evenly: hypothesis would leave whole rules out of most
        sequences and prefer the first ones, and then few jobs go a long way."""
        possible = [self.sweep, self.time_passes, self.cancel, self.retry]
        possible += [self.submit] * (len(self.jobs) < MOST_JOBS)
        possible += [self.submit_again] * bool(self.by_key)
        possible += [self.claim] * 3 * any(j.status == "queued" for j in self.jobs.values())
        possible += [self.take] * 3 * any(j.lane == "allowed" for j in self.jobs.values())
        possible += [self.heartbeat, self.end] * bool(self.runs)
        possible += [self.send, self.send, self.finish_again] * bool(self.idle)
        possible += [self.answer, self.fail_a_call, self.fail_a_call] * bool(self.calling)
        self.chance.choice(possible)(data.draw)

    @initialize(size=st.integers(1, 3), seconds=DEADLINES, seed=st.integers(0, 2**32))
    def submit_batch(self, size: int, seconds: float, seed: int) -> None:
        self.chance = random.Random(seed)
        rows = [draft(self.shop, deadline=timedelta(seconds=seconds)) for _ in range(size)]
        head = BatchDraft(rows[0].caller, "1" * 64, "req_batch")
        self.batch = submit_batch(draft=head, rows=rows).batch
        for job in Job.objects.filter(batch=self.batch):
            self.accept(job, 5, False, seconds, batch=True)

    def submit(self, draw: Draw) -> None:
        priority, strict, seconds = draw(PRIORITIES), draw(st.booleans()), draw(DEADLINES)
        key, waits = f"key-{next(self.names)}", draw(st.booleans())
        made = submit(draft=self.draft(key, priority, strict, seconds, may_wait=waits))
        assert made.created
        job = self.by_key[key] = self.accept(made.job, priority, strict, seconds)
        if waits and seconds >= WORTH:
            job.lane, job.due = "allowed", self.now + PATIENCE

    def submit_again(self, draw: Draw) -> None:
        key, seconds = draw(st.sampled_from(sorted(self.by_key))), draw(DEADLINES)
        again = submit(draft=self.draft(key, 0, True, seconds))
        assert (again.created, again.job.pk) == (False, self.by_key[key].id)
        with pytest.raises(IdempotencyKeyReused):
            submit(draft=self.draft(key, 0, True, seconds, fingerprint="f" * 64))

    def claim(self, draw: Draw) -> None:
        limit, lowest, alone = draw(st.integers(1, 4)), draw(LOWEST), draw(st.booleans())
        due = [j for j in self.jobs.values() if j.is_due(self.now) and j.priority <= lowest]
        due = [job for job in due if alone or not job.is_suspect]
        taken = claim(limit=limit, lowest=lowest, alone=alone)
        jobs = [self.jobs[each.ticket.job_id] for each in taken]

        left = [job for job in due if job not in jobs]
        assert all(job in due for job in jobs)
        assert sum(job.is_suspect for job in jobs) <= 1
        if any(job.is_suspect for job in due):
            assert 1 <= len(jobs) <= limit
        else:
            assert len(jobs) == min(limit, len(due))
            assert all(j.priority <= other.priority for j in jobs for other in left)
        for job, each in zip(jobs, taken, strict=True):
            assert each.suspect == job.is_suspect
            job.claimed(self.now)
            assert each.ticket.fence == job.fence
            self.runs.append(Run(job, each.ticket))

    def take(self, draw: Draw) -> None:
        """For a provider's batch, whether it is due or not."""
        limit = draw(st.integers(1, 4))
        able = [job for job in self.jobs.values() if job.may_be_taken(self.now)]
        taken = taking.take(limit=limit)
        jobs = [self.jobs[each.ticket.job_id] for each in taken]
        assert len(jobs) == min(limit, len(able))
        assert all(job in able for job in jobs)
        for job, each in zip(jobs, taken, strict=True):
            job.taken(self.now)
            assert each.ticket.fence == job.fence
            self.runs.append(Run(job, each.ticket, in_lane=True))

    def send(self, draw: Draw) -> None:
        run = self.chance.choice(self.idle)
        if run.in_lane:
            self.send_by_lane(run)
        else:
            self.send_at_once(run)

    def send_by_lane(self, run: Run) -> None:
        start, hold = self.open(run)
        [held] = admit_to_lane([Admission(start, hold, read_budgets(), owner=run.ticket)])
        is_leased = taking.lease([run.ticket]) == {run.job.id}
        assert is_leased == run.job.put_into_a_batch(run.ticket.fence)
        self.note_sent(run, held, is_ours=is_leased)

    def send_at_once(self, run: Run) -> None:
        start, hold = self.open(run)
        [held] = admit_all([Admission(start, hold, read_budgets(), owner=run.ticket)])
        self.note_sent(run, held, is_ours=run.job.keep(run.ticket.fence, self.now))

    def open(self, run: Run) -> tuple[AttemptStart, HoldRequest]:
        run.attempt = uuid7()
        start = AttemptStart(run.attempt, "req", run.job.id, run.calls + 1, "answer", NAMES)
        return start, HoldRequest(run.attempt, HOLD, SCOPE, ttl_seconds=10**6)

    def note_sent(self, run: Run, held: object, *, is_ours: bool) -> None:
        if not is_ours:
            assert isinstance(held, Superseded)
            run.attempt = None
            return
        assert isinstance(held, Held)
        run.calls += 1
        run.job.attempts[run.attempt] = ModelAttempt()

    def heartbeat(self, draw: Draw) -> None:
        run = self.chance.choice(self.runs[-LATEST:])
        if run.in_lane:  # no worker keeps it: its lease lasts until it must be back
            return
        gone = keep([run.ticket])
        assert gone == (set() if run.job.keep(run.ticket.fence, self.now) else {run.ticket})

    def answer(self, draw: Draw) -> None:
        """In time or late: it is paid for, and counts only while the job is the run's."""
        run = self.chance.choice(self.calling)
        text = f"answer {next(self.names)}"
        self.settle(run, "succeeded", draw(TOKENS), outcome(text))
        run.job.finish(run.ticket.fence, text)

    def finish_again(self, draw: Draw) -> None:
        run = self.chance.choice(self.idle)
        text = f"answer {next(self.names)}"
        with transaction.atomic():
            [mine] = finish_all([(run.ticket, outcome(text))])
        assert mine == run.job.finish(run.ticket.fence, text)

    def fail_a_call(self, draw: Draw) -> None:
        run = self.chance.choice(self.calling)
        how = draw(st.sampled_from(["failed", "unknown", "billed"]))
        self.settle(run, how, draw(TOKENS), None)

    def end(self, draw: Draw) -> None:
        run = self.chance.choice(self.runs[-LATEST:])
        kind, wait = draw(ENDS), draw(WAITS)
        ending = Ending(run.ticket, kind, "refused", "No.", wait, attempts=run.calls)
        [mine] = end_all([ending])

        code = "refused" if kind == EndKind.REFUSED else ""
        called = run.calls > 0
        assert mine == run.job.end(run.ticket.fence, kind.value, code, wait, called, self.now)
        self.lengthen_pauses([run.job])

    @property
    def idle(self) -> list[Run]:
        return [run for run in self.runs[-LATEST:] if run.attempt is None]

    @property
    def calling(self) -> list[Run]:
        return [run for run in self.runs[-LATEST:] if run.attempt is not None]

    def sweep(self, draw: Draw) -> None:
        late = [j for j in self.jobs.values() if j.status == "running" and j.lease < self.now]
        for job in late:
            job.lost(self.now)
        over = [j for j in self.jobs.values() if j.status == "queued" and j.deadline <= self.now]
        for job in over:
            job.expire()

        swept = sweep()

        assert (swept.lost, swept.expired) == (len(late), len(over))
        self.lengthen_pauses(late)

    def cancel(self, draw: Draw) -> None:
        job = self.any_job()
        if job.cancel():
            cancel(job_id=job.id)
        else:
            with pytest.raises(AlreadyFinished):
                cancel(job_id=job.id)

    def retry(self, draw: Draw) -> None:
        """Dead letters too."""
        job = self.any_job()
        assert retry(job_ids=[job.id]) == job.retry(self.now)

    def time_passes(self, draw: Draw) -> None:
        by = draw(JUMPS)
        self.now += by
        with connection.cursor() as cursor:
            cursor.execute(_SHIFT, {"by": timedelta(seconds=by)})

    @invariant()
    def rows_are_as_predicted(self) -> None:
        fields = (
            "status",
            "fence",
            "losses",
            "cancel_requested",
            "error_code",
            "cost_pico",
            "lane",
        )
        found = {row[0]: row[1:] for row in Job.objects.values_list("pk", *fields)}
        assert found == {
            j.id: (j.status, j.fence, j.losses, j.stopping, j.code, j.booked, j.lane)
            for j in self.jobs.values()
        }

    @invariant()
    def answers_are_those_of_the_run_that_finished(self) -> None:
        stored = JobPayload.objects.exclude(result=None).values_list("job_id", "result__text")
        assert dict(stored) == {j.id: j.answer for j in self.jobs.values() if j.answer}

    @invariant()
    def every_call_is_in_the_book(self) -> None:
        sums = Entry.objects.order_by().values_list("job_id").annotate(Sum("amount_pico"))
        costs = {job.id: job.cost for job in self.jobs.values()}
        assert {id_: int(total) for id_, total in sums if total} == {
            id_: cost for id_, cost in costs.items() if cost
        }
        assert dict(Attempt.objects.values_list("pk", "status")) == {
            id_: "failed" if attempt.status == "billed" else attempt.status
            for job in self.jobs.values()
            for id_, attempt in job.attempts.items()
        }
        assert (verify_windows(), broken_entries()) == ([], [])

    @invariant()
    def nothing_is_held_for_a_call_that_ended(self) -> None:
        known = (AttemptStatus.SUCCEEDED, AttemptStatus.FAILED)
        over = Attempt.objects.filter(status__in=known).values("pk")
        assert not Hold.objects.filter(pk__in=over, status="held").exists()

    @invariant()
    def the_batch_counts_its_jobs(self) -> None:
        if self.batch is None:
            return
        row = Batch.objects.get(pk=self.batch.pk)
        own = [job.status for job in self.jobs.values() if job.batch]
        assert [getattr(row, status) for status in FINAL] == [own.count(s) for s in FINAL]
        assert (row.finished_at is not None) == all(status in FINAL for status in own)

    def accept(
        self, job: Job, priority: int, strict: bool, seconds: float, *, batch: bool = False
    ) -> ModelJob:
        model = ModelJob(job.pk, priority, strict, self.now, self.now + seconds, batch)
        model.due = self.now
        self.jobs[job.pk] = model
        return model

    def draft(self, key: str, priority: int, strict: bool, seconds: float, **values: Any) -> Any:
        return draft(
            self.shop,
            idempotency_key=key,
            priority=priority,
            on_unknown="fail" if strict else "retry",
            deadline=timedelta(seconds=seconds),
            **values,
        )

    def settle(self, run: Run, how: str, tokens: int, answered: Any) -> None:
        """A call's end, known to the ledger only if it did not know a better one."""
        model = run.job.attempts[run.attempt]
        status: Any = "failed" if how == "billed" else how
        kind: Any = {"unknown": "estimate", "failed": None}.get(how, "charge")
        usage = UsageReport({"in_uncached": tokens}, tokens, 0, "provider", None) if kind else None
        end = AttemptEnd(run.attempt, status, usage, PENNY if kind else {}, kind)
        settle_all(
            [Settlement(end, how == "unknown", Spent(), answered, run.ticket if answered else None)]
        )
        run.attempt = None
        if model.status == "dispatched" or how != "unknown":
            model.status, model.cost = how, tokens if kind else 0

    def any_job(self) -> ModelJob:
        return self.chance.choice(sorted(self.jobs.values(), key=lambda job: job.id))

    def lengthen_pauses(self, jobs: list[ModelJob]) -> None:
        for job in jobs:
            if job.status == "queued" and job.due > self.now:
                job.due += PAUSE
        values = {"by": timedelta(seconds=PAUSE), "ids": [job.id for job in jobs]}
        with connection.cursor() as cursor:
            cursor.execute(_LENGTHEN, values)


@pytest.mark.slow
@pytest.mark.timeout(examples(180))
def test_any_sequence_of_events_finishes_jobs_once(shop, settings_of_jobs):
    Deployment.objects.update(batch_lane=True)
    Jobs.shop = shop
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=examples(12),
            stateful_step_count=40,
            deadline=None,
            phases=[
                Phase.generate
            ],  # to make a sequence shorter takes minutes: it is printed whole
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_of_jobs(settings):
    settings.JOB_LEASE_SECONDS = int(LEASE)
    settings.JOB_MAX_ATTEMPTS = MAX_ATTEMPTS
