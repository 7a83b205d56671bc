"""A real worker process: it answers, cancels, drains, and dies without losing anything."""

import urllib.request
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from apps.gateway.types import CallSpec
from apps.jobs.models import Job, JobPayload
from apps.jobs.services.cancel import cancel
from apps.jobs.services.submit import submit
from apps.jobs.services.sweep import sweep
from apps.ledger.models import Attempt, Entry
from llmplatform.embedded.layout import free_port
from tests.jobs.conftest import draft, state
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def post(service, text="hello there", **values):
    spec = CallSpec(
        model="small",
        messages=({"role": "user", "content": text},),
        cache=values.pop("cache", "use"),
    )
    return submit(draft=draft(service, spec=spec, **values)).job


def post_many(service, count, **values):
    return [post(service, f"number {number}", **values) for number in range(count)]


def statuses():
    return dict(Counter(Job.objects.values_list("status", flat=True)))


def test_a_job_is_answered_priced_and_booked(busy_shop, start_worker, upstream):
    worker = start_worker()
    job = post(busy_shop, request_id="req_12345678")

    eventually(lambda: state(job).status == "succeeded", worker.explain)

    (sent,) = upstream.log()
    after = state(job)
    cost = sent["usage"]["prompt_tokens"] * 1 + sent["usage"]["completion_tokens"] * 2
    assert (after.input_tokens, after.output_tokens) == (
        sent["usage"]["prompt_tokens"],
        sent["usage"]["completion_tokens"],
    )
    assert after.cost_pico == cost == Entry.objects.get(job_id=job.pk).amount_pico
    assert (after.attempts, after.deployment, after.cache) == (1, "small-1", "miss")
    assert JobPayload.objects.get(job=job).result["text"]
    # What ends the job is committed before it is logged.
    eventually(lambda: '"request_id":"req_12345678"' in worker.output(), worker.explain)


def test_the_same_request_again_comes_from_the_cache(busy_shop, start_worker, upstream):
    worker = start_worker()
    first = post(busy_shop)
    eventually(lambda: state(first).status == "succeeded", worker.explain)
    second = post(busy_shop)
    eventually(lambda: state(second).status == "succeeded", worker.explain)

    assert len(upstream.log()) == 1
    assert (state(second).cache, state(second).cost_pico) == ("hit", 0)


def test_jobs_that_were_posted_while_no_worker_ran_are_found(busy_shop, start_worker, upstream):
    jobs = post_many(busy_shop, 5)
    worker = start_worker()

    eventually(lambda: statuses() == {"succeeded": 5}, worker.explain)
    assert len(upstream.log()) == len(jobs)


def test_more_jobs_than_slots_run_as_slots_become_free(busy_shop, start_worker, upstream):
    upstream.behave(latency=1)  # ten jobs begin within it, however slow the machine
    worker = start_worker(JOB_SLOTS="10")
    post_many(busy_shop, 45)

    eventually(lambda: statuses() == {"succeeded": 45}, worker.explain)
    assert upstream.report()["in_flight_max"] == 10


def test_a_running_job_is_cancelled_within_seconds(busy_shop, start_worker, upstream):
    upstream.behave(latency=60)
    worker = start_worker()
    job = post(busy_shop)
    eventually(lambda: upstream.report()["in_flight"] == 1, worker.explain)

    cancel(job_id=job.pk)

    eventually(lambda: state(job).status == "cancelled", worker.explain, seconds=5)
    eventually(lambda: upstream.report()["in_flight"] == 0, worker.explain, seconds=5)
    eventually(lambda: Attempt.objects.get().status == "unknown", worker.explain, seconds=5)


def test_a_deadline_ends_the_call(busy_shop, start_worker, upstream):
    upstream.behave(times=1)
    upstream.behave(latency=60)
    worker = start_worker()
    warm = post(busy_shop, "the first call builds the clients")
    eventually(lambda: state(warm).finished_at, worker.explain)
    job = post(busy_shop, deadline=timedelta(seconds=2))

    eventually(lambda: state(job).finished_at, worker.explain, seconds=8)
    assert (state(job).status, state(job).error_code) == ("expired", "deadline_exceeded")
    assert state(job).finished_at - state(job).deadline < timedelta(seconds=1)


def test_what_the_provider_refuses_fails_once(busy_shop, start_worker, upstream):
    upstream.behave(status=400, error={"message": "No."})
    worker = start_worker()
    job = post(busy_shop)

    eventually(lambda: state(job).finished_at, worker.explain)
    assert (state(job).status, state(job).error_code) == ("failed", "bad_request")
    assert len(upstream.log()) == 1


def test_a_provider_that_comes_back_answers_in_the_end(busy_shop, start_worker, upstream):
    upstream.behave(status=503, times=5)
    worker = start_worker()
    job = post(busy_shop)

    def ends():
        sweep()
        return state(job).status == "succeeded"

    eventually(ends, worker.explain)
    assert state(job).attempts == 6
    assert state(job).error_code == ""


def test_sigterm_lets_running_jobs_end_and_leaves_the_others_queued(
    busy_shop, start_worker, upstream
):
    upstream.behave(latency=5)  # the signal is heard before the first of them has ended
    worker = start_worker(JOB_SLOTS="20")
    post_many(busy_shop, 50)
    eventually(lambda: upstream.report()["in_flight"] == 20, worker.explain)

    assert worker.terminate(seconds=15) == 0

    assert statuses() == {"succeeded": 20, "queued": 30}
    assert len(upstream.log()) == 20
    assert not Attempt.objects.exclude(status="succeeded").exists()


def test_kill_9_with_a_hundred_running_loses_nothing(busy_shop, start_worker, upstream):
    upstream.behave(latency=120, times=100)
    upstream.behave(latency=0.2)
    worker = start_worker()
    jobs = post_many(busy_shop, 100)
    eventually(lambda: upstream.report()["in_flight"] == 100, worker.explain)

    worker.kill()
    second = start_worker()

    def all_ended():
        sweep()
        return statuses() == {"succeeded": 100}

    eventually(all_ended, second.explain, seconds=60)
    called, calls = Counter(), upstream.log()
    for call in calls:
        called[call["body"]["messages"][0]["content"]] += 1
    assert set(called.values()) == {2}  # each ran when it was killed, and was asked once more
    assert Attempt.objects.count() == len(calls)  # every call stands in the book
    assert not Attempt.objects.filter(status="dispatched").exists()
    charges = Counter(Entry.objects.filter(kind="charge").values_list("job_id", flat=True))
    assert charges == Counter({job.pk: 1 for job in jobs})  # nothing is charged twice
    for job in jobs:
        booked = Entry.objects.filter(job_id=job.pk).aggregate(sum=Sum("amount_pico"))["sum"]
        assert state(job).cost_pico == booked


def test_a_worker_that_stands_still_too_long_cannot_end_the_job_of_another(
    busy_shop, start_worker, upstream
):
    upstream.behave(latency=1, content="from the first", times=1)
    upstream.behave(content="from the second")
    first = start_worker()
    job = post(busy_shop)
    eventually(lambda: upstream.report()["in_flight"] == 1, first.explain)
    first.pause()
    second = start_worker()

    def is_answered():
        sweep()
        return state(job).status == "succeeded"

    eventually(is_answered, second.explain)
    before = state(job)
    first.go_on()
    eventually(lambda: not Attempt.objects.filter(status="dispatched"), first.explain)
    eventually(lambda: "jobs_lost" in first.output() or len(Entry.objects.all()) > 2, first.explain)

    after = state(job)
    assert JobPayload.objects.get(job=job).result["text"] == "from the second"
    assert (after.status, after.fence) == (before.status, before.fence)
    assert Entry.objects.filter(kind="charge", job_id=job.pk).count() == 1


def test_broken_database_connections_cost_nothing(busy_shop, start_worker, upstream):
    upstream.behave(latency=2)
    worker = start_worker()
    jobs = post_many(busy_shop, 20)
    eventually(lambda: upstream.report()["in_flight"] == 20, worker.explain)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] > 0

    eventually(lambda: statuses() == {"succeeded": 20}, worker.explain)
    assert len(upstream.log()) == Entry.objects.count() == 20
    assert {state(job).fence for job in jobs} == {1}


def test_metrics_are_served(busy_shop, start_worker, upstream):
    port = free_port()
    worker = start_worker(METRICS_PORT=str(port))
    post(busy_shop, priority=0)
    eventually(lambda: statuses() == {"succeeded": 1}, worker.explain)

    def metrics():
        url = f"http://127.0.0.1:{port}/metrics"
        return urllib.request.urlopen(url, timeout=10).read().decode()

    # the job is committed as ended a moment before its place is free again
    eventually(lambda: "jobs_in_flight 0.0" in metrics(), worker.explain)
    served = metrics()

    assert 'jobs_finished_total{priority="high",status="succeeded"} 1.0' in served
    assert 'jobs_wait_seconds_count{priority="high"} 1.0' in served
    assert 'jobs_run_seconds_count{status="succeeded"} 1.0' in served
    assert "jobs_slots 512.0" in served


def test_two_workers_share_the_work_and_no_job_runs_twice(busy_shop, start_worker, upstream):
    upstream.behave(latency=1)
    workers = [start_worker(JOB_SLOTS="8"), start_worker(JOB_SLOTS="8")]
    post_many(busy_shop, 80)

    eventually(lambda: statuses() == {"succeeded": 80}, workers[0].explain, seconds=40)
    assert len(upstream.log()) == 80
    assert upstream.report()["in_flight_max"] > 8
