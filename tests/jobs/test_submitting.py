"""Accepting a job: once, durably, with its version pinned."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.gateway.types import CallRefused, CallSpec
from apps.jobs.models import Job, JobPayload
from apps.jobs.services.submit import IdempotencyKeyReused, submit
from tests.jobs.conftest import MESSAGES, draft, state


def test_a_job_is_stored_with_its_call(shop):
    submitted = submit(draft=draft(shop, metadata={"order": "7"}, request_id="req_42"))

    job = state(submitted.job)
    assert submitted.created
    assert (job.status, job.service_id, job.model, job.priority) == ("queued", shop.pk, "small", 5)
    assert (job.metadata, job.request_id, job.fence) == ({"order": "7"}, "req_42", 0)
    assert JobPayload.objects.get(job_id=job.id).request == {"model": "small", "messages": MESSAGES}


def test_times_come_from_the_databases_clock(shop):
    with transaction.atomic():
        job = submit(draft=draft(shop, deadline=timedelta(minutes=5))).job

    assert job.created_at == job.next_run_at
    assert job.deadline - job.created_at == timedelta(minutes=5)
    moment = timezone.now() + timedelta(hours=2)
    assert submit(draft=draft(shop, deadline=moment)).job.deadline == moment


def test_the_subject_is_not_stored(shop):
    spec = CallSpec(model="small", messages=tuple(MESSAGES), subject="customer-17")
    job = submit(draft=draft(shop, spec=spec)).job

    assert "customer-17" not in str(JobPayload.objects.get(job=job).request)


def test_the_same_key_and_body_give_the_same_job(shop):
    first = submit(draft=draft(shop, idempotency_key="k"))
    second = submit(draft=draft(shop, idempotency_key="k"))

    assert (first.created, second.created) == (True, False)
    assert first.job == second.job
    assert Job.objects.count() == 1


def test_a_replay_needs_nothing_that_may_have_gone(shop):
    first = submit(draft=draft(shop, idempotency_key="k"))
    gone = CallSpec(model="gone", messages=tuple(MESSAGES))

    assert submit(draft=draft(shop, idempotency_key="k", spec=gone)).job == first.job


def test_the_same_key_with_another_body_is_refused(shop):
    submit(draft=draft(shop, idempotency_key="k"))

    with pytest.raises(IdempotencyKeyReused):
        submit(draft=draft(shop, idempotency_key="k", fingerprint="1" * 64))
    assert Job.objects.count() == 1


def test_two_services_may_use_the_same_key(shop, other_shop):
    assert submit(draft=draft(shop, idempotency_key="k")).created
    assert submit(draft=draft(other_shop, idempotency_key="k")).created


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_with_one_key_make_one_job(shop):
    results, start = [], threading.Barrier(50)

    def work():
        start.wait()
        results.append(submit(draft=draft(shop, idempotency_key="k")))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [result.created for result in results].count(True) == 1
    assert len({result.job.pk for result in results}) == 1
    assert len(results) == 50
    assert (Job.objects.count(), JobPayload.objects.count()) == (1, 1)


def test_what_can_never_run_is_refused_and_not_stored(shop):
    spec = CallSpec(model="nobody", messages=tuple(MESSAGES))

    with pytest.raises(CallRefused) as refused:
        submit(draft=draft(shop, spec=spec))

    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    assert not Job.objects.exists()


def test_version_and_arm_are_pinned(shop, prompt):
    spec = CallSpec(prompt="greeting", variables={"name": "Ada"})
    job = submit(draft=draft(shop, spec=spec)).job

    assert (job.prompt, job.prompt_version, job.prompt_version_id, job.arm, job.model) == (
        "greeting",
        1,
        prompt.pk,
        "",
        "small",
    )


def test_the_bell_rings_after_the_commit(shop, waiting_bells, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        submit(draft=draft(shop, priority=0))
        assert waiting_bells() == {}

    assert waiting_bells() == {"high": 1}
