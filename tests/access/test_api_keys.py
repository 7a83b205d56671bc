"""A key opens the API until it is revoked, expired, or its service switched off."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.access.keys import authenticate, new_key
from apps.access.models import ApiKey
from apps.access.services import issue_key, revoke_key
from apps.access.snapshot import read_keys
from apps.access.types import AuthenticationFailed
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db
URL = "/api/v1/models/"
REFUSAL = "The API key is missing, unknown, revoked or expired."


def get(client, key):
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    return client.get(URL, headers=headers)


def test_a_fresh_key_is_let_in(client):
    assert get(client, make_key(make_service())).status_code == 200


def test_the_key_itself_is_stored_nowhere():
    key = make_key(make_service())
    secret = key.rpartition("_")[2]
    with connection.cursor() as cursor:
        for table in ("access_apikey", "access_apikeyevent"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            assert cursor.rowcount == 1
            assert not any(secret in row[0] for row in cursor.fetchall())


def test_the_history_keeps_no_hash():
    make_key(make_service())
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM access_apikeyevent")
        names = [column.name for column in cursor.description]
    assert "prefix" in names
    assert "key_hash" not in names


def bad_keys():
    service = make_service()
    good = make_key(service)
    revoked = make_key(service)
    revoke_key(key=ApiKey.objects.get(prefix=revoked[5:15]), now=timezone.now())
    drained = make_key(make_service(active=False))
    expired = make_key(service)
    ApiKey.objects.filter(prefix=expired[5:15]).update(
        created_at=timezone.now() - timedelta(days=2),
        expires_at=timezone.now() - timedelta(seconds=1),
    )
    return {
        "missing": None,
        "empty": "",
        "unknown": new_key()[0],
        "revoked": revoked,
        "expired": expired,
        "service switched off": drained,
        "wrong secret": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "other prefix": f"llmp_{new_key()[1]}{good[15:]}",
        "no key at all": "hello",
        "not ASCII": "llmp_é",
        "very long": "llmp_" + "a" * 5000,
        "a NUL": good + "\0",
    }


def test_every_bad_key_gets_one_and_the_same_answer(client):
    bodies = set()
    for name, key in bad_keys().items():
        response = get(client, key)
        assert response.status_code == 401, name
        assert response["WWW-Authenticate"].startswith("Bearer"), name
        body = response.json()
        assert body.pop("request_id") or True
        bodies.add(str(body))
    assert len(bodies) == 1
    assert REFUSAL in bodies.pop()


def test_the_gateways_snapshot_refuses_the_same_keys():
    keys = bad_keys()
    records = read_keys()
    for key in keys.values():
        with pytest.raises(AuthenticationFailed, match="missing, unknown, revoked or expired"):
            authenticate(key or "", records=records, now=timezone.now())


def test_the_caller_carries_its_dimensions():
    service = make_service("shop")
    key = make_key(service)

    caller = authenticate(key, records=read_keys(), now=timezone.now())

    assert (caller.service, caller.team, caller.cost_center, caller.tier.slug) == (
        "shop",
        "shop-team",
        "cc-100",
        "unlimited",
    )


def test_revoking_twice_keeps_the_first_time():
    row, _ = issue_key(service=make_service(), name="x")
    first = timezone.now()
    revoke_key(key=row, now=first)
    revoke_key(key=row, now=first + timedelta(hours=1))
    row.refresh_from_db()
    assert row.revoked_at == first


def test_a_key_cannot_be_issued_expired():
    with pytest.raises(ValidationError) as caught:
        issue_key(service=make_service(), name="", expires_at=timezone.now())
    assert set(caught.value.message_dict) == {"name", "expires_at"}
    assert ApiKey.objects.count() == 0


def test_the_database_refuses_an_expiry_before_the_beginning():
    row, _ = issue_key(service=make_service(), name="x")
    with pytest.raises(IntegrityError, match="expires_after"), transaction.atomic():
        ApiKey.objects.update(expires_at=row.created_at)
