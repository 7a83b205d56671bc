"""Below every page of costs: whether it is right, since when that is known, as of when."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection

from apps.ledger.posting import post_entries
from apps.ledger.verifying import verify_yesterday
from tests.finance.conftest import booked

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 6, 3, 10, tzinfo=UTC)
RANGE = "from=2026-03-01&to=2026-03-31"
PAGES = [
    f"/admin/{name}/?{RANGE}"
    for name in ("costs", "costs/why", "costs/anomalies", "costs/savings", "usage", "waste")
]


@pytest.fixture
def books(finance):
    booked("shop", datetime(2026, 3, 5, 12, tzinfo=UTC), 10**12)
    post_entries(zone="UTC")


def foot(client, path):
    text = client.get(path).content.decode()
    assert "Data as of" in text
    return " ".join(text.partition("Data as of")[0][-1500:].split())


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("path", PAGES)
def test_it_says_what_the_last_night_found(finance, path):
    assert "Not verified yet; that happens every night." in foot(finance, path)

    assert verify_yesterday(zone="UTC", now=NIGHT) == []
    found = foot(finance, path)
    assert "Drift 0" in found
    assert "06 Mar 2026 03:10</time>: all rollups of 2026-03-05 are what its entries" in found
    assert "At most 0.0% is an estimate." in found

    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_daycost SET amount_pico = amount_pico + 1")
    verify_yesterday(zone="UTC", now=NIGHT)
    found = foot(finance, path)
    assert "tell an operator" in found
    assert "differences between the rollups and the entries of 2026-03-05" in found


@pytest.mark.usefixtures("books")
def test_a_night_without_faults_ends_the_warning(finance):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_daycost SET amount_pico = amount_pico + 1")
    verify_yesterday(zone="UTC", now=NIGHT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_daycost SET amount_pico = amount_pico - 1")
    verify_yesterday(zone="UTC", now=NIGHT)

    checked = finance.get(PAGES[0]).context["checked"]
    assert checked.is_right
    assert checked.verified.day == date(2026, 3, 5)
