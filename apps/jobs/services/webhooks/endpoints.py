"""Endpoints and their secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from apps.access.models import Service
from apps.core.clock import db_now
from apps.core.ids import uuid7
from apps.jobs.models import Delivery, DeliveryStatus, Event, WebhookEndpoint, WebhookSecret
from apps.jobs.services.webhooks import news
from apps.jobs.services.webhooks.bodies import body_of
from apps.jobs.services.webhooks.outbox import new_delivery
from apps.jobs.services.webhooks.post import usable_target
from apps.jobs.services.webhooks.signing import new_secret
from apps.providers.outbound import OutboundRefused

MAX_ENDPOINTS = 20  # of one service
DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=7)
SUBSCRIBABLE = tuple(event.value for event in Event if event is not Event.TEST)


@dataclass(frozen=True, slots=True)
class Issued:
    endpoint: WebhookEndpoint
    secret: str
    """Show it once; nothing reads it again but the signing."""


def check_url(url: str) -> None:
    """Raise `ValidationError` unless we are willing to send to `url`. Resolves its name."""
    try:
        usable_target(url, allowlist=settings.OUTBOUND_ALLOWED_HOSTS)
    except OutboundRefused as error:
        raise ValidationError({"url": f"Not usable: {error}."}) from error


def check_room(*, service_id: int) -> None:
    """Raise `ValidationError` when the service has as many endpoints as it may."""
    if WebhookEndpoint.objects.filter(service_id=service_id).count() >= MAX_ENDPOINTS:
        raise ValidationError(f"A service has at most {MAX_ENDPOINTS} endpoints.", "too_many")


@transaction.atomic
def create_endpoint(
    *, service_id: int, url: str, events: Sequence[str], description: str = ""
) -> Issued:
    """Raises `ValidationError` for an address that must not be called, or one too many."""
    check_url(url)
    Service.objects.select_for_update(no_key=True).get(pk=service_id)  # counts under its lock
    check_room(service_id=service_id)
    endpoint = WebhookEndpoint.objects.create(
        service_id=service_id, url=url, event_types=sorted(set(events)), description=description
    )
    return Issued(endpoint, _issue(endpoint.pk))


def change_endpoint(*, endpoint: WebhookEndpoint, values: dict[str, Any]) -> WebhookEndpoint:
    """Set `url`, `event_types`, `description`, `active`. Switching it on forgets why it was off."""
    if "url" in values and values["url"] != endpoint.url:
        check_url(values["url"])
    if values.get("active"):
        values = values | {"disabled_reason": "", "paused_until": None}
    for name, value in values.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=[*values, "updated_at"])
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoint_id: UUID, overlap: timedelta = DEFAULT_OVERLAP) -> Issued:
    """A new secret; the one of before signs along for `overlap`, older ones no more."""
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    secrets = WebhookSecret.objects.filter(endpoint=endpoint)
    secrets.filter(expires_at__isnull=False).delete()
    secrets.update(expires_at=Now() + min(overlap, MAX_OVERLAP))
    return Issued(endpoint, _issue(endpoint_id))


def _issue(endpoint_id: UUID) -> str:
    secret = new_secret()
    WebhookSecret.objects.create(endpoint_id=endpoint_id, secret=secret, created_at=Now())
    return secret


class EndpointOff(Exception):
    """Nothing is sent to an endpoint that is switched off. Permanent until it is switched on."""


@transaction.atomic
def send_test(*, endpoint_id: UUID) -> Delivery:
    """An event of type `test`, on its way like any other. Raises `EndpointOff`."""
    if not WebhookEndpoint.objects.filter(pk=endpoint_id, active=True).exists():
        raise EndpointOff("This endpoint is switched off. Switch it on, then send a test.")
    about = uuid7()
    body = body_of(event=Event.TEST, at=db_now(), data={"id": str(about), "message": "It works."})
    delivery = new_delivery(endpoint_id=endpoint_id, event=Event.TEST, about=about, body=body)
    delivery.save()
    news.after_commit()
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def redeliver(*, delivery_ids: Sequence[UUID]) -> int:
    """Send ended deliveries again, with the same id and a schedule from its start; how many."""
    chosen = Delivery.objects.filter(pk__in=delivery_ids).exclude(status=DeliveryStatus.PENDING)
    locked = list(chosen.order_by("pk").select_for_update())
    for delivery in locked:
        delivery.first_try = delivery.tries
    Delivery.objects.bulk_update(locked, ["first_try"])
    news.after_commit()
    return Delivery.objects.filter(pk__in=[row.pk for row in locked]).update(
        status=DeliveryStatus.PENDING, ended_at=None, next_try_at=Now()
    )
