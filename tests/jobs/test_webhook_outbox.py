"""Every way to end is written into the outbox, in the transaction that ends the job."""

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.jobs.models import Delivery, Job
from apps.jobs.services import sweep
from apps.jobs.services.cancel import cancel, cancel_all
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.services.retry import retry
from apps.jobs.services.webhooks.bodies import JOB_PATH, MAX_BYTES
from apps.jobs.services.webhooks.endpoints import create_endpoint
from apps.jobs.types import Ending, EndKind, Ticket
from tests.jobs.conftest import outcome


def succeed(job, text="Hi!"):
    return finish_all([(Ticket(job.pk, 1), outcome(text))])


def fail(job, fence=1):
    return end_all([Ending(Ticket(job.pk, fence), EndKind.REFUSED, code="bad", message="No.")])


def as_utc(moment):
    return moment.isoformat().replace("+00:00", "Z")


def told():
    return sorted(Delivery.objects.values_list("event", "subject_id"))


def test_an_answer(endpoint, make_job, book, settings):
    settings.WEB_URL = "https://llm.example/"
    job = make_job("running", metadata={"order": "7"})
    book(job, 13)

    succeed(job)

    [delivery] = Delivery.objects.all()
    assert (delivery.endpoint, delivery.event, delivery.subject_id, delivery.status) == (
        endpoint,
        "job.succeeded",
        job.pk,
        "pending",
    )
    job.refresh_from_db()
    body = json.loads(delivery.body)
    assert (body["type"], body["timestamp"]) == ("job.succeeded", as_utc(job.finished_at))
    assert body["data"] == {
        "id": str(job.pk),
        "status": "succeeded",
        "request_id": "req_test",
        "prompt": "",
        "prompt_version": 0,
        "model": "small",
        "deployment": "small-1",
        "cost_usd": "0.000000000013",
        "usage": {"input_tokens": 7, "output_tokens": 3},
        "error": None,
        "text": "Hi!",
        "metadata": {"order": "7"},
        "created_at": as_utc(job.created_at),
        "finished_at": as_utc(job.finished_at),
        "links": {"self": f"https://llm.example/api/v1/jobs/{job.pk}/"},
    }


def test_the_link_is_the_jobs_address(make_job):
    job = make_job()

    assert JOB_PATH.format(job.pk) == reverse("job-detail", args=[job.pk])


def test_a_failure(endpoint, make_job):
    job = make_job("running")

    fail(job)

    assert told() == [("job.failed", job.pk)]
    assert json.loads(Delivery.objects.get().body)["data"]["error"] == {
        "code": "bad",
        "message": "No.",
    }


def test_a_cancelled_job_that_waited(endpoint, make_job):
    job = make_job()

    cancel(job_id=job.pk)

    assert told() == [("job.cancelled", job.pk)]


def test_a_cancelled_job_that_ran(endpoint, make_job):
    job = make_job("running")

    cancel_all(job_ids=[job.pk])
    assert told() == []
    end_all([Ending(Ticket(job.pk, 1), EndKind.CANCELLED)])

    assert told() == [("job.cancelled", job.pk)]


def test_a_job_that_expired_in_the_queue(endpoint, make_job):
    job = make_job(deadline=timezone.now() - timedelta(seconds=1))

    sweep.sweep()

    assert told() == [("job.expired", job.pk)]


def test_a_job_that_waits_again_has_nothing_to_tell(endpoint, make_job):
    job = make_job("running")

    end_all([Ending(Ticket(job.pk, 1), EndKind.RETURNED)])

    assert told() == []


def test_a_late_answer_tells_nothing(endpoint, make_job):
    succeed(make_job("running", fence=2))

    assert told() == []


def test_only_who_listens_is_told(shop, other_shop, receiver, make_job, settings):
    job, failing = make_job("running"), make_job("running")
    wants = create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"]).endpoint
    off = create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"]).endpoint
    off.active = False
    off.save()
    create_endpoint(service_id=other_shop.pk, url=receiver.url, events=["job.failed"])

    succeed(job)
    fail(failing)

    assert [(row.endpoint, row.subject_id) for row in Delivery.objects.all()] == [
        (wants, failing.pk)
    ]


def test_a_muted_job_tells_nothing(endpoint, make_job):
    succeed(make_job("running", notify=False))

    assert told() == []


def test_a_rollback_takes_the_message_back(endpoint, make_job):
    job = make_job("running")

    with transaction.atomic():
        succeed(job)
        transaction.set_rollback(True)

    assert told() == []


def test_the_same_end_is_told_once(endpoint, make_job):
    job = make_job("running")
    fail(job)
    retry(job_ids=[job.pk])
    Job.objects.filter(pk=job.pk).update(
        status="running", fence=2, lease_until=timezone.now() + timedelta(seconds=30)
    )

    fail(job, fence=2)

    assert told() == [("job.failed", job.pk)]


def test_an_answer_after_a_failure_is_told_too(endpoint, make_job):
    job = make_job("running")
    fail(job)
    retry(job_ids=[job.pk])
    Job.objects.filter(pk=job.pk).update(
        status="running", fence=1, lease_until=timezone.now() + timedelta(seconds=30)
    )

    succeed(job)

    assert told() == [("job.failed", job.pk), ("job.succeeded", job.pk)]


@pytest.mark.parametrize(
    ("text", "metadata", "kept"),
    [
        ("a" * 4000, {"k": "v"}, ("a" * 4000, {"k": "v"})),
        ("a" * 4001, {"k": "v"}, (None, {"k": "v"})),
        ("\u2713" * 4000, {f"k{i}": "v" * 512 for i in range(16)}, (None, "kept")),
        ("short", {f"k{i}": "\u2713" * 512 for i in range(16)}, (None, None)),
    ],
)
def test_what_does_not_fit_is_left_out(endpoint, make_job, text, metadata, kept):
    succeed(make_job("running", metadata=metadata), text)

    body = Delivery.objects.get().body
    assert len(body.encode()) <= MAX_BYTES
    data = json.loads(body)["data"]
    assert (data["text"], data["metadata"]) == (kept[0], metadata if kept[1] == "kept" else kept[1])


def test_nobody_listening_costs_one_query(shop, make_job, django_assert_num_queries):
    jobs = [make_job("running") for _ in range(5)]

    with django_assert_num_queries(5) as queries:  # lock, answers, jobs, costs, listeners
        finish_all([(Ticket(job.pk, 1), outcome()) for job in jobs])

    assert "webhookendpoint" in queries[-1]["sql"]


def test_many_ends_cost_no_more_queries(endpoint, make_job, django_assert_num_queries):
    jobs = [make_job("running") for _ in range(20)]

    with django_assert_num_queries(7):  # the jobs with their answers, and the outbox
        finish_all([(Ticket(job.pk, 1), outcome()) for job in jobs])

    assert Delivery.objects.count() == 20
