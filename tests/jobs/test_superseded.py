"""A worker that lost a job while it could not know sends nothing for it any more."""

import asyncio

import pytest

from apps.budgets.models import Hold
from apps.gateway.runtime import Runtime
from apps.gateway.types import CallRefused, CallSpec
from apps.jobs.models import Job, JobStatus
from apps.jobs.services.claim import claim, lost
from apps.jobs.services.finish import finish_all
from apps.jobs.services.sweep import sweep
from apps.ledger.models import Attempt
from tests.budgets.conftest import make_budget
from tests.factories import make_model, make_priced_deployment, make_provider, make_service
from tests.gateway.conftest import make_call, run_calls
from tests.jobs.conftest import MESSAGES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db, upstream):
    make_priced_deployment(
        provider=make_provider(upstream.url, slug="faulty"), model=make_model("small")
    )
    make_budget("all", limit_pico=10**12)
    return make_service("shop")


@pytest.fixture
def worker(shop):
    """The part of a worker that sends."""
    runtime = Runtime(complete=finish_all, lost=lost)
    runtime.start()
    yield runtime
    runtime.stop(grace_seconds=5)


def expire_lease(job):
    Job.objects.filter(pk=job.pk).update(lease_until="2026-01-01T00:00:00Z")


def call_of(service, claimed):
    spec = CallSpec(model="small", messages=tuple(MESSAGES))
    return make_call(service, spec, completion=claimed.ticket, job_id=claimed.ticket.job_id)


def test_nothing_is_sent_held_or_booked_for_a_job_that_was_taken_over(
    worker, shop, make_job, upstream
):
    job = make_job("queued", service=shop)
    [late] = claim(limit=1)
    expire_lease(job)
    sweep()  # somebody else looks after it now

    [refusal] = run_calls(worker, [call_of(shop, late)], raising=False)

    assert isinstance(refusal, CallRefused)
    assert refusal.code == "superseded"
    assert upstream.log() == []
    assert Attempt.objects.count() == 0
    assert set(Hold.objects.values_list("status", flat=True)) <= {"released"}
    assert Job.objects.get().status == JobStatus.QUEUED


def test_a_job_whose_lease_ran_out_unseen_is_kept_and_sent_once(worker, shop, make_job, upstream):
    job = make_job("queued", service=shop)
    [slow] = claim(limit=1)
    expire_lease(job)

    upstream.behave(latency=1)
    worker.config.refresh()
    running = asyncio.run_coroutine_threadsafe(
        worker.pipeline.run(call_of(shop, slow)), worker.loop
    )
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    assert sweep().lost == 0

    assert running.result(timeout=60).attempts == 1
    assert len(upstream.log()) == 1
    assert Job.objects.get().status == JobStatus.SUCCEEDED
