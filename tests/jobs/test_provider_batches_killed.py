"""Whoever looks after batches dies, at any moment: nothing is lost, nothing is paid twice."""

import random
import signal
import sys
import time
from contextlib import contextmanager
from functools import partial

import pytest

from apps.budgets.selectors import verify_windows
from apps.jobs.models import Job, ProviderBatch
from apps.jobs.services.provider_batches import booking, gather, owning, sending, times
from apps.jobs.services.sweep import sweep
from apps.ledger.models import Attempt, Entry
from apps.providers.batches import BatchApi
from tests.budgets.conftest import make_budget
from tests.factories import make_service
from tests.jobs.lane import (
    booked,
    held,
    let_time_pass,
    make_lane,
    next_round,
    paid,
    pass_time,
    post,
    sound,
)
from tests.jobs.workers import Worker, environment_of_tests, eventually
from tests.nursery import born
from tests.proof import examples

ROWS = {"1": "expired", "2": 400}  # of every batch: two come back, the others are answered
JOBS = 5
KILLS = 4
ASKING = ("upload", "create", "find", "get", "cancel", "read", "delete")


class Killed(BaseException):
    """Nothing catches it, as nothing catches a SIGKILL."""


class Reaper:
    """Kills at the chosen steps: before, or after, the nth thing that is written or asked."""

    def __init__(self, moments):
        self.moments, self.count = set(moments), 0

    def wrap(self, work):
        def mortal(*args, **kwargs):
            self.step()
            result = work(*args, **kwargs)
            self.step()
            return result

        return mortal

    def step(self):
        self.count += 1
        if self.count in self.moments:
            raise Killed


@pytest.fixture
def reaper(monkeypatch):
    """Every commit and every request to the provider is a moment to die at."""

    def install(moments):
        new = Reaper(moments)
        for name in ASKING:
            monkeypatch.setattr(BatchApi, name, new.wrap(getattr(BatchApi, name)))
        for module, name in (
            (gather.taking, "take"),
            (gather, "_commit"),
            (gather, "end_all"),
            (owning, "_write"),
            (booking, "_book_answers"),
            (booking, "_book_others"),
        ):
            monkeypatch.setattr(module, name, new.wrap(getattr(module, name)))
        return new

    yield install
    monkeypatch.undo()


def run(service, reaper):
    """Jobs through the lane, whoever dies on the way; somebody else goes on after a while."""
    for number in range(JOBS):
        post(service, f"hello number {number}")
    pass_time(times.GATHER)
    for _ in range(40):
        try:
            next_round()
        except Killed:
            pass_time(times.OWNED + times.SETTLED)
            sweep()
        if not ProviderBatch.objects.exclude(state="ended").exists() and not running():
            break
    assert not running()


def running():
    return Job.objects.filter(status="running").exists()


def check(upstream):
    """The provider's own record against jobs and books."""
    ran = [name for batch in upstream.store()["batches"] for name in batch["ran"]]
    assert len(ran) == len(set(ran))
    answered = set(Attempt.objects.filter(status="succeeded").values_list("pk", flat=True))
    assert {str(pk) for pk in answered} == set(ran)
    assert (booked(), held()) == (paid(upstream), 0)
    assert set(Attempt.objects.values_list("status", flat=True)) <= {"succeeded", "failed"}
    assert Entry.objects.filter(kind="charge").count() <= len(ran)
    assert Job.objects.filter(status="succeeded").count() == len(ran)
    assert Job.objects.filter(status="queued").count() == JOBS - len(ran)
    assert verify_windows() == []
    sound()


@pytest.fixture
def shop(db, upstream):
    make_lane(upstream)
    make_budget("all", 10**12)
    upstream.batches(rows=ROWS)
    return make_service("shop")


STEPS = 44  # of that run, as counted: moments to die at


def test_without_a_kill(shop, upstream, reaper):
    steps = reaper([])
    run(shop, steps)
    check(upstream)
    assert len(upstream.store()["batches"][0]["ran"]) == JOBS - len(ROWS)
    assert steps.count == STEPS


@pytest.mark.parametrize("moment", range(1, STEPS + 1))
def test_killed_once(shop, upstream, reaper, moment):
    steps = reaper([moment])
    run(shop, steps)
    assert steps.count >= moment
    check(upstream)


@pytest.mark.parametrize("seed", range(examples(8)))
def test_killed_often_while_the_provider_fails(shop, upstream, reaper, seed):
    chance = random.Random(seed)
    kinds = ("upload", "create", "list", "get", "content", "delete")
    faults = {kind: chance.choices([None, 500, 429, "reset", "lost"], k=3) for kind in kinds}
    upstream.batches(rows=ROWS, faults=faults)
    run(shop, reaper(chance.sample(range(1, 2 * STEPS), 6)))
    check(upstream)


def test_the_check_sees_a_batch_that_was_sent_twice(shop, upstream, reaper, monkeypatch):
    def forget(batch, api):
        owning.keep(batch, state="gathered", input_file_id="")

    monkeypatch.setattr(sending, "find", forget)
    upstream.batches(faults={"create": ["lost"]})
    run(shop, reaper([]))
    with pytest.raises(AssertionError):
        check(upstream)


@contextmanager
def looking_after(upstream):
    """A process that does nothing else, killed with SIGKILL at the end."""
    environ = environment_of_tests() | {"OUTBOUND_ALLOWED_HOSTS": upstream.host}
    process = born(["tests.jobs.lane_process"], environ=environ, output=sys.__stderr__.buffer)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)


@pytest.fixture
def real_shop(transactional_db, upstream):
    make_lane(upstream)
    make_budget("all", 10**12)
    upstream.batches(rows=ROWS)
    return make_service("shop")


def go_on_to_the_end(upstream):
    pass_time(times.OWNED + times.SETTLED)
    sweep()

    def ended():
        let_time_pass(times.LOOK)
        return not ProviderBatch.objects.exclude(state="ended").exists() and not running()

    with looking_after(upstream):
        eventually(ended, seconds=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("upload", "hang"),
        ("upload", "silent"),
        ("create", "hang"),
        ("create", "silent"),
        ("get", "silent"),
        ("content", "hang"),
    ],
)
def test_kill_9_while_the_provider_is_asked(real_shop, upstream, step, fault):
    upstream.batches(rows=ROWS, faults={step: [fault]})
    for number in range(JOBS):
        post(real_shop, f"hello number {number}")
    pass_time(times.GATHER)

    def asked():
        if step not in upstream.store()["asked"]:
            let_time_pass(times.LOOK / 10)
        return step in upstream.store()["asked"]

    with looking_after(upstream):
        eventually(asked, seconds=60)

    go_on_to_the_end(upstream)
    check(upstream)
    assert len([b for b in upstream.store()["batches"] if b["ran"]]) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(examples(1)))  # each takes most of a minute
def test_kill_9_at_any_time(real_shop, upstream, seed):
    chance = random.Random(seed)
    upstream.batches(rows=ROWS, looks=4)
    for number in range(JOBS):
        post(real_shop, f"hello number {number}")
    pass_time(times.GATHER)
    for _ in range(KILLS):
        until = len(upstream.store()["asked"]) + chance.randint(1, 3)
        with looking_after(upstream):
            eventually(partial(has_asked, upstream, until), seconds=60)
            # Not a wait for anything: the kill shall fall at any moment behind that request.
            time.sleep(chance.uniform(0, 0.05))
        pass_time(times.OWNED + times.SETTLED)
    go_on_to_the_end(upstream)
    check(upstream)


def has_asked(upstream, times_at_least):
    let_time_pass(times.LOOK)
    states = set(ProviderBatch.objects.values_list("state", flat=True))
    is_over = states == {"ended"}
    return len(upstream.store()["asked"]) >= times_at_least or (is_over and not running())


@pytest.mark.slow
def test_every_worker_looks_after_batches(real_shop, upstream, start_batch_worker):
    worker = start_batch_worker()
    jobs = [post(real_shop, f"hello number {number}") for number in range(JOBS)]
    pass_time(times.GATHER)

    def answered():
        let_time_pass(times.LOOK / 10)
        return Job.objects.filter(status="succeeded", lane="batch").count() == JOBS - len(ROWS)

    eventually(answered, worker.explain, seconds=90)
    assert len(jobs) == JOBS


@pytest.fixture
def start_batch_worker(upstream, tmp_path):
    """A worker process as it is deployed."""
    workers = []

    def start():
        workers.append(Worker(tmp_path / "worker.log", OUTBOUND_ALLOWED_HOSTS=upstream.host))
        return workers[0].wait_until_ready()

    yield start
    for worker in workers:
        worker.kill()
