"""What dead workers, lost bells and passed deadlines leave behind."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.ids import uuid7
from apps.jobs.models import Job
from apps.jobs.services.claim import claim, keep
from apps.jobs.services.finish import finish_all
from apps.jobs.services.sweep import Swept, sweep
from apps.jobs.types import Ticket
from apps.ledger.models import Attempt, AttemptStatus
from tests.jobs.conftest import outcome, state

AGO = timedelta(seconds=-5)


@pytest.fixture
def lost(make_job):
    """A running job whose worker died."""
    return make_job("running", lease_until=timezone.now() + AGO)


def test_a_lost_job_waits_again_and_its_worker_comes_too_late(lost):
    assert sweep() == Swept(lost=1, expired=0, rung=1)

    job = state(lost)
    assert (job.status, job.losses, job.lease_until) == ("queued", 1, None)
    assert finish_all([(Ticket(lost.pk, 1), outcome())]) == [False]
    assert keep([Ticket(lost.pk, 1)]) == {Ticket(lost.pk, 1)}
    assert len(claim(limit=1)) == 1


def test_a_living_job_is_left_alone(make_job):
    job = make_job("running")
    before = state(job)

    assert sweep() == Swept(lost=0, expired=0, rung=0)
    assert state(job) == before


def test_calls_that_the_dead_worker_left_open_become_unknown(lost):
    attempt = Attempt.objects.create(
        id=uuid7(),
        request_id="req_test",
        job_id=lost.pk,
        number=1,
        started_at=timezone.now(),
        service="shop",
        team="shop-team",
        cost_center="cc-100",
        provider="faulty",
        model="small",
        deployment="small-1",
    )

    sweep()

    attempt.refresh_from_db()
    assert attempt.status == AttemptStatus.UNKNOWN
    assert attempt.ended_at is not None


def test_a_job_that_kills_its_workers_is_given_up(make_job, settings):
    settings.JOB_MAX_ATTEMPTS = 3
    job = make_job("running", lease_until=timezone.now() + AGO, losses=2)

    sweep()

    assert (state(job).status, state(job).error_code) == ("failed", "dead_letter")


def test_a_lost_job_that_was_to_be_cancelled_is_cancelled(make_job):
    job = make_job("running", lease_until=timezone.now() + AGO, cancel_requested=True)

    sweep()

    assert state(job).status == "cancelled"


def test_a_lost_job_whose_time_is_over_expires(make_job):
    job = make_job("running", lease_until=timezone.now() + AGO, deadline=timezone.now() + AGO)

    sweep()

    assert (state(job).status, state(job).error_code) == ("expired", "deadline_exceeded")


def test_a_waiting_job_whose_time_is_over_expires_without_a_call(make_job):
    job = make_job(deadline=timezone.now() + AGO)
    refused = make_job(
        deadline=timezone.now() + AGO, error_code="no_deployment", error="All are drained."
    )

    assert sweep() == Swept(lost=0, expired=2, rung=0)

    assert state(job).error == "The deadline passed before its turn came."
    assert state(refused).error == "The deadline passed. All are drained."
    assert state(job).status == "expired"
    assert {state(job).error_code, state(refused).error_code} == {"deadline_exceeded"}


def test_the_bell_rings_for_due_jobs_of_each_priority(make_job, waiting_bells):
    make_job(priority=0)
    make_job(priority=0)
    make_job(priority=9)
    make_job(priority=5, next_run_at=timezone.now() + timedelta(seconds=60))

    assert sweep().rung == 2
    assert waiting_bells() == {"high": 1, "low": 1}


@pytest.mark.django_db(transaction=True)
def test_four_sweepers_at_once_rescue_each_job_once(make_job):
    jobs = [make_job("running", lease_until=timezone.now() + AGO) for _ in range(40)]
    results, start = [], threading.Barrier(4)

    def work():
        start.wait()
        results.append(sweep())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(result.lost for result in results) == 40
    rows = Job.objects.filter(pk__in=[job.pk for job in jobs])
    assert set(rows.values_list("status", "losses", "fence")) == {("queued", 1, 2)}
