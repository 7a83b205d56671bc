"""The command palette finds pages first, then objects by prefix, within permissions."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from apps.core.palette import ROWS, ROWS_PER_MODEL


def rows(client: Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/admin/palette/", {"q": query}).json()["rows"]
    return found


@pytest.fixture
def signed_in(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


def test_an_empty_query_lists_the_pages(signed_in: Client) -> None:
    found = rows(signed_in, "")
    assert found[0] == {"label": "Dashboard", "kind": "Operate", "url": "/admin/"}
    assert {"label": "Users", "kind": "Access", "url": "/admin/auth/user/"} in found


def test_pages_stand_before_objects(signed_in: Client) -> None:
    group = Group.objects.create(name="users of the shop")
    assert [row["url"] for row in rows(signed_in, "users")] == [
        "/admin/auth/user/",
        f"/admin/auth/group/{group.pk}/change/",
    ]


def test_only_prefixes_match(signed_in: Client) -> None:
    Group.objects.create(name="night shift")
    assert [row["label"] for row in rows(signed_in, "night")] == ["night shift"]
    assert rows(signed_in, "shift") == []


def test_each_model_gives_at_most_five_rows(signed_in: Client) -> None:
    Group.objects.bulk_create(Group(name=f"zeta {n}") for n in range(ROWS_PER_MODEL + 1))
    assert len(rows(signed_in, "zeta")) == ROWS_PER_MODEL


def test_the_answer_is_bounded(signed_in: Client) -> None:
    assert len(rows(signed_in, "")) <= ROWS
    assert rows(signed_in, "x" * 100_000) == []
    assert rows(signed_in, "a\0b") == []


def test_what_one_may_not_see_is_not_found(client: Client, db: None) -> None:
    Group.objects.create(name="secret group")
    bob = User.objects.create_user("bob", is_staff=True)
    client.force_login(bob)
    assert rows(client, "secret") == []
    bob.user_permissions.add(Permission.objects.get(codename="view_group"))
    assert [row["label"] for row in rows(client, "secret")] == ["secret group"]


def test_strangers_are_sent_to_the_login(client: Client, db: None) -> None:
    assert client.get("/admin/palette/?q=a").status_code == 302
