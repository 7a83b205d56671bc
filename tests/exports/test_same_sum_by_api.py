"""Whatever is asked of whatever books: the API of costs and that of usage say the ledger's sum,
page by page, over every dimension, to staff and to each service."""

from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from rest_framework.test import APIClient

from apps.core.money import pico_from_usd
from apps.finance.dimensions import DIMENSIONS
from apps.finance.explorer import explore
from apps.finance.query import LONGEST_OF_ENTRIES, Query
from apps.ledger.reports import Days
from apps.ledger.usage import DIMENSIONS as OF_USAGE
from tests.exports.conftest import person
from tests.factories import make_key, make_service
from tests.finance.test_costs_are_the_ledgers import ANY_QUESTION, value
from tests.ledger.books import booked, empty, post_all
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)
COSTS, USAGE = "/api/v1/manage/costs/", "/api/v1/manage/usage/"


@pytest.fixture
def staff(books):
    client = APIClient()
    client.force_login(person("finance"))
    return client


@pytest.fixture
def shop(books):
    return APIClient(headers={"authorization": f"Bearer {make_key(make_service('shop'))}"})


def pages(client, address, parameters):
    """Every row of all pages, and what the first says of the total."""
    answer = client.get(f"{address}?{urlencode(parameters)}")
    assert answer.status_code == 200, answer.content
    page = answer.json()
    rows, total = page["results"], page.get("total")
    while page["next"]:
        page = client.get(page["next"]).json()
        rows += page["results"]
    return rows, total


def cost(rows):
    return sum(pico_from_usd(row["cost_usd"]) for row in rows)


def by(rows, name):
    """What the rows of each value add up to."""
    found = Counter()
    for row in rows:
        found[row["group"][name]] += pico_from_usd(row["cost_usd"])
    return found


def of(entries, name, shown=value):
    found = Counter()
    for row in entries:
        found[shown(row, name)] += row["amount"]
    return found


def day_of(row, zone):
    return row["at"].astimezone(ZoneInfo(zone)).date()


def asked_as(query, **more):
    """As the API takes it, by two rows a page."""
    kept = [pair for pair in query.parameters if pair[0] not in ("compare", "metric")]
    return [*kept, ("page_size", 2), *more.items()]


@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(**ANY_QUESTION)
def test_one_sum(staff, shop, posted, tail, zone, asked_zone, first, length, group_by, chosen):
    empty()
    for row in posted:
        booked(**row)
    assert post_all(zone) == len(posted)
    for row in tail:
        booked(**row)
    named = tuple((name, tuple(sorted(chosen[name]))) for name in sorted(chosen))
    days = Days(first, first + timedelta(days=length), asked_zone)
    query = Query(days=days, group_by=tuple(group_by), filters=named)
    if query.reads_entries:
        last = min(days.last, first + timedelta(days=LONGEST_OF_ENTRIES - 1))
        days = Days(first, last, asked_zone)
        query = Query(days=days, group_by=tuple(group_by), filters=named)
    booked_then = [
        row for row in posted + tail if days.first <= day_of(row, asked_zone) <= days.last
    ]
    inside = [
        row
        for row in booked_then
        if all(value(row, name) in values for name, values in query.filters)
    ]
    ledger = sum(row["amount"] for row in inside)

    with override_settings(REPORTING_TIME_ZONE=asked_zone):
        rows, total = pages(staff, COSTS, asked_as(query))
        assert pico_from_usd(total["cost_usd"]) == cost(rows) == ledger
        assert ledger == explore(query=query).total.sums.amount_pico
        for name in query.group_by:
            assert by(rows, name) == of(inside, name)
        rows, total = pages(staff, COSTS, asked_as(query, grain="day"))
        assert pico_from_usd(total["cost_usd"]) == cost(rows) == ledger
        of_days = of(inside, "", lambda row, _: str(day_of(row, asked_zone)))
        assert by(rows, "day") == of_days
        only = {"from": days.first, "to": days.last, "page_size": 2}
        every_dimension(staff, only, booked_then)
        of_one_service(shop, only, booked_then)


def every_dimension(staff, only, entries):
    whole = sum(row["amount"] for row in entries)
    for name in DIMENSIONS:
        rows, total = pages(staff, COSTS, only | {"group_by": name})
        assert pico_from_usd(total["cost_usd"]) == cost(rows) == whole, name
        assert by(rows, name) == of(entries, name), name
    for name in OF_USAGE:
        rows, _ = pages(staff, USAGE, only | {"group_by": name})
        assert cost(rows) == whole, name
        assert by(rows, name) == of(entries, name, lambda row, name: row[name]), name
    for period in ("day", "month"):
        rows, _ = pages(staff, USAGE, only | {"group_by": "model", "period": period})
        assert cost(rows) == whole, period


def of_one_service(shop, only, entries):
    """A key sees its service, and nothing of the others."""
    own = sum(row["amount"] for row in entries if row["service"] == "shop")
    rows, total = pages(shop, "/api/v1/costs/", only | {"group_by": "model"})
    assert pico_from_usd(total["cost_usd"]) == cost(rows) == own
    rows, _ = pages(shop, "/api/v1/usage/", only | {"group_by": "team,model"})
    assert cost(rows) == own
    report = shop.get("/api/v1/usage/report", {"from": only["from"], "to": only["to"]}).json()
    assert pico_from_usd(report["total"]["cost_usd"]) == cost(report["models"]) == own
