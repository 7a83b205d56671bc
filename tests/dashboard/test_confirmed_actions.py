"""A dangerous action asks first, needs a reason, and runs once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import clear_url_caches, path

from apps.core.admin import PlatformAdmin, confirmed_action
from llmplatform.admin_site import PlatformAdminSite

LIST = "/t/auth/group/"


class RenamingAdmin(PlatformAdmin):
    actions = ("rename",)
    object_actions = ("rename",)

    @confirmed_action(description="Rename", question="Rename these groups?", button="Rename")
    def rename(self, request: HttpRequest, queryset: QuerySet[Group], reason: str) -> str:
        return f"{queryset.update(name=reason)} renamed."


@pytest.fixture
def urls(settings: Any) -> Iterator[None]:
    class Urls:
        site = PlatformAdminSite()

    Urls.site.register(Group, RenamingAdmin)
    Urls.urlpatterns = [path("t/", Urls.site.urls)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = Urls
    clear_url_caches()
    yield
    clear_url_caches()


@pytest.fixture
def group(db: None) -> Group:
    return Group.objects.create(name="before")


@pytest.fixture
def signed_in(client: Client, admin_user: User, urls: None) -> Client:
    client.force_login(admin_user)
    return client


def chosen(group: Group, **values: str) -> dict[str, str]:
    return {"action": "rename", "_selected_action": str(group.pk), **values}


def name_of(group: Group) -> str:
    return Group.objects.get(pk=group.pk).name


def test_the_first_step_only_asks(signed_in: Client, group: Group) -> None:
    page = signed_in.post(LIST, chosen(group, index="0"))
    assert page.status_code == 200
    assert "Rename these groups?" in page.content.decode()
    assert name_of(group) == "before"


def test_without_a_reason_nothing_happens(signed_in: Client, group: Group) -> None:
    page = signed_in.post(LIST, chosen(group, confirmed="1", reason=" "))
    assert "This field is required." in page.content.decode()
    assert name_of(group) == "before"


def test_with_a_reason_it_runs_and_says_so(signed_in: Client, group: Group) -> None:
    page = signed_in.post(LIST, chosen(group, confirmed="1", reason="after"), follow=True)
    assert "1 renamed." in page.content.decode()
    assert name_of(group) == "after"


def test_an_object_page_has_the_button_and_runs_it(signed_in: Client, group: Group) -> None:
    url = f"{LIST}{group.pk}/do/rename/"
    assert url in signed_in.get(f"{LIST}{group.pk}/change/").content.decode()
    assert "Rename these groups?" in signed_in.get(url).content.decode()
    assert name_of(group) == "before"
    done = signed_in.post(url, {"confirmed": "1", "reason": "after"})
    assert done.headers["Location"] == f"{LIST}{group.pk}/change/"
    assert name_of(group) == "after"


def test_other_methods_are_no_actions(signed_in: Client, group: Group) -> None:
    assert signed_in.post(f"{LIST}{group.pk}/do/delete_model/").status_code == 404
    assert name_of(group) == "before"


def test_looking_is_not_enough_to_act(client: Client, group: Group, urls: None) -> None:
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_group"))
    client.force_login(bob)
    url = f"{LIST}{group.pk}/do/rename/"
    assert client.post(url, {"confirmed": "1", "reason": "after"}).status_code == 403
    assert "do/rename" not in client.get(f"{LIST}{group.pk}/change/").content.decode()
    assert name_of(group) == "before"
