"""A second chance for failed jobs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs.models import Job
from apps.jobs.services.claim import claim
from apps.jobs.services.retry import retry
from tests.jobs.conftest import state


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_a_failed_job_is_queued_with_as_much_time_as_it_had(make_job, status):
    long_ago = timezone.now() - timedelta(days=3)
    job = make_job(
        status,
        created_at=long_ago,
        deadline=long_ago + timedelta(minutes=10),
        losses=5,
        fence=5,
        error_code="dead_letter",
        error="Given up.",
        cost_pico=12,
    )

    assert retry(job_ids=[job.pk]) == 1

    after = state(job)
    assert (after.status, after.losses, after.error_code, after.error) == ("queued", 0, "", "")
    assert (after.finished_at, after.cost_pico, after.fence) == (None, 12, 5)
    assert after.deadline - after.next_run_at == timedelta(minutes=10)
    assert claim(limit=1)[0].ticket.fence == 6


def test_a_second_retry_gives_no_more_time_than_the_first(make_job):
    long_ago = timezone.now() - timedelta(days=3)
    job = make_job("failed", created_at=long_ago, deadline=long_ago + timedelta(minutes=10))

    for _ in range(2):
        retry(job_ids=[job.pk])
        after = state(job)
        assert after.deadline - after.queued_at == timedelta(minutes=10)
        Job.objects.filter(pk=job.pk).update(status="failed", finished_at=timezone.now())


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "cancelled"])
def test_no_other_job_is_touched(make_job, status):
    job = make_job(status)
    before = state(job)

    assert retry(job_ids=[job.pk]) == 0
    assert state(job) == before


def test_the_bell_rings_once_a_priority(
    make_job, waiting_bells, django_capture_on_commit_callbacks
):
    jobs = [make_job("failed", priority=priority) for priority in (0, 0, 9)]

    with django_capture_on_commit_callbacks(execute=True):
        assert retry(job_ids=[job.pk for job in jobs]) == 3
    assert waiting_bells() == {"high": 1, "low": 1}
