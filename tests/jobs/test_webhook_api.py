"""`/api/v1/webhooks/`: a service looks after its own endpoints."""

from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from apps.jobs.models import Delivery, Job, WebhookEndpoint, WebhookSecret
from apps.jobs.services.webhooks import deliver
from apps.jobs.services.webhooks.endpoints import SUBSCRIBABLE
from tests.jobs.conftest import MESSAGES, Api

HOOKS = "/api/v1/webhooks/"


@pytest.fixture
def made(api, receiver):
    response = api.post({"url": receiver.url}, path=HOOKS)
    assert response.status_code == 201
    return response


def one(made, path=""):
    return f"{HOOKS}{made.json()['id']}/{path}"


def faults(response):
    assert response.status_code == 400
    return [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]]


def test_a_new_endpoint_shows_its_secret_once(api, made, receiver):
    answer = made.json()

    assert answer["secret"].startswith("whsec_")
    assert made["Cache-Control"] == "no-store"
    assert (answer["url"], answer["active"]) == (receiver.url, True)
    assert answer["events"] == sorted(SUBSCRIBABLE)
    shown = api.get(one(made)).json()
    assert shown == {name: value for name, value in answer.items() if name != "secret"}
    assert "whsec_" not in api.get(HOOKS).content.decode()


def test_its_secret_verifies_a_test(api, made, receiver):
    response = api.post(None, path=one(made, "test/"))
    assert (response.status_code, response.json()["status"]) == (202, "pending")

    [parcel] = deliver.claim(limit=9)
    deliver.deliver(parcel)

    [got] = receiver.received
    told = Webhook(made.json()["secret"]).verify(got.body, got.headers)
    assert told["type"] == "test"
    [listed] = api.get(one(made, "deliveries/")).json()["results"]
    assert (listed["id"], listed["status"]) == (got.headers["webhook-id"], "delivered")
    assert [row["status_code"] for row in listed["tries"]] == [204]


def test_no_test_is_sent_to_one_that_is_switched_off(api, made):
    api.send("PATCH", one(made), {"active": False})

    response = api.post(None, path=one(made, "test/"))

    assert (response.status_code, response.json()["code"]) == (409, "endpoint_off")


def test_a_rotation_gives_a_new_secret(api, made):
    response = api.post({"overlap_seconds": 60}, path=one(made, "rotate/"))

    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert response.json()["secret"] != made.json()["secret"]
    assert WebhookSecret.objects.filter(expires_at=None).get().secret == response.json()["secret"]


def test_a_change(api, made):
    response = api.send("PATCH", one(made), {"events": ["job.failed"], "active": False})

    assert response.status_code == 200
    row = WebhookEndpoint.objects.get()
    assert (row.event_types, row.active) == (["job.failed"], False)


def test_switching_it_on_forgets_why_it_was_off(api, made):
    WebhookEndpoint.objects.update(active=False, disabled_reason="It answered 410 Gone.")

    answer = api.send("PATCH", one(made), {"active": True}).json()

    assert (answer["active"], answer["disabled_reason"]) == (True, "")


def test_a_deleted_endpoint_takes_everything_with_it(api, made):
    api.post(None, path=one(made, "test/"))

    assert api.send("DELETE", one(made)).status_code == 204

    assert not WebhookEndpoint.objects.exists()
    assert not Delivery.objects.exists()
    assert not WebhookSecret.objects.exists()
    assert api.get(one(made)).status_code == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/url", "required")]),
        ({"url": 5}, [("/url", "invalid")]),
        ({"url": "https://127.0.0.1/"}, [("/url", "invalid")]),
        ({"url": "https://nobody.invalid/"}, [("/url", "invalid")]),
        ({"url": "https://8.8.8.8/", "events": []}, [("/events", "min_length")]),
        ({"url": "https://8.8.8.8/", "events": ["test"]}, [("/events/0", "invalid_choice")]),
        ({"url": "https://8.8.8.8/", "secret": "x"}, [("/secret", "unknown_field")]),
    ],
)
def test_faults(api, body, expected):
    assert faults(api.post(body, path=HOOKS)) == expected
    assert not WebhookEndpoint.objects.exists()


def test_a_change_to_a_private_address_is_refused(api, made, receiver):
    response = api.send("PATCH", one(made), {"url": "https://10.0.0.1/"})

    assert faults(response) == [("/url", "invalid")]
    assert WebhookEndpoint.objects.get().url == receiver.url


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "rotate/"),
        ("POST", "test/"),
        ("GET", "deliveries/"),
    ],
)
def test_another_services_endpoint_does_not_exist(made, other_shop, method, path):
    stranger = Api(other_shop)

    for address in (one(made, path), f"{HOOKS}{uuid4()}/{path}"):
        assert stranger.send(method, address, {}).status_code == 404
    assert stranger.get(HOOKS).json()["results"] == []
    assert WebhookSecret.objects.count() == 1


def test_a_job_may_be_muted(api):
    muted = api.post({"model": "small", "messages": MESSAGES, "webhook": False})
    told = api.post({"model": "small", "messages": MESSAGES})

    assert [Job.objects.get(pk=response.json()["id"]).notify for response in (muted, told)] == [
        False,
        True,
    ]
    assert faults(api.post({"model": "small", "messages": MESSAGES, "webhook": "no"})) == [
        ("/webhook", "invalid")
    ]
