"""Books that were really committed, exports that are really made, and people who ask for them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from apps.access.roles import sync_roles
from apps.exports.making import work_off
from apps.exports.models import Export
from apps.exports.selectors import bytes_of
from apps.exports.services import request_export
from apps.finance.query import Query
from apps.ledger.reports import Days
from tests.ledger.books import empty

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
MARCH = Query(days=Days(date(2026, 3, 1), date(2026, 3, 31), "UTC"))


def forget() -> None:
    """Files that were asked for; the trigger would keep who took them."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE exports_export, exports_chunk, exports_download")


@pytest.fixture
def books(transactional_db: None) -> Iterator[None]:
    """Empty, in a database whose other transactions see what is written."""
    sync_roles()
    empty()
    forget()
    yield
    empty()
    forget()


def person(role: str, name: str = "") -> User:
    user = User.objects.create_user(name or role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def exported(form: str, query: Query = MARCH, **maker: Any) -> Export:
    """As it stands after a worker had its turn."""
    made = request_export(query=query, form=form, now=NOW, **(maker or {"service": "shop"}))
    assert work_off() == 1
    made.refresh_from_db()
    return made


def content(export: Export) -> bytes:
    return b"".join(bytes_of(export))
