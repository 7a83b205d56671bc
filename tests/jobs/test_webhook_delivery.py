"""A delivery over real HTTP: what counts as taken, when it is tried again, when it ends."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.jobs.models import WebhookEndpoint
from apps.jobs.services.webhooks import deliver, post
from apps.jobs.services.webhooks.endpoints import (
    redeliver,
    send_test,
)
from apps.jobs.services.webhooks.schedule import SCHEDULE, pause_after, retry_after
from tests.jobs.deliveries import deliver_due, log, make_due, state


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
