"""Lists stay bounded, explain themselves when empty, and keep records untouchable."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory

from apps.core.admin import ReadOnlyAdmin
from apps.core.admin import paginator as bounds
from apps.core.admin.paginator import BoundedPaginator

GROUPS = "/admin/auth/group/"


@pytest.fixture
def signed_in(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "COUNTED", 6)
    monkeypatch.setattr(bounds, "PAGES", 3)


def make_groups(count: int) -> None:
    """Exactly these groups: those of the roles make way."""
    Group.objects.all().delete()
    Group.objects.bulk_create(Group(name=f"group {n}") for n in range(count))


def test_counting_stops_one_row_above_the_bound(db: None, small_bounds: None) -> None:
    make_groups(9)
    paginator = BoundedPaginator(Group.objects.order_by("name"), per_page=2)
    assert (paginator.count, paginator.label) == (7, "6+")
    assert (paginator.num_pages, paginator.is_cut) == (3, True)


def test_a_short_list_is_counted_exactly(db: None, small_bounds: None) -> None:
    make_groups(6)
    paginator = BoundedPaginator(Group.objects.order_by("name"), per_page=2)
    assert (paginator.count, paginator.label) == (6, "6")
    assert (paginator.num_pages, paginator.is_cut) == (3, False)


def test_a_list_says_in_one_way_how_long_it_is(signed_in: Client, small_bounds: None) -> None:
    make_groups(9)
    page = signed_in.get(GROUPS, {"q": "group"}).content.decode()
    assert "6+ results" in page
    assert "6+ groups" in page
    assert "7 results" not in page


def test_a_page_beyond_the_last_leads_to_the_last(signed_in: Client) -> None:
    response = signed_in.get(GROUPS, {"p": "201", "q": "x"})
    assert response.status_code == 302
    assert response["Location"] == f"{GROUPS}?p=200&q=x"


def test_a_filter_with_a_zero_byte_is_told_and_left_out(signed_in: Client) -> None:
    page = signed_in.get("/admin/ledger/period/?status__exact=%00", follow=True)
    assert page.redirect_chain == [("/admin/ledger/period/", 302)]
    assert "A filter had a zero byte" in page.content.decode()


@pytest.mark.parametrize("days", ["999999999999", "9" * 5000, "²"])
@pytest.mark.parametrize("place", ["/admin/jobs/job/?created=", "/admin/ledger/entry/?time="])
def test_a_list_of_any_number_of_days_is_a_list(signed_in: Client, place: str, days: str) -> None:
    assert signed_in.get(place + days).status_code == 200


def test_an_empty_list_offers_the_first_step(signed_in: Client) -> None:
    make_groups(0)
    page = signed_in.get(GROUPS).content.decode()
    assert "There are no groups yet." in page
    assert f'<a class="l-button l-button--primary" href="{GROUPS}add/">Add group</a>' in page
    assert "result_list" not in page


def test_a_search_without_hits_offers_to_clear_it(signed_in: Client) -> None:
    make_groups(1)
    page = signed_in.get(GROUPS, {"q": "nothing like it"}).content.decode()
    assert "No groups match." in page
    assert "Clear search and filters" in page


def test_nobody_may_touch_a_read_only_record(admin_user: User) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    model_admin = ReadOnlyAdmin(Session, admin.site)
    assert model_admin.has_view_permission(request)
    assert not model_admin.has_add_permission(request)
    assert not model_admin.has_change_permission(request)
    assert not model_admin.has_delete_permission(request)
