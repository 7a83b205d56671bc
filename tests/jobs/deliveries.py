"""What tests of deliveries do with them."""

from datetime import timedelta

from django.utils import timezone

from apps.jobs.models import Delivery, WebhookEndpoint, WebhookSecret
from apps.jobs.services.webhooks import deliver

LATER = timedelta(hours=1)


def deliver_due():
    """One round of the deliverer."""
    parcels = deliver.claim(limit=16)
    for parcel in parcels:
        deliver.deliver(parcel)
    return len(parcels)


def make_due():
    """As if every pause were over."""
    Delivery.objects.filter(status="pending").update(next_try_at=timezone.now())
    WebhookEndpoint.objects.update(paused_until=None)


def log(delivery):
    return [(row.number, row.status_code) for row in delivery.log.all()]


def state(delivery):
    delivery.refresh_from_db()
    return (delivery.status, delivery.tries, delivery.ended_at is not None)


def key_of(endpoint):
    return WebhookSecret.objects.get(endpoint=endpoint, expires_at=None).secret
