"""A question with a name is asked again by whom it is for, and kept by whose it is."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pghistory.models import Events

from apps.finance.models import SavedView
from tests.finance.conftest import signed_in

pytestmark = pytest.mark.django_db
SAVE = "/admin/costs/save/"
QUESTION = {"address": "range=last-month&group_by=model&service=shop&compare=year"}
LIST = "/admin/finance/savedview/"


def save(client, name, **values):
    return client.post(SAVE, QUESTION | {"name": name} | values, follow=True)


def said(page):
    return [str(message) for message in page.context["messages"]]


def test_it_asks_the_same_again(finance):
    page = save(finance, " Shop by model ")

    assert said(page) == ["Saved as “Shop by model”."]
    view = SavedView.objects.get()
    assert (view.name, view.is_shared, view.owner.username) == ("Shop by model", False, "finance")
    assert view.address == "range=last-month&group_by=model&service=shop&compare=year"
    shown = finance.get(f"/admin/costs/?{view.address}")
    assert (shown.status_code, shown.context["query"].address) == (200, view.address)
    assert shown.context["views"] == [view]


def test_twice_is_once_and_another_of_the_name_is_refused(finance):
    save(finance, "Mine")
    assert said(save(finance, "Mine")) == ["Saved as “Mine”."]
    page = save(finance, "Mine", address="range=7d&group_by=team")
    assert said(page) == [
        "Not saved. You have a view “Mine” already; take another name, or delete that one."
    ]
    assert [view.address for view in SavedView.objects.all()] == [QUESTION["address"]]


@pytest.mark.parametrize("name", ["", " ", "\0", "x" * 81])
def test_a_name_is_needed(finance, name):
    (text,) = said(save(finance, name))
    assert text.startswith("Not saved. ")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "address", ["range=5d", "modle=m", "&".join(f"service={'x' * 140}{n}" for n in range(90))]
)
def test_what_has_no_answer_is_not_kept(finance, address):
    (text,) = said(save(finance, "Mine", address=address))
    assert text.startswith("Not saved. ")
    assert not SavedView.objects.exists()


def test_others_see_what_is_shared_and_change_nothing(finance):
    save(finance, "Private")
    save(finance, "Shared", is_shared="on")
    shared, private = (SavedView.objects.get(name=name) for name in ("Shared", "Private"))
    other = Client()
    signed_in(other, "operator")

    assert other.get("/admin/costs/").context["views"] == [shared]
    assert list(other.get(LIST).context["cl"].result_list) == [shared]
    assert other.get(f"{LIST}{shared.pk}/change/").status_code == 200
    assert other.post(f"{LIST}{shared.pk}/change/", {"name": "Theirs"}).status_code == 403
    assert other.post(f"{LIST}{shared.pk}/delete/", {"post": "yes"}).status_code == 403
    assert other.get(f"{LIST}{private.pk}/change/").status_code == 302
    assert save(other, "Shared").status_code == 200  # names are each person's own
    assert SavedView.objects.filter(name="Shared").count() == 2


def test_its_owner_renames_shares_and_deletes(finance):
    save(finance, "Mine")
    view = SavedView.objects.get()
    finance.post(f"{LIST}{view.pk}/change/", {"name": "Ours", "is_shared": "on"})
    view.refresh_from_db()
    assert (view.name, view.is_shared, view.address) == ("Ours", True, QUESTION["address"])
    finance.post(f"{LIST}{view.pk}/delete/", {"post": "yes"})
    assert not SavedView.objects.exists()
    events = Events.objects.filter(pgh_model="finance.SavedViewEvent")
    assert sorted(events.values_list("pgh_label", flat=True)) == ["delete", "insert", "update"]


def test_an_auditor_looks_and_saves_nothing(client, finance):
    save(finance, "Shared", is_shared="on")
    auditor = Client()
    signed_in(auditor, "auditor")
    page = auditor.get("/admin/costs/")
    assert [view.name for view in page.context["views"]] == ["Shared"]
    assert "Save this question as" not in page.content.decode()
    assert auditor.post(SAVE, QUESTION | {"name": "x"}).status_code == 403
    assert SavedView.objects.count() == 1
    nobody = Client()
    nobody.force_login(User.objects.create_user("nobody", is_staff=True))
    assert nobody.post(SAVE, QUESTION | {"name": "x"}).status_code == 403
    assert finance.get(SAVE).status_code == 405
