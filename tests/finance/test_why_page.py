"""The page says what the ledger says, of whom it is asked, and adds up."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.finance.bridge import Effect
from apps.finance.query import Query
from apps.finance.why import why
from tests.factories import make_priced_deployment
from tests.finance.conftest import AT, MARCH, booked, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/admin/costs/why/?from=2026-03-01&to=2026-03-31"
FEBRUARY = datetime(2026, 2, 10, tzinfo=UTC)


@pytest.fixture
def books():
    """Shop moved to a dearer model, crm grew, and 5 were corrected for nobody in particular."""
    for _ in range(4):
        booked("shop", FEBRUARY, 1000, model="small", input_tokens=100, purpose="answer")
        booked("crm", FEBRUARY, 1000, model="small", input_tokens=100, purpose="answer")
    for _ in range(4):
        booked("shop", AT, 3000, model="large", input_tokens=100, purpose="answer")
    for _ in range(6):
        booked("crm", AT, 1000, model="small", input_tokens=100, purpose="answer")
    booked("", AT, -5, kind="correction", model="", prompt="")


def effects(found):
    return {step.effect: step.amount for step in found.bridge.steps if step.amount}


def test_the_whole_and_each_contributor_add_up(books):
    found = why(query=Query(days=MARCH))

    assert (found.bridge.before, found.bridge.after) == (8000, 17_995)
    assert sum(effects(found).values()) == 9995
    assert effects(found) == {Effect.VOLUME: 2000, Effect.MIX: 8000, Effect.OTHER: -5}
    assert found.shift == "p/large from 0.0% to 40.0% of the requests"
    by_name = {one.label: one for one in found.contributors}
    assert {name: one.bridge.change for name, one in by_name.items()} == {
        "shop": 8000,
        "crm": 2000,
        "(none)": -5,
    }
    assert (by_name["shop"].cause, by_name["crm"].cause) == ("Model mix", "Volume")


def test_longer_answers_are_output_and_no_price(finance):
    """Three times as long, at the price list's prices; a dearer list afterwards is price."""
    deployment = make_priced_deployment(input_pico=10, output_pico=80)
    of = {"provider": deployment.provider.slug, "model": deployment.model.slug}
    of |= {"input_tokens": 100, "purpose": "answer"}
    booked("shop", FEBRUARY, 100 * 10 + 50 * 80, output_tokens=50, **of)
    booked("shop", AT, 100 * 10 + 150 * 80, output_tokens=150, **of)
    found = why(query=Query(days=MARCH))
    assert effects(found) == {Effect.OUTPUT: 8000}
    assert [(one.label, one.cause) for one in found.contributors] == [("shop", "Output tokens")]
    assert found.unlisted == []

    booked("shop", AT, 2 * (100 * 10 + 150 * 80), output_tokens=150, **of)
    found = effects(why(query=Query(days=MARCH)))
    assert found == {Effect.VOLUME: 5000, Effect.OUTPUT: 16_000, Effect.PRICE: 13_000}


def test_filters_and_dimensions_are_the_explorers(books):
    found = why(query=Query(days=MARCH, group_by=("model",), filters=(("service", ("crm",)),)))
    assert (found.bridge.before, found.bridge.after) == (4000, 6000)
    assert [one.label for one in found.contributors] == ["small"]


def test_the_page_shows_it(books, finance):
    page = finance.get(f"{PAGE}&group_by=service,model&compare=none")
    text = page.content.decode()
    assert page.status_code == 200
    assert "$0.000000002" in text  # the volume's
    assert "p/large from 0.0% to 40.0%" in text
    assert "Drift 0" in text
    for _, address in page.context["contributors"]:
        assert finance.get(f"/admin/costs/why/?{address}").status_code == 200


def test_increases_have_a_sign_and_amounts_of_a_column_two_decimals(finance):
    booked("shop", FEBRUARY, 3 * 10**12)
    booked("shop", AT, 34 * 10**11)
    text = re.sub("<[^>]+>", "", finance.get(PAGE).content.decode())
    assert "+$0.40" in text
    assert "$0.400000" not in text


def test_what_names_no_model_is_named_by_who_billed_it(finance):
    booked("shop", AT, 10**12, provider="northern", model="")
    text = finance.get(PAGE).content.decode()
    assert "northern (no model)." in text
    assert "northern/" not in text


def test_without_anything_booked_it_says_so(finance):
    assert "Nothing was booked in either period" in finance.get(PAGE).content.decode()


def test_its_queries_do_not_grow(books, finance, django_assert_max_num_queries):
    for number in range(30):
        booked(f"s{number}", AT, 1, input_tokens=1)
    with django_assert_max_num_queries(25):
        page = finance.get(PAGE)
    assert page.context["rest"]["count"] == 13


def test_who_may_see_it(client, finance):
    auditor = Client()
    signed_in(auditor, "auditor")
    assert auditor.get(PAGE).status_code == 200
    other = Client()
    other.force_login(User.objects.create_user("other", is_staff=True))
    assert other.get(PAGE).status_code == 403
    assert finance.post(PAGE).status_code == 405
    assert finance.get("/admin/costs/why/?from=soon").status_code == 400
