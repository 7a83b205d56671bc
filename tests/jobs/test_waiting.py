"""Where a job is and why it waits, told through the API and on its page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.redis import client
from apps.jobs.models import Priority
from apps.jobs.presence import KEY, Presence, count_workers
from tests.jobs.test_admin import operator, page, person, text  # noqa: F401
from tests.jobs.workers import eventually


@pytest.fixture
def worker():
    Presence().say()


def waiting(api, job):
    return api.get(f"{job.pk}/").json()["waiting"]


def test_an_ended_job_waits_for_nothing(api, make_job):
    assert waiting(api, make_job("failed")) is None


def test_the_next_one(api, make_job, worker):
    assert waiting(api, make_job("queued")) == {
        "reason": "queued",
        "message": "It is the next one that a worker takes.",
        "until": None,
        "ahead": 0,
    }


def test_more_urgent_and_older_jobs_are_ahead(api, make_job, worker):
    long_ago = timezone.now() - timedelta(minutes=5)
    make_job("queued", next_run_at=long_ago)
    mine = make_job("queued", next_run_at=long_ago + timedelta(minutes=1))
    make_job("queued", priority=Priority.HIGH)
    make_job("queued")  # younger
    make_job("queued", priority=Priority.LOW, next_run_at=long_ago)
    make_job("queued", priority=Priority.HIGH, next_run_at=timezone.now() + timedelta(hours=1))
    make_job("running", priority=Priority.HIGH)

    told = waiting(api, mine)

    assert (told["reason"], told["ahead"]) == ("queued", 2)
    assert told["message"] == "Jobs before it in the queue, more urgent or older: 2."


def test_one_that_may_have_killed_its_worker(api, make_job, worker, settings):
    settings.JOB_MAX_ATTEMPTS = 5

    assert waiting(api, make_job("queued", losses=3))["reason"] == "suspect"
    assert waiting(api, make_job("queued", losses=2))["reason"] == "queued"


def test_without_a_worker(api, make_job):
    assert waiting(api, make_job("queued"))["reason"] == "no_worker"


def test_redis_lost_its_memory_and_a_worker_works(api, make_job):
    """It speaks every three seconds; its lease says meanwhile that it is there."""
    make_job("running")

    assert count_workers() == 0
    assert waiting(api, make_job("queued"))["reason"] == "queued"


def test_one_whose_deadline_has_passed_is_neither_next_nor_ahead(api, make_job, worker):
    long_ago = timezone.now() - timedelta(minutes=5)
    overdue = make_job("queued", next_run_at=long_ago, deadline=long_ago + timedelta(minutes=1))

    assert waiting(api, overdue)["reason"] == "overdue"
    assert waiting(api, make_job("queued"))["ahead"] == 0


def test_without_redis_nobody_guesses(api, make_job, redis_at):
    redis_at("redis://127.0.0.1:1/0")
    Presence().say()

    assert count_workers() is None
    assert waiting(api, make_job("queued"))["reason"] == "queued"


def test_one_that_is_tried_again(api, make_job, worker):
    later = timezone.now() + timedelta(seconds=90)
    job = make_job(
        "queued", next_run_at=later, error_code="budget_exceeded", error="“all” has $0.00 left."
    )

    assert waiting(api, job) == {
        "reason": "budget_exceeded",
        "message": "It is tried again then. Last error: “all” has $0.00 left.",
        "until": later.isoformat().replace("+00:00", "Z"),
        "ahead": None,
    }


def test_one_that_runs_and_one_that_is_stopped(api, make_job):
    running, stopping = make_job("running"), make_job("running", cancel_requested=True)

    assert waiting(api, running)["reason"] == "running"
    assert waiting(api, running)["until"] is not None
    assert waiting(api, stopping)["reason"] == "stopping"


def test_the_page_says_it_too(operator, make_job):  # noqa: F811
    shown = text(operator.get(page(make_job("queued"))))

    assert "No worker was heard of in the last 15 seconds. Start one." in shown


def test_a_worker_that_falls_silent_is_not_counted():
    seconds, _ = client().time()
    client().zadd(KEY, {"silent": seconds - 60})
    assert count_workers() == 0

    Presence().say()
    assert count_workers() == 1
    assert client().zscore(KEY, "silent") is None


def test_one_that_leaves_is_gone_at_once():
    here = Presence()
    here.say()
    here.leave()
    assert count_workers() == 0


def test_a_real_worker_is_there(start_worker):
    start_worker()
    eventually(lambda: count_workers() == 1, lambda: f"workers: {count_workers()}")
