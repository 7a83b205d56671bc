"""Deliveries over real HTTP, checked as a receiver checks them: with the reference library."""

import json
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from apps.jobs.models import Delivery, WebhookEndpoint, WebhookSecret
from apps.jobs.services.webhooks import deliver, post
from apps.jobs.services.webhooks.endpoints import (
    create_endpoint,
    redeliver,
    rotate_secret,
    send_test,
)
from apps.jobs.services.webhooks.schedule import SCHEDULE, pause_after, retry_after

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


@pytest.fixture
def sent(endpoint):
    return send_test(endpoint_id=endpoint.pk)


def state(delivery):
    delivery.refresh_from_db()
    return (delivery.status, delivery.tries, delivery.ended_at is not None)


def key_of(endpoint):
    return WebhookSecret.objects.get(endpoint=endpoint, expires_at=None).secret


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


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_success(sent, receiver, status):
    receiver.behave(status)

    deliver_due()

    assert state(sent) == ("delivered", 1, True)


@pytest.mark.parametrize("status", [302, 307, 308, 400, 401, 404, 500, 503])
def test_anything_else_is_tried_again_and_no_redirect_is_followed(sent, receiver, status):
    receiver.behave(status, Location=receiver.url.replace("/hook", "/elsewhere"))

    deliver_due()

    assert state(sent) == ("pending", 1, False)
    assert [got.path for got in receiver.received] == ["/hook"]
    assert log(sent) == [(1, status)]


def test_the_tries_follow_the_specifications_schedule(sent, receiver):
    receiver.behave(500)
    pauses = []

    for _ in range(10):
        make_due()
        assert deliver_due() == 1
        sent.refresh_from_db()
        pauses.append(sent.next_try_at - timezone.now())

    for pause, planned in zip(pauses[:9], SCHEDULE[1:], strict=True):
        assert planned - timedelta(seconds=1) < pause < planned * 1.1 + timedelta(seconds=1)
    assert state(sent) == ("failed", 10, True)
    assert log(sent) == [(number, 500) for number in range(1, 11)]
    assert {got.headers["webhook-id"] for got in receiver.received} == {str(sent.pk)}
    assert len({got.body for got in receiver.received}) == 1


def test_it_is_not_tried_before_its_time(sent, receiver):
    receiver.behave(500)
    deliver_due()

    assert deliver_due() == 0
    assert len(receiver.received) == 1


def test_the_schedule_is_that_of_the_specification():
    assert [span.total_seconds() for span in SCHEDULE] == [
        0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400,
    ]  # fmt: skip
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert pause_after(10, asked=None, random_=random.Random(1)) is None


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_overloaded_endpoint_gets_the_pause_that_it_asks_for(endpoint, sent, receiver, status):
    other = send_test(endpoint_id=endpoint.pk)
    receiver.behave(status, Retry_After="120")
    [parcel] = deliver.claim(limit=1)
    deliver.deliver(parcel)

    asked = timezone.now() + timedelta(seconds=120)
    tried, waits = (sent, other) if parcel.id == sent.pk else (other, sent)
    tried.refresh_from_db()
    endpoint.refresh_from_db()
    assert abs(tried.next_try_at - asked) < timedelta(seconds=3)
    assert abs(endpoint.paused_until - asked) < timedelta(seconds=3)
    assert deliver_due() == 0  # not the other either
    assert state(waits) == ("pending", 0, False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("9" * 40, 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Fri, 31 Dec 2027 23:59:59 +99999999999999999999", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after(header, seconds):
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    found = retry_after(header, now=now)

    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_nobody_can_ask_for_more_than_a_day(endpoint, sent, receiver):
    receiver.behave(429, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")

    deliver_due()

    tomorrow = timezone.now() + timedelta(days=1)
    sent.refresh_from_db()
    endpoint.refresh_from_db()
    assert abs(sent.next_try_at - tomorrow) < timedelta(seconds=3)
    assert abs(endpoint.paused_until - tomorrow) < timedelta(seconds=3)


def test_410_switches_the_endpoint_off(endpoint, sent, receiver):
    other = send_test(endpoint_id=endpoint.pk)
    receiver.behave(410)
    [parcel] = deliver.claim(limit=1)
    deliver.deliver(parcel)

    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_reason) == (False, "It answered 410 Gone.")
    assert {state(sent), state(other)} == {("failed", 1, True), ("pending", 0, False)}
    assert deliver_due() == 0
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [410, 429])
def test_an_answer_says_nothing_about_an_address_that_came_later(endpoint, sent, receiver, status):
    [parcel] = deliver.claim(limit=1)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=f"{receiver.url}/new")
    receiver.behave(status, Retry_After="600")

    deliver.deliver(parcel)

    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.paused_until) == (True, None)


def test_an_answer_that_ends_with_its_connection_has_no_longer_time(sent, receiver, monkeypatch):
    receiver.behave(raw=b"HTTP/1.0 200 OK\r\n\r\n", slow=True)
    monkeypatch.setitem(post.post.__kwdefaults__, "timeout", 0.5)
    started = time.monotonic()

    deliver_due()

    assert time.monotonic() - started < 2  # though a byte came every 50 ms
    assert state(sent) == ("delivered", 1, True)  # the status had come


def test_an_answer_that_is_no_http_is_written_down(sent, receiver):
    receiver.behave(raw=b"\0 no HTTP \0\r\n")

    deliver_due()

    assert state(sent) == ("pending", 1, False)
    assert sent.log.get().error.strip() == "BadStatusLine:  no HTTP"


def test_no_answer_is_tried_again(endpoint, sent, receiver, monkeypatch):
    receiver.behave(slow=True)
    monkeypatch.setitem(post.post.__kwdefaults__, "timeout", 0.5)
    started = time.monotonic()

    deliver_due()

    assert time.monotonic() - started < 2  # though a byte came every 50 ms
    assert state(sent) == ("pending", 1, False)
    assert sent.log.get().error == "no answer within 0.5 s"
    endpoint.refresh_from_db()
    assert endpoint.paused_until > timezone.now()


def test_a_closed_port_is_tried_again(endpoint, settings):
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url="http://127.0.0.1:9/hook")
    settings.OUTBOUND_ALLOWED_HOSTS = ["127.0.0.1:9"]
    sent = send_test(endpoint_id=endpoint.pk)

    deliver_due()

    assert state(sent) == ("pending", 1, False)
    assert "refused" in sent.log.get().error.lower()


def test_little_is_kept_of_a_long_answer(sent, receiver):
    receiver.behave(500, body=b"x" * 100_000)

    deliver_due()

    assert sent.log.get().answer == "x" * 500


def test_two_claims_never_hold_the_same(endpoint):
    for _ in range(3):
        send_test(endpoint_id=endpoint.pk)

    first, second = deliver.claim(limit=2), deliver.claim(limit=9)

    assert (len(first), len(second)) == (2, 1)
    assert not {parcel.id for parcel in first} & {parcel.id for parcel in second}


def test_a_try_whose_worker_died_is_due_again_and_cannot_end_it_later(sent, receiver):
    [lost] = deliver.claim(limit=1)
    make_due()
    [again] = deliver.claim(limit=1)

    deliver.write_down(lost, post.Answer(200, 0.1), at=timezone.now())
    assert state(sent) == ("pending", 2, False)
    deliver.write_down(again, post.Answer(200, 0.1), at=timezone.now())
    assert state(sent) == ("delivered", 2, True)


def test_a_busy_endpoint_leaves_places_to_others(shop, endpoint, receiver):
    for _ in range(20):
        send_test(endpoint_id=endpoint.pk)
    other = create_endpoint(service_id=shop.pk, url=receiver.url, events=["job.failed"]).endpoint
    send_test(endpoint_id=other.pk)

    claimed = deliver.claim(limit=16)

    assert len([parcel for parcel in claimed if parcel.endpoint_id == endpoint.pk]) == 8
    assert other.pk in {parcel.endpoint_id for parcel in claimed}
    assert deliver.claim(limit=16, busy=[endpoint.pk]) == []


def test_endpoints_that_are_away_leave_places_to_others(shop, endpoint, receiver):
    dead = [
        create_endpoint(service_id=shop.pk, url=f"{receiver.url}/{name}", events=["job.failed"])
        for name in "ab"
    ]
    WebhookEndpoint.objects.filter(pk__in=[one.endpoint.pk for one in dead]).update(
        paused_until=timezone.now() - timedelta(seconds=1)
    )
    for one in dead * 8:
        send_test(endpoint_id=one.endpoint.pk)
    sent = send_test(endpoint_id=endpoint.pk)

    claimed = deliver.claim(limit=16)

    assert [parcel.id for parcel in claimed if not parcel.probes] == [sent.pk]
    assert {parcel.endpoint_id for parcel in claimed if parcel.probes} == {
        one.endpoint.pk for one in dead
    }
    assert len(claimed) == 3


def test_many_that_are_away_leave_half_of_the_places(shop, endpoint, receiver):
    made = [
        create_endpoint(service_id=shop.pk, url=f"{receiver.url}/{number}", events=["job.failed"])
        for number in range(12)
    ]
    ids = [one.endpoint.pk for one in made]
    for id_ in ids:
        send_test(endpoint_id=id_)
    WebhookEndpoint.objects.filter(pk__in=ids).update(
        paused_until=timezone.now() - timedelta(seconds=1)
    )
    late = [send_test(endpoint_id=endpoint.pk).pk for _ in range(8)]

    claimed = deliver.claim(limit=16)

    assert {parcel.id for parcel in claimed if not parcel.probes} == set(late)
    assert len([parcel for parcel in claimed if parcel.probes]) == deliver.ALL_PROBES
    assert deliver.claim(limit=16, probes=0) == []
    assert len(deliver.claim(limit=16)) == 4


def test_an_endpoint_that_answers_again_is_sent_as_much_as_before(endpoint, receiver):
    for _ in range(10):
        send_test(endpoint_id=endpoint.pk)
    receiver.behave(429, Retry_After="0")
    deliver_due()  # eight, and a pause
    Delivery.objects.filter(tries=1).update(next_try_at=timezone.now() + LATER)
    WebhookEndpoint.objects.update(paused_until=timezone.now())
    receiver.behave(204)

    assert [deliver_due(), deliver_due()] == [1, 1]  # a probe, then the rest


def test_an_answer_does_not_end_a_pause_that_was_asked_for(endpoint, receiver):
    for _ in range(2):
        send_test(endpoint_id=endpoint.pk)
    first, second = deliver.claim(limit=2)

    deliver.write_down(first, post.Answer(429, 0.1, retry_after="600"), at=timezone.now())
    deliver.write_down(second, post.Answer(204, 0.1), at=timezone.now())

    endpoint.refresh_from_db()
    assert endpoint.paused_until > timezone.now() + timedelta(seconds=500)


def test_an_ended_delivery_can_be_sent_again(sent, receiver):
    receiver.behave(500)
    for _ in range(10):
        make_due()
        deliver_due()
    assert state(sent)[0] == "failed"
    receiver.behave(200)

    assert redeliver(delivery_ids=[sent.pk]) == 1
    deliver_due()

    assert state(sent) == ("delivered", 11, True)
    assert {got.headers["webhook-id"] for got in receiver.received} == {str(sent.pk)}


def test_one_that_is_sent_again_has_the_whole_schedule(sent, receiver):
    deliver_due()
    receiver.behave(500)
    redeliver(delivery_ids=[sent.pk])

    deliver_due()

    sent.refresh_from_db()
    assert sent.next_try_at - timezone.now() < timedelta(seconds=6)


def test_a_waiting_one_is_not_sent_again(sent):
    assert redeliver(delivery_ids=[sent.pk]) == 0


def test_pauses_leave_no_history(endpoint):
    from pghistory.models import Events

    before = Events.objects.tracks(endpoint).count()
    WebhookEndpoint.objects.update(paused_until=timezone.now())
    assert Events.objects.tracks(endpoint).count() == before
    WebhookEndpoint.objects.update(active=False)
    assert Events.objects.tracks(endpoint).count() == before + 1


def test_the_history_holds_no_secret(endpoint):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(row_to_json(e)::text, '') FROM jobs_webhookendpointevent e"
        )
        text = cursor.fetchone()[0]

    assert json.dumps(endpoint.url) in text
    assert "whsec_" not in text
