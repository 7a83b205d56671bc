"""Somebody of finance, and entries in a few words."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from apps.ledger.models import Entry
from apps.ledger.reports import Days

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
AT = datetime(2026, 3, 5, tzinfo=UTC)
MARCH = Days(date(2026, 3, 1), date(2026, 3, 31), "UTC")
CALL = {"team": "t", "cost_center": "c", "provider": "p", "model": "m", "deployment": "d"}


def booked(service: str, at: datetime, amount: int, **values: Any) -> Entry:
    kind = values.pop("kind", "charge")
    made: Entry = Entry.objects.create(
        service=service, at=at, kind=kind, amount_pico=amount, request_id="r", **(CALL | values)
    )
    return made


def signed_in(client: Client, role: str) -> User:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return user


@pytest.fixture
def finance(client: Client, db: None) -> Client:
    signed_in(client, "finance")
    return client
