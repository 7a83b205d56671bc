"""Stopping a job in each of its states."""

import pytest

from apps.core.ids import uuid7
from apps.jobs.models import Job
from apps.jobs.services.cancel import AlreadyFinished, cancel
from apps.jobs.services.claim import claim
from tests.jobs.conftest import state


def test_a_waiting_job_is_cancelled_at_once(make_job):
    job = make_job()

    assert cancel(job_id=job.pk).status == "cancelled"

    assert state(job).finished_at is not None
    assert claim(limit=1) == []


def test_a_running_job_is_asked_to_stop_and_asking_twice_is_no_error(make_job):
    job = make_job("running")

    for _ in range(2):
        cancel(job_id=job.pk)

    assert (state(job).status, state(job).cancel_requested) == ("running", True)


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "expired"])
def test_a_finished_job_cannot_be_cancelled(make_job, status):
    job = make_job(status)
    before = state(job)

    with pytest.raises(AlreadyFinished, match=f"The job has ended: {status}."):
        cancel(job_id=job.pk)
    assert state(job) == before


def test_an_unknown_job(db):
    with pytest.raises(Job.DoesNotExist):
        cancel(job_id=uuid7())
