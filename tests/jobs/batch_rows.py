"""Batches as tests post them, and ends of their rows."""

import json
from datetime import timedelta

from django.utils import timezone

from apps.jobs.models import Batch, Job
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.types import Ending, EndKind, Ticket
from tests.jobs.conftest import outcome

BATCHES = "/api/v1/batches/"


def row(text="hello", **values):
    return {"model": "small", "messages": [{"role": "user", "content": text}], **values}


def post(api, count=3, /, **headers):
    return api.post({"jobs": [row(str(i)) for i in range(count)]}, path=BATCHES, **headers)


def post_lines(api, *lines, content_type="application/x-ndjson", **headers):
    body = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    return api.post(body, path=BATCHES, **{"Content-Type": content_type}, **headers)


def jobs_of(batch):
    return list(Job.objects.filter(batch_id=batch).order_by("batch_index"))


def run(*jobs):
    """As if workers had claimed them."""
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
        status="running", fence=1, lease_until=timezone.now() + timedelta(seconds=30)
    )


def succeed(*jobs):
    run(*jobs)
    finish_all([(Ticket(job.pk, 1), outcome(f"answer {job.batch_index}")) for job in jobs])


def fail(*jobs):
    run(*jobs)
    end_all([Ending(Ticket(job.pk, 1), EndKind.REFUSED, code="bad", message="No.") for job in jobs])


def counts(batch):
    row = Batch.objects.get(pk=batch)
    return (row.succeeded, row.failed, row.cancelled, row.expired, row.finished_at is not None)


def faults(response):
    assert response.status_code == 400, response.content
    return [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]]
