"""Below every page of costs: whether it is right, since when that is known, as of when."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from apps.ledger.models import RollupCursor
from apps.ledger.verifying import verify_yesterday
from tests.finance.conftest import AT, booked
from tests.ledger.books import write, writers

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
    assert "06 Mar 2026 03:10 UTC</time>: all sums of 2026-03-05 are what its entries" in found
    assert "At most 0.0% is an estimate." in found

    RollupCursor.objects.update(differences=2)
    found = foot(finance, path)
    assert "tell an operator" in found
    assert "2 differences between the sums by day and the entries of 2026-03-05" in found


def test_calls_that_go_on_are_no_drift(transactional_db, finance):
    """Somebody books before each query of the page."""
    booked("shop", AT, 10**12)
    assert verify_yesterday(zone="UTC", now=NIGHT) == []
    with writers(1) as (writer,):

        def calls(execute, *arguments):
            write(writer, 10**12, AT)
            writer.commit()
            return execute(*arguments)

        for path in PAGES:
            with connection.execute_wrapper(calls):
                found = foot(finance, path)
            assert "Drift 0" in found, path
        statement = "/admin/costs/statements/one/?month=2026-03&name=t"
        for path in ("/admin/costs/statements/?month=2026-03", statement):
            with connection.execute_wrapper(calls):
                response = finance.get(path)
            context = response.context
            assert context.get("adds_up", context.get("statement") and context["statement"].adds_up)
