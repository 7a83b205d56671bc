"""The left navigation shows what exists and what the person may open, and nothing else."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest
from django.test import Client, RequestFactory

from apps.core.navigation import Entry, Group, sections

GROUPS = (
    Group("Home", (Entry("Dashboard", "dashboard", url_name="admin:index"),)),
    Group(
        "Access",
        (
            Entry("Users", "users", model="auth.user", key="u"),
            Entry("Groups", "groups", model="auth.group"),
            Entry("Unknown model", "users", model="nowhere.nothing"),
            Entry("Unregistered model", "users", model="sessions.session"),
            Entry("Unknown page", "users", url_name="admin:nowhere"),
        ),
    ),
    Group(
        "Guarded",
        (Entry("Secret", "keys", url_name="admin:jsi18n", permission="auth.view_permission"),),
    ),
)


def request_of(user: User | AnonymousUser, path: str = "/admin/") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = user
    return request


def labels(user: User) -> dict[str, list[str]]:
    shown = sections(site=admin.site, request=request_of(user), groups=GROUPS)
    return {section.label: [link.label for link in section.links] for section in shown}


def test_a_superuser_sees_every_entry_that_exists(admin_user: User) -> None:
    assert labels(admin_user) == {
        "Home": ["Dashboard"],
        "Access": ["Users", "Groups"],
        "Guarded": ["Secret"],
    }


def test_a_person_without_permissions_sees_only_open_pages(db: None) -> None:
    assert labels(User.objects.create_user("bob", is_staff=True)) == {"Home": ["Dashboard"]}


def test_a_view_permission_opens_its_model_and_no_other(db: None) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_group"))
    assert labels(user) == {"Home": ["Dashboard"], "Access": ["Groups"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("prod", "bad"),
        ("Production", "bad"),
        ("staging", "warn"),
        ("dev", "quiet"),
        ("qa", "quiet"),
    ],
)
def test_the_environment_stands_in_the_header(
    client: Client, admin_user: User, settings: Any, name: str, kind: str
) -> None:
    settings.ENVIRONMENT_NAME = name
    client.force_login(admin_user)
    page = client.get("/admin/password_change/").content.decode()
    assert f'l-pill--{kind} l-environment" title="Environment">{name}</span>' in page


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/admin/", ["Dashboard"]),
        ("/admin/auth/user/", ["Users"]),
        ("/admin/auth/user/3/change/", ["Users"]),
        ("/admin/password_change/", []),
    ],
)
def test_the_entry_that_holds_the_page_is_marked(
    admin_user: User, path: str, expected: list[str]
) -> None:
    shown = sections(site=admin.site, request=request_of(admin_user, path), groups=GROUPS)
    assert [x.label for section in shown for x in section.links if x.current] == expected
