"""Priorities with a real worker: what is urgent overtakes everything that was not begun."""

import pytest

from apps.jobs.models import Job, Priority
from tests.jobs.conftest import state
from tests.jobs.test_worker import post, post_many
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SLOTS, WAITING = 2, 50


def test_an_urgent_job_overtakes_fifty_that_wait(busy_shop, start_worker, upstream):
    """Each call takes a fifth of a second: without overtaking it would be the fiftieth."""
    upstream.behave(latency=0.2)
    worker = start_worker(JOB_SLOTS=str(SLOTS))
    post_many(busy_shop, WAITING, priority=Priority.LOW)
    eventually(lambda: len(upstream.log()) >= SLOTS, worker.explain)

    urgent = post(busy_shop, "urgent", priority=Priority.HIGH)
    eventually(lambda: state(urgent).status == "succeeded", worker.explain)

    begun = Job.objects.filter(started_at__lte=state(urgent).started_at).exclude(pk=urgent.pk)
    posted = state(urgent).created_at
    overtaken_by = begun.filter(started_at__gt=posted).count()
    # Whoever holds a slot ends first; a claim that was under way may take each slot once more.
    assert overtaken_by <= 2 * SLOTS
    assert Job.objects.filter(status="queued").count() > WAITING / 2
