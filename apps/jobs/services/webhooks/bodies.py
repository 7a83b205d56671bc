"""What an endpoint is told: a small document that leads to the whole.

`{"type", "timestamp", "data"}` as the Standard Webhooks specification proposes, below 20 kB, which
it sets as the limit: what does not fit is left out and can be read at the link.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings

from apps.core.money import exact_usd
from apps.jobs.models import Batch, Event, Job

MAX_BYTES = 20_000
MAX_TEXT = 4_000  # characters of an answer; a longer one is fetched
JOB_PATH = "/api/v1/jobs/{}/"
BATCH_PATH = "/api/v1/batches/{}/"


def body_of(*, event: Event, at: datetime | None, data: Mapping[str, Any]) -> str:
    """The document as it is signed. Text and metadata give way when it would be too large."""
    for leave_out in ((), ("text",), ("text", "metadata")):
        kept = dict(data) | {name: None for name in leave_out if name in data}
        told = {"type": event.value, "timestamp": at, "data": kept}
        body = orjson.dumps(told, option=orjson.OPT_UTC_Z)
        if len(body) <= MAX_BYTES:
            break
    return body.decode()


def job_data(job: Job) -> dict[str, Any]:
    """A job as it ended. `job.payload` should be at hand."""
    return {
        "id": str(job.pk),
        "status": job.status,
        "request_id": job.request_id,
        "prompt": job.prompt,
        "prompt_version": job.prompt_version,
        "model": job.model,
        "deployment": job.deployment,
        "cost_usd": exact_usd(job.cost_pico),
        "usage": {"input_tokens": job.input_tokens, "output_tokens": job.output_tokens},
        "error": {"code": job.error_code, "message": job.error} if job.error_code else None,
        "text": _text(job),
        "metadata": job.metadata,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "links": {"self": link(JOB_PATH.format(job.pk))},
    }


def batch_data(batch: Batch, *, cost_pico: int) -> dict[str, Any]:
    """A batch whose last job has ended."""
    path = BATCH_PATH.format(batch.pk)
    return {
        "id": str(batch.pk),
        "status": "finished",
        "request_id": batch.request_id,
        "total": batch.total,
        "counts": {
            "succeeded": batch.succeeded,
            "failed": batch.failed,
            "cancelled": batch.cancelled,
            "expired": batch.expired,
        },
        "cost_usd": exact_usd(cost_pico),
        "metadata": batch.metadata,
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
        "links": {"self": link(path), "results": link(f"{path}results/")},
    }


def link(path: str) -> str:
    """An address of ours as others reach it."""
    return f"{settings.WEB_URL.rstrip('/')}{path}"


def _text(job: Job) -> str | None:
    stored = job.payload.result if hasattr(job, "payload") else None
    text = stored["text"] if stored and job.status == "succeeded" else None
    return text if text is not None and len(text) <= MAX_TEXT else None
