"""Webhooks in the admin: a secret once, tests, rotation, and what was delivered."""

import pytest
from django.contrib.auth.models import Permission, User

from apps.jobs.models import Delivery, WebhookEndpoint, WebhookSecret
from apps.jobs.services.webhooks import deliver
from apps.jobs.services.webhooks.endpoints import send_test

ENDPOINTS, DELIVERIES = "/admin/jobs/webhookendpoint/", "/admin/jobs/delivery/"


@pytest.fixture
def person(client, db):
    def log_in(*permissions):
        user = User.objects.create_user("olga", password="pw", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def owner(person):
    models = ("add_webhookendpoint", "view_webhookendpoint", "change_webhookendpoint")
    return person(*models, "operate_webhook", "view_delivery", "view_service")


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def form(shop, url, **values):
    return {"service": shop.pk, "url": url, "event_types": ["job.failed"], **values}


def secret():
    return WebhookSecret.objects.get(expires_at=None).secret


def test_a_new_endpoint_shows_its_secret_once(owner, shop, receiver):
    response = owner.post(f"{ENDPOINTS}add/", form(shop, receiver.url))

    assert secret() in text(response)
    assert "no-store" in response["Cache-Control"]
    row = WebhookEndpoint.objects.get()
    assert (row.url, row.event_types, row.service) == (receiver.url, ["job.failed"], shop)
    for page in (ENDPOINTS, f"{ENDPOINTS}{row.pk}/change/", f"{ENDPOINTS}{row.pk}/history/"):
        assert "whsec_" not in text(owner.get(page))


def test_a_private_address_is_refused_in_the_form(owner, shop, db):
    shown = text(owner.post(f"{ENDPOINTS}add/", form(shop, "https://10.0.0.1/")))

    assert "Not usable: 10.0.0.1 is not a public address" in shown
    assert not WebhookEndpoint.objects.exists()


def test_a_change(owner, shop, endpoint):
    WebhookEndpoint.objects.update(active=False, disabled_reason="It answered 410 Gone.")
    page = f"{ENDPOINTS}{endpoint.pk}/change/"
    assert "It answered 410 Gone." in text(owner.get(page))

    owner.post(page, form(shop, endpoint.url, active="on", description="Orders"))

    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_reason) == (True, "")
    assert (endpoint.event_types, endpoint.description) == (["job.failed"], "Orders")


def test_a_rotation_shows_the_new_secret(owner, endpoint):
    before = secret()
    page = f"{ENDPOINTS}{endpoint.pk}/do/rotate/"
    assert "whsec_" not in text(owner.get(page))

    response = owner.post(page, {"reason": "Quarterly.", "confirmed": "1"})

    assert secret() != before
    assert secret() in text(response)
    assert "no-store" in response["Cache-Control"]
    assert secret() not in text(owner.get(ENDPOINTS))


def test_a_test_is_sent(owner, endpoint):
    page = f"{ENDPOINTS}{endpoint.pk}/do/send_tests/"

    owner.post(page, {"reason": "New receiver.", "confirmed": "1"})

    assert Delivery.objects.get().event == "test"


def test_nothing_is_sent_to_one_that_is_switched_off(owner, endpoint):
    type(endpoint).objects.update(active=False, disabled_reason="For a test.")

    page = f"{ENDPOINTS}{endpoint.pk}/do/send_tests/"
    response = owner.post(page, {"reason": "New.", "confirmed": "1"}, follow=True)

    assert f"Switched off, and not sent to: {endpoint.url}." in text(response)
    assert not Delivery.objects.exists()


def test_the_log_of_a_delivery_and_sending_it_again(owner, endpoint, receiver):
    sent = send_test(endpoint_id=endpoint.pk)
    receiver.behave(410, body=b"<script>gone</script>")
    [parcel] = deliver.claim(limit=1)
    deliver.deliver(parcel)
    page = f"{DELIVERIES}{sent.pk}/change/"

    shown = text(owner.get(page))
    assert "410" in shown
    assert "&lt;script&gt;gone&lt;/script&gt;" in shown
    assert str(sent.pk) in text(owner.get(DELIVERIES, {"q": str(sent.pk)}))
    owner.post(f"{DELIVERIES}{sent.pk}/do/deliver_again/", {"reason": "Fixed.", "confirmed": "1"})

    sent.refresh_from_db()
    assert sent.status == "pending"


def test_the_body_is_for_those_who_may_read_answers(person, endpoint):
    sent = send_test(endpoint_id=endpoint.pk)
    client = person("view_delivery")
    page = f"{DELIVERIES}{sent.pk}/change/"
    assert "It works." not in text(client.get(page))

    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_jobpayload"))

    assert "It works." in text(client.get(page))
    assert (
        '<pre tabindex="0">' in client.get(page).content.decode()
    )  # by keyboard, where it scrolls


def test_who_only_looks_gets_no_buttons(person, endpoint):
    client = person("view_webhookendpoint", "view_delivery")

    shown = text(client.get(f"{ENDPOINTS}{endpoint.pk}/change/"))

    assert "/do/" not in shown
    for action in ("rotate", "send_tests"):
        assert client.get(f"{ENDPOINTS}{endpoint.pk}/do/{action}/").status_code == 403
