"""Keys in the admin: shown once, revoked with a reason."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone
from pghistory.models import Events

from apps.access.keys import authenticate
from apps.access.models import ApiKey
from apps.access.snapshot import read_keys
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db
LIST = reverse("admin:access_apikey_changelist")
ADD = reverse("admin:access_apikey_add")


@pytest.fixture
def developer(client):
    user = User.objects.create_user("dev", is_staff=True)
    user.groups.add(Group.objects.get(name="service-developer"))
    client.force_login(user)
    return user


def add(client, **values):
    form = {"service": make_service("shop").pk, "name": "checkout"} | values
    return client.post(ADD, form)


def test_a_new_key_is_shown_once_with_a_command_to_try(client, developer):
    response = add(client)

    text = response.content.decode()
    (key,) = set(re.findall(r"llmp_\w{10}_[\w-]{43}", text))
    assert f"Bearer {key}" in text
    assert "no-store" in response["Cache-Control"]
    assert authenticate(key, records=read_keys(), now=timezone.now()).service == "shop"
    change = reverse("admin:access_apikey_change", args=[ApiKey.objects.get().pk])
    for page in (LIST, change, reverse("admin:index")):
        assert key not in client.get(page).content.decode()


def test_faults_of_the_form_issue_nothing(client, developer):
    response = add(client, name="", expires_at_0="2020-01-01", expires_at_1="00:00")

    errors = response.context["adminform"].form.errors
    assert set(errors) == {"name", "expires_at"}
    assert ApiKey.objects.count() == 0


def test_only_the_name_of_a_key_can_be_changed(client, developer):
    make_key(make_service())
    before = ApiKey.objects.get()
    other = make_service()

    change = reverse("admin:access_apikey_change", args=[before.pk])
    form = {"name": "new", "service": other.pk, "prefix": "x", "key_hash": "x", "revoked_at_0": ""}
    assert client.post(change, form).status_code == 302

    after = ApiKey.objects.get()
    assert after.name == "new"
    assert (after.service, after.prefix, bytes(after.key_hash), after.revoked_at) == (
        before.service,
        before.prefix,
        bytes(before.key_hash),
        None,
    )


def revoke(client, **values):
    key = ApiKey.objects.get()
    form = {"action": "revoke", "_selected_action": [key.pk]} | values
    return client.post(LIST, form)


def test_revoking_asks_for_a_reason_first(client, developer):
    make_key(make_service())

    assert "l-confirm" in revoke(client).content.decode()
    assert "l-confirm" in revoke(client, confirmed="1", reason=" ").content.decode()

    assert ApiKey.objects.get().revoked_at is None


def test_a_revoked_key_is_refused_and_the_reason_kept(client, developer):
    key = make_key(make_service())

    revoke(client, confirmed="1", reason="it was in a log")

    assert ApiKey.objects.get().revoked_at is not None
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/models/", headers=headers).status_code == 401
    event = Events.objects.get(pgh_obj_model="access.ApiKey", pgh_label="update")
    assert event.pgh_context["reason"] == "it was in a log"
    assert event.pgh_context["user"] == developer.pk


def test_keys_are_not_deleted(admin_client):
    make_key(make_service())
    page = reverse("admin:access_apikey_delete", args=[ApiKey.objects.get().pk])
    assert admin_client.post(page, {"post": "yes"}).status_code == 403
    assert ApiKey.objects.count() == 1
