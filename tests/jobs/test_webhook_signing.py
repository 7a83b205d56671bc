"""Deliveries checked as a receiver checks them: with the reference library."""

import json
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from apps.jobs.models import WebhookSecret
from apps.jobs.services.webhooks.endpoints import (
    create_endpoint,
    rotate_secret,
    send_test,
)
from tests.jobs.deliveries import LATER, deliver_due, key_of, log, state


def test_a_receiver_verifies_it(endpoint, sent, receiver):
    assert deliver_due() == 1

    [got] = receiver.received
    told = Webhook(key_of(endpoint)).verify(got.body, got.headers)
    assert told["type"] == "test"
    assert abs(datetime.fromisoformat(told["timestamp"]) - timezone.now()) < timedelta(minutes=1)
    assert got.headers["webhook-id"] == str(sent.pk)
    assert (got.headers["content-type"], got.headers["host"]) == (
        "application/json",
        receiver.host,
    )
    assert state(sent) == ("delivered", 1, True)
    assert log(sent) == [(1, 204)]
    assert deliver_due() == 0


def test_another_secret_a_changed_body_and_an_old_message_are_found_out(endpoint, sent, receiver):
    deliver_due()
    [got] = receiver.received

    for key, body in ((key_of(endpoint), got.body + b" "), ("whsec_" + "A" * 43, got.body)):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, got.headers)
    old = got.headers | {"webhook-timestamp": str(int(time.time()) - 600)}
    with pytest.raises(WebhookVerificationError):
        Webhook(key_of(endpoint)).verify(got.body, old)


def test_secrets_have_32_random_bytes_and_each_endpoint_its_own(shop, receiver):
    keys = {
        create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"]).secret
        for _ in range(3)
    }

    assert len(keys) == 3
    assert {(key[:6], len(Webhook(key)._whsecret)) for key in keys} == {("whsec_", 32)}


def test_both_secrets_verify_during_a_rotation(endpoint, receiver):
    before = key_of(endpoint)
    after = rotate_secret(endpoint_id=endpoint.pk, overlap=LATER).secret
    send_test(endpoint_id=endpoint.pk)

    deliver_due()

    [got] = receiver.received
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    Webhook(before).verify(got.body, got.headers)
    Webhook(after).verify(got.body, got.headers)


def test_the_old_secret_verifies_no_more_when_its_time_is_over(endpoint, receiver):
    before = key_of(endpoint)
    after = rotate_secret(endpoint_id=endpoint.pk, overlap=timedelta(0)).secret
    send_test(endpoint_id=endpoint.pk)

    deliver_due()

    [got] = receiver.received
    Webhook(after).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(before).verify(got.body, got.headers)


def test_a_second_rotation_ends_the_first_secret_at_once(endpoint):
    first = key_of(endpoint)
    rotate_secret(endpoint_id=endpoint.pk, overlap=LATER)
    rotate_secret(endpoint_id=endpoint.pk, overlap=LATER)

    assert WebhookSecret.objects.count() == 2
    assert first not in set(WebhookSecret.objects.values_list("secret", flat=True))


def test_the_history_holds_no_secret(endpoint):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(row_to_json(e)::text, '') FROM jobs_webhookendpointevent e"
        )
        text = cursor.fetchone()[0]

    assert json.dumps(endpoint.url) in text
    assert "whsec_" not in text
