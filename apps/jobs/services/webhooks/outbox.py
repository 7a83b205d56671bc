"""The outbox: what must be told is written in the transaction that makes it true."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from apps.core.ids import uuid7
from apps.jobs.models import Batch, Delivery, Event, Job
from apps.jobs.selectors import batch_cost
from apps.jobs.services.webhooks import news
from apps.jobs.services.webhooks.bodies import batch_data, body_of, job_data

# The lock keeps an endpoint from being deleted before the rows that refer to it are committed,
# and nothing else: two transactions may hold it at once.
_LISTENERS = """
SELECT id, service_id, event_types FROM jobs_webhookendpoint
WHERE active AND service_id = ANY(%s) AND event_types && %s::varchar[]
ORDER BY id FOR KEY SHARE
"""

Listeners = Sequence[tuple[UUID, int, Sequence[str]]]


def put_jobs(ended: Sequence[tuple[UUID, int, str]]) -> None:
    """Write down what endpoints must be told of ended jobs: id, service and how it ended.

    Told once for each job, event and endpoint. Costs one query when nobody listens.
    """
    events = {job_id: f"job.{status}" for job_id, _, status in ended}
    listeners = listening(service_ids={row[1] for row in ended}, events=set(events.values()))
    services = {row[1] for row in listeners}
    wanted = [job_id for job_id, service_id, _ in ended if service_id in services]
    jobs = Job.objects.filter(pk__in=wanted).select_related("payload").order_by("pk")
    rows: list[Delivery] = []
    for job in jobs if wanted else ():
        event = Event(events[job.pk])
        body = body_of(event=event, at=job.finished_at, data=job_data(job))
        rows += addressed(job.service_id, event, job.pk, body, listeners)
    put(rows)


def put_batch(batch: Batch) -> None:
    """Write down that a batch has finished. Told once for each batch and endpoint."""
    event = Event.BATCH_FINISHED
    listeners = listening(service_ids={batch.service_id}, events={event.value})
    if listeners:
        data = batch_data(batch, cost_pico=batch_cost(batch.pk))
        body = body_of(event=event, at=batch.finished_at, data=data)
        put(addressed(batch.service_id, event, batch.pk, body, listeners))


def listening(*, service_ids: set[int], events: set[str]) -> Listeners:
    """Endpoints of these services that want one of the events; they stay until the commit."""
    if not service_ids:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_LISTENERS, [list(service_ids), list(events)])
        found: Listeners = cursor.fetchall()
    return found


def addressed(
    service_id: int, event: Event, about: UUID, body: str, listeners: Listeners
) -> list[Delivery]:
    """The message for each of the service's listeners that wants it."""
    return [
        new_delivery(endpoint_id=endpoint_id, event=event, about=about, body=body)
        for endpoint_id, owner, events in listeners
        if owner == service_id and event.value in events
    ]


def put(rows: Sequence[Delivery]) -> None:
    """Write them down; what an endpoint has been told before is passed over."""
    if rows:
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        news.after_commit()


def new_delivery(*, endpoint_id: UUID, event: Event, about: UUID, body: str) -> Delivery:
    return Delivery(
        id=uuid7(),
        endpoint_id=endpoint_id,
        event=event,
        subject_id=about,
        body=body,
        next_try_at=Now(),
        created_at=Now(),
    )
