"""A month for those who bear it: the statements, the unattributed one among them, are the month."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.admin.cells import exact_money
from apps.exports import statements as statement_module
from apps.exports.statements import statement, statements
from apps.ledger.models import Period
from tests.exports.conftest import person
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)
MARCH = {"month": date(2026, 3, 1), "zone": "UTC"}
FEBRUARY = datetime(2026, 2, 27, 12, tzinfo=UTC)
PAGES = (
    "/admin/costs/statements/?month=2026-03",
    "/admin/costs/statements/one/?month=2026-03&name=web",
)


@pytest.fixture
def month(books):
    booked("shop", AT, 10**12, team="web", cost_center="c1", model="m1")
    booked("shop", AT, 5, team="web", cost_center="c2", model="m2")
    booked("crm", AT, 7, team="", cost_center="c1", model="m1")
    wrong = booked("shop", FEBRUARY, 9, team="web", cost_center="c1")
    values = {"reverses": wrong, "reason": "priced anew", "team": "web", "cost_center": "c1"}
    booked("shop", AT, -9, kind="reversal", **values)


@pytest.mark.parametrize("by", ["team", "cost_center"])
def test_they_add_up_to_the_month(month, by):
    lines, whole = statements(by=by, **MARCH)
    assert whole.amount_pico == 10**12 + 3
    assert sum(line.sums.amount_pico for line in lines) == whole.amount_pico
    each = [statement(by=by, name=line.keys[0], **MARCH) for line in lines]
    assert sum(one.total.amount_pico for one in each) == whole.amount_pico
    assert all(one.adds_up for one in each)
    assert lines[-1].keys == ("",)  # also where nothing is unattributed


def test_a_row_for_each_service_and_model_and_what_is_corrected(month):
    web = statement(by="team", name="web", **MARCH)
    assert [(line.keys, line.sums.amount_pico) for line in web.lines] == [
        (("shop", "m"), -9),
        (("shop", "m1"), 10**12),
        (("shop", "m2"), 5),
    ]
    (mended,) = web.corrections.rows
    assert (mended.day, mended.kind, mended.reason) == (FEBRUARY.date(), "Reversal", "priced anew")
    assert (mended.entries, mended.amount_pico) == (1, -9)
    assert mended.booked == MARCH["month"]
    assert statement(by="team", name="", **MARCH).corrections.rows == ()


def test_what_is_booked_later_about_the_month_is_named_and_not_in_it(month):
    february = statement(by="team", name="web", month=date(2026, 2, 1), zone="UTC")
    assert february.total.amount_pico == 9
    (since,) = february.later.rows
    assert (since.day, since.booked) == (FEBRUARY.date(), MARCH["month"])
    assert (since.kind, since.amount_pico) == ("Reversal", -9)
    assert statement(by="team", name="web", **MARCH).later.rows == ()
    assert statement(by="team", name="", month=date(2026, 2, 1), zone="UTC").later.rows == ()


def test_corrections_have_a_net_of_all_and_lead_to_the_total(month, monkeypatch):
    monkeypatch.setattr(statement_module, "MOST_CORRECTIONS", 1)
    wrong = booked("shop", FEBRUARY, 40, team="web", cost_center="c1")
    values = {"reverses": wrong, "reason": "counted twice", "team": "web", "cost_center": "c1"}
    booked("shop", AT, -40, kind="reversal", **values)

    found = statement(by="team", name="web", **MARCH)
    assert (len(found.corrections.rows), found.corrections.has_more) == (1, True)
    assert (found.corrections.count, found.corrections.entries) == (2, 2)
    assert found.corrections.net_pico == -49
    assert found.own_pico - 49 == found.total.amount_pico
    february = statement(by="team", name="web", month=date(2026, 2, 1), zone="UTC")
    assert (february.own_pico, february.later.net_pico, february.mended_pico) == (49, -49, 0)

    client = Client()
    client.force_login(person("finance"))
    page = client.get(PAGES[1]).content.decode()
    assert "Net of 2 rows" in page
    assert "-$0.000000000049" in page
    assert f"Days of this month: {exact_money(found.own_pico)}." in page


def test_the_pages_say_it_and_lead_to_files(month):
    client = Client()
    client.force_login(person("finance"))
    every, one = (client.get(page).content.decode() for page in PAGES)
    assert "Unattributed" in every
    assert "$1.000000000003" in every
    assert "name=web" in every
    assert "$0.999999999996" in one
    assert "2026-02-27" in one
    assert "priced anew" in one
    for page in (every, one):
        assert "Entries may still be dated into it" in page
    assert "/admin/costs.csv?from=2026-03-01&amp;to=2026-03-31" in every
    for form in ("csv", "xlsx"):
        assert f"statements/one.{form}?month=2026-03&amp;by=team&amp;name=web" in one
    question = (
        "from=2026-03-01&amp;to=2026-03-31&amp;group_by=service&amp;group_by=model&amp;team=web"
    )
    assert f"/admin/exports/export/ask/?{question}&amp;compare=none" in one
    page = client.get("/admin/costs/statements/one/?month=2026-03&name=(none)").content.decode()
    assert "$0.000000000007" in page


def test_a_closed_month_shows_its_seal(month):
    values = {"start": datetime(2026, 3, 1, tzinfo=UTC), "end": datetime(2026, 4, 1, tzinfo=UTC)}
    closed = {
        "status": "closed",
        "closed_by": person("auditor"),
        "closed_at": AT,
        "seal": "5f" * 32,
    }
    Period.objects.create(month=MARCH["month"], zone="UTC", **values, **closed)
    client = Client()
    client.force_login(person("finance"))
    for page in PAGES:
        assert "5f" * 32 in client.get(page).content.decode()


def test_wrong_questions_are_told_and_strangers_sent_away(books):
    client = Client()
    client.force_login(person("finance"))
    for query in ("month=2026-13", "month=x", "month=1066-01", "by=planet"):
        assert client.get(f"/admin/costs/statements/?{query}").status_code == 400
    assert client.get("/admin/costs/statements/one/?month=2020-01&name=nobody").status_code == 200
    stranger = Client()
    stranger.force_login(User.objects.create_user("nobody", is_staff=True))
    for page in PAGES:
        assert stranger.get(page).status_code == 403
        assert client.post(page).status_code == 405
