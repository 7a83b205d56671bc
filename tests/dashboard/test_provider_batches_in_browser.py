"""The pages of provider batches with something on them: width, accessibility, both themes."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs.models import ProviderBatch, ProviderBatchRow

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
LIST = "/admin/jobs/providerbatch/"


def make(state, outcomes, **values):
    now = timezone.now()
    times = {"created_at": now - timedelta(hours=3), "next_look_at": now}
    times["return_by"] = now + timedelta(hours=9)
    where = {"provider": "openai", "deployment": "gpt-4-1-mini-eu", "total": len(outcomes)}
    batch = ProviderBatch.objects.create(state=state, **(times | where | values))
    ProviderBatchRow.objects.bulk_create(
        ProviderBatchRow(
            attempt_id=uuid.uuid4(),
            batch=batch,
            index=index,
            job_id=uuid.uuid4(),
            fence=1,
            terms={},
            leave_by=now,
            outcome=outcome,
        )
        for index, outcome in enumerate(outcomes)
    )
    return batch


@pytest.fixture
def batches(db):
    at = {"remote_id": "batch_68f7a0c1d2e3f4a5b6c7d8e9", "input_file_id": "file-9kXv3mQ2pL"}
    now = timezone.now()
    fault = "connect: could not connect"
    ended = ["answered"] * 37 + ["failed"] * 2 + ["not_run"]
    return [
        make("gathered", [""] * 12, failures=2, error=fault),
        make("creating", [""] * 3, creating_at=now),
        make("sent", [""] * 140, remote_status="in_progress", remote_completed=61, **at),
        make("ended", ended, remote_status="completed", ended_at=now, **at),
    ]


def test_they_can_be_read(visit, batches):
    visitor = visit()
    pages = [LIST, *(f"{LIST}{batch.pk}/change/" for batch in batches)]
    assert visitor.unreadable(pages) == []
    assert visitor.problems == []


def test_an_empty_list_can_be_read(visit):
    visitor = visit()
    visitor.go(LIST)
    assert (visitor.axe(), visitor.problems) == ([], [])
