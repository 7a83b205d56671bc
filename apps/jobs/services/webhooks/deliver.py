"""Deliveries: claimed one owner at a time, tried, and written down with what came back.

A claim counts a try and moves `next_try_at` behind the longest possible exchange. So a try whose
worker died is due again by itself, and only the newest try may end its delivery.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.core.clock import db_now
from apps.jobs.models import (
    Delivery,
    DeliveryStatus,
    DeliveryTry,
    WebhookEndpoint,
    WebhookSecret,
)
from apps.jobs.services.webhooks import signing
from apps.jobs.services.webhooks.post import Answer, post
from apps.jobs.services.webhooks.schedule import pause_after, retry_after

LEASE_SECONDS = 60  # four times the longest exchange
PER_ENDPOINT = 8  # of one claim: a slow endpoint must not take all places
PROBES = 1  # after a pause, until it answers: endpoints that are away must not take them together
ALL_PROBES = 8  # of all endpoints: however many are away, half of a worker's places are for others
UNREACHABLE_PAUSE = timedelta(seconds=5)  # of an endpoint that does not answer
THROTTLING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)

_CLAIM = """
WITH found AS (
    SELECT picked.id, picked.next_try_at, endpoint.paused_until IS NOT NULL AS probes,
           row_number() OVER (PARTITION BY endpoint.paused_until IS NOT NULL
                              ORDER BY picked.next_try_at) AS place
    FROM jobs_webhookendpoint AS endpoint CROSS JOIN LATERAL (
        SELECT id, next_try_at FROM jobs_delivery
        WHERE endpoint_id = endpoint.id AND status = 'pending'
          AND next_try_at <= clock_timestamp()
        ORDER BY next_try_at
        LIMIT CASE WHEN endpoint.paused_until IS NULL THEN %(per_endpoint)s ELSE %(probes)s END
        FOR UPDATE SKIP LOCKED
    ) AS picked
    WHERE endpoint.active AND endpoint.id <> ALL(%(busy)s::uuid[])
      AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= clock_timestamp())
), due AS (
    SELECT id FROM found WHERE NOT probes OR place <= %(all_probes)s
    ORDER BY next_try_at LIMIT %(limit)s
)
UPDATE jobs_delivery AS delivery
SET tries = tries + 1, next_try_at = clock_timestamp() + make_interval(secs => %(lease)s)
FROM due, jobs_webhookendpoint AS endpoint
WHERE delivery.id = due.id AND endpoint.id = delivery.endpoint_id
RETURNING delivery.id, endpoint.id, delivery.tries, delivery.first_try, delivery.body, endpoint.url,
          endpoint.paused_until IS NOT NULL
"""

log = structlog.get_logger(__name__)
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Parcel:
    """The right to make one try of a delivery."""

    id: UUID
    endpoint_id: UUID
    number: int
    first_try: int
    body: str
    url: str
    probes: bool
    """Whether it finds out if the endpoint is there again."""


def claim(*, limit: int, probes: int = ALL_PROBES, busy: Collection[UUID] = ()) -> list[Parcel]:
    """Own up to `limit` due deliveries, not of `busy` endpoints, the oldest first; at most `probes`
    of them to endpoints that did not answer lately."""
    values: dict[str, Any] = {"limit": limit, "all_probes": probes, "busy": list(busy)}
    values |= {"lease": LEASE_SECONDS, "per_endpoint": PER_ENDPOINT, "probes": PROBES}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [Parcel(*row) for row in cursor.fetchall()]


def deliver(parcel: Parcel) -> bool:
    """Make the try and write down how it went; whether the endpoint took it."""
    at = db_now()
    body, keys = parcel.body, _keys_of(parcel.endpoint_id, at)
    headers = signing.headers(delivery_id=str(parcel.id), at=at, body=body, keys=keys)
    answer = post(
        parcel.url,
        body=body.encode(),
        headers=headers | {"content-type": "application/json", "user-agent": "llmplatform"},
        allowlist=settings.OUTBOUND_ALLOWED_HOSTS,
    )
    write_down(parcel, answer, at=at)
    return answer.status is not None and 200 <= answer.status < 300


@transaction.atomic
def write_down(parcel: Parcel, answer: Answer, *, at: datetime) -> None:
    """One line in the log, and the next state: delivered, waiting for its next try, or failed."""
    asked = retry_after(answer.retry_after, now=at) if answer.status in THROTTLING else None
    mine = Delivery.objects.filter(
        pk=parcel.id, tries=parcel.number, status=DeliveryStatus.PENDING
    ).select_for_update()
    if not mine:
        return  # another try has begun since: it decides, and a deleted delivery needs nothing
    _note(parcel, answer, at)
    _pause(parcel, answer, asked)
    if answer.status is not None and 200 <= answer.status < 300:
        mine.update(status=DeliveryStatus.DELIVERED, ended_at=Now())
        return
    tried = parcel.number - parcel.first_try
    pause = pause_after(tried, asked=asked, random_=_random)
    if answer.status == HTTPStatus.GONE:
        _switch_off(parcel)
        pause = None
    if pause is None:
        mine.update(status=DeliveryStatus.FAILED, ended_at=Now())
    else:
        mine.update(next_try_at=Now() + pause)


def _pause(parcel: Parcel, answer: Answer, asked: timedelta | None) -> None:
    """Leave the endpoint alone when it is away or asks for it; an answer ends the time after."""
    endpoint = _endpoint_of(parcel)
    if answer.status is None or answer.status in THROTTLING:
        until = Now() + max(asked or timedelta(0), UNREACHABLE_PAUSE)
        endpoint.update(paused_until=until)
    else:
        endpoint.filter(paused_until__lte=Now()).update(paused_until=None)


def _keys_of(endpoint_id: UUID, at: datetime) -> list[str]:
    """The current secret first, then those that are being replaced."""
    usable = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    secrets = WebhookSecret.objects.filter(usable, endpoint_id=endpoint_id)
    return list(secrets.order_by("-created_at").values_list("secret", flat=True))


def _note(parcel: Parcel, answer: Answer, at: datetime) -> None:
    DeliveryTry.objects.create(
        delivery_id=parcel.id,
        number=parcel.number,
        at=at,
        duration_ms=round(answer.duration * 1000),
        status_code=answer.status,
        error=answer.error,
        answer=answer.text,
    )


def _switch_off(parcel: Parcel) -> None:
    """410 Gone: nobody is there any more. What waits for it is not sent either."""
    log.warning("webhook_gone", endpoint=str(parcel.endpoint_id))
    _endpoint_of(parcel).update(active=False, disabled_reason="It answered 410 Gone.")


def _endpoint_of(parcel: Parcel) -> "QuerySet[WebhookEndpoint]":
    """Whom the answer is about: nobody, when the endpoint has moved to another address since."""
    return WebhookEndpoint.objects.filter(pk=parcel.endpoint_id, url=parcel.url)
