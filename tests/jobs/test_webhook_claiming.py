"""Who may send what: one owner of a try, and places for every endpoint."""

from datetime import timedelta

from django.utils import timezone

from apps.jobs.models import Delivery, WebhookEndpoint
from apps.jobs.services.webhooks import deliver, post
from apps.jobs.services.webhooks.endpoints import (
    create_endpoint,
    send_test,
)
from tests.jobs.deliveries import LATER, deliver_due, make_due, state


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


def test_pauses_leave_no_history(endpoint):
    from pghistory.models import Events

    before = Events.objects.tracks(endpoint).count()
    WebhookEndpoint.objects.update(paused_until=timezone.now())
    assert Events.objects.tracks(endpoint).count() == before
    WebhookEndpoint.objects.update(active=False)
    assert Events.objects.tracks(endpoint).count() == before + 1
