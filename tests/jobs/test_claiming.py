"""Who owns a job."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.gateway.types import CallSpec, Pin
from apps.jobs.models import Job, Priority
from apps.jobs.services.claim import claim, keep, to_be_cancelled
from apps.jobs.types import Ticket
from tests.jobs.conftest import MESSAGES, state

HOUR = timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_eight_threads_never_claim_the_same_job(make_job):
    jobs = [make_job() for _ in range(200)]
    claimed, start = [], threading.Barrier(8)

    def work():
        start.wait()
        while claims := claim(limit=7):
            claimed.extend(c.ticket.job_id for c in claims)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claimed) == 200
    assert set(claimed) == {job.pk for job in jobs}
    assert set(Job.objects.values_list("status", "fence")) == {("running", 1)}


def test_a_claim_carries_the_call_as_it_was_accepted(make_job):
    job = make_job(
        prompt="greeting",
        prompt_version_id=5,
        prompt_version=2,
        arm="tone/warm",
        request_id="req_7",
    )

    (found,) = claim(limit=10)

    assert found.ticket == Ticket(job.pk, 1)
    assert found.spec == CallSpec(model="small", messages=tuple(MESSAGES))
    assert found.pin == Pin(5, "greeting", 2, "tone/warm")
    assert found.request_id == "req_7"
    assert 3590 < found.remaining <= 3600


def test_the_urgent_and_then_the_oldest_come_first(make_job):
    past = timezone.now() - HOUR
    low = make_job(priority=Priority.LOW, next_run_at=past - HOUR)
    late, early = make_job(next_run_at=past), make_job(next_run_at=past - HOUR)
    high = make_job(priority=Priority.HIGH)

    order = [claim(limit=1)[0].ticket.job_id for _ in range(4)]

    assert order == [high.pk, early.pk, late.pk, low.pk]


def test_a_bell_for_urgent_jobs_leaves_the_others_alone(make_job):
    make_job(priority=Priority.LOW)
    make_job(priority=Priority.NORMAL)

    assert claim(limit=10, lowest=Priority.HIGH) == []
    assert len(claim(limit=10, lowest=Priority.NORMAL)) == 1


@pytest.mark.parametrize(
    ("status", "values"),
    [
        ("queued", {"next_run_at": HOUR}),
        ("queued", {"deadline": -HOUR}),
        ("running", {}),
        ("running", {"lease_until": -HOUR}),
        ("succeeded", {}),
        ("cancelled", {}),
    ],
)
def test_nothing_else_is_claimed(make_job, status, values):
    now = timezone.now()
    make_job(status, **{name: now + shift for name, shift in values.items()})

    assert claim(limit=10) == []


def test_claims_are_limited(make_job):
    for _ in range(3):
        make_job()

    assert len(claim(limit=2)) == 2
    assert len(claim(limit=2)) == 1


def test_of_jobs_that_may_have_killed_their_worker_one_is_claimed_at_a_time(make_job, settings):
    settings.JOB_MAX_ATTEMPTS = 5
    suspects = [make_job(losses=3, priority=Priority.HIGH).pk for _ in range(2)]
    others = {make_job(losses=2).pk, make_job().pk}

    first = claim(limit=2)
    rest = claim(limit=9, alone=False)

    assert [(found.ticket.job_id, found.suspect) for found in first] == [(suspects[0], True)]
    assert {found.ticket.job_id for found in rest} == others
    assert not any(found.suspect for found in rest)
    assert [found.ticket.job_id for found in claim(limit=9)] == [suspects[1]]


def test_the_first_start_is_kept_when_a_job_is_claimed_again(make_job):
    first = timezone.now() - HOUR
    job = make_job(started_at=first, fence=4)

    (found,) = claim(limit=1)

    assert found.ticket.fence == 5
    assert state(job).started_at == first


def test_keeping_extends_the_lease_of_what_is_ours_and_names_what_is_not(make_job, settings):
    settings.JOB_LEASE_SECONDS = 600
    soon = timezone.now() + timedelta(seconds=3)
    mine = make_job("running", fence=3, lease_until=soon)
    taken = make_job("running", fence=9, lease_until=soon)
    ended = make_job("succeeded", fence=1)

    late = [Ticket(taken.pk, 8), Ticket(ended.pk, 1)]

    assert keep([Ticket(mine.pk, 3), *late]) == set(late)
    assert state(mine).lease_until > timezone.now() + timedelta(seconds=590)
    assert state(taken).lease_until == soon


def test_an_overdue_lease_that_nobody_took_is_still_ours(make_job):
    job = make_job("running", lease_until=timezone.now() - HOUR)

    assert keep([Ticket(job.pk, 1)]) == set()
    assert state(job).lease_until > timezone.now()


def test_only_running_jobs_are_asked_to_stop(make_job):
    make_job("queued")
    make_job("running")
    asked = make_job("running", cancel_requested=True)

    assert to_be_cancelled() == {asked.pk}


def test_a_job_without_its_payload_is_claimed_and_can_be_refused(make_job):
    job = make_job()
    job.payload.delete()

    assert [found.spec for found in claim(limit=1)] == [CallSpec()]
