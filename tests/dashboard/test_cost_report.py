"""The cost page shows what the ledger holds, to the last digit, in days of the reporting zone."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.core.csv_lines import FORMULA_STARTS
from apps.dashboard.costs import cost_csv, cost_report
from apps.dashboard.periods import BadPeriod, days_of, presets
from apps.ledger.models import Attempt, AttemptStatus, Entry
from apps.ledger.reports import Days, p95_latencies, spend_by_day, total_spent
from tests.factories import make_service

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
MARCH = Days(date(2026, 3, 1), date(2026, 3, 31), "UTC")
CALL = {"team": "t", "cost_center": "c", "provider": "p", "model": "m", "deployment": "d"}


def booked(service: str, at: datetime, amount: int, **values: Any) -> Entry:
    kind = values.pop("kind", "charge")
    made: Entry = Entry.objects.create(
        service=service, at=at, kind=kind, amount_pico=amount, request_id="r", **(CALL | values)
    )
    return made


def tried(at: datetime, milliseconds: int, status: str = AttemptStatus.SUCCEEDED) -> None:
    ended = at.replace(microsecond=milliseconds * 1000)
    Attempt.objects.create(
        service="shop", started_at=at, ended_at=ended, status=status, number=1, **CALL
    )


@pytest.fixture
def finance(client: Client, db: None) -> Client:
    user = User.objects.create_user("fin", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    client.force_login(user)
    return client


def test_groups_and_total_are_exact(db: None) -> None:
    at = datetime(2026, 3, 5, tzinfo=UTC)
    booked("shop", at, 1, input_tokens=10, output_tokens=2)
    booked("shop", at, 10**18 + 7, input_tokens=5)
    booked("crm", at, 5)

    report = cost_report(days=MARCH, dimension="service")

    assert [(row.label, row.spend.amount_pico) for row in report.rows] == [
        ("shop", 10**18 + 8),
        ("crm", 5),
    ]
    assert report.total.amount_pico == 10**18 + 13 == total_spent(days=MARCH)
    assert report.rows[0].amount == ("1,000,000.00", "0000000008")
    assert (report.total.input_tokens, report.total.output_tokens) == (15, 2)
    assert report.drift == 0


def test_a_cache_hit_is_a_call_that_saved_something(db: None) -> None:
    at = datetime(2026, 3, 5, tzinfo=UTC)
    booked("shop", at, 9)
    booked("shop", at, 0, kind="cache_hit", avoided_pico=9)
    spend = cost_report(days=MARCH, dimension="service").total
    assert (spend.calls, spend.cached, spend.amount_pico, spend.avoided_pico) == (2, 1, 9, 9)


def test_a_correction_changes_the_cost_and_not_the_calls(db: None) -> None:
    at = datetime(2026, 3, 5, tzinfo=UTC)
    wrong = booked("shop", at, 9, input_tokens=4)
    booked("shop", at, -9, kind="reversal", reverses=wrong, input_tokens=-4)
    booked("shop", at, 3, kind="correction", input_tokens=4)
    spend = cost_report(days=MARCH, dimension="service").total
    assert (spend.calls, spend.amount_pico, spend.input_tokens) == (1, 3, 4)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", {28: 1, 29: 2}), ("Europe/Berlin", {29: 3}), ("America/New_York", {28: 1, 29: 2})],
)
def test_days_are_days_of_the_zone(db: None, zone: str, expected: dict[int, int]) -> None:
    booked("shop", datetime(2026, 3, 28, 23, 30, tzinfo=UTC), 1)
    booked("shop", datetime(2026, 3, 29, 21, 30, tzinfo=UTC), 2)
    days = Days(date(2026, 3, 1), date(2026, 3, 31), zone)
    found = {
        row.day.day: row.spend.amount_pico for row in spend_by_day(days=days, dimension="team")
    }
    assert found == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_the_days_add_up_to_the_range_across_clock_changes(db: None, zone: str) -> None:
    for month, day in ((3, 28), (3, 29), (10, 24), (10, 25)):
        for hour in range(24):
            booked("shop", datetime(2026, month, day, hour, 30, tzinfo=UTC), 3**hour)
    days = Days(date(2026, 3, 27), date(2026, 10, 27), zone)
    single = [total_spent(days=Days(day, day, zone)) for day in days.all]
    assert sum(single) == total_spent(days=days) == 4 * sum(3**hour for hour in range(24))
    by_day = spend_by_day(days=days, dimension="service")
    assert [row.spend.amount_pico for row in by_day] == [amount for amount in single if amount]


def test_the_period_before_is_as_long_and_adjacent(db: None) -> None:
    booked("shop", datetime(2026, 2, 28, tzinfo=UTC), 4)
    booked("shop", datetime(2026, 3, 31, 23, 59, tzinfo=UTC), 6)
    report = cost_report(days=MARCH, dimension="service")
    assert (report.total.amount_pico, report.total_before) == (6, 4)
    assert (report.change.text, report.change.judgement) == ("▲ 50.0%", "worse")
    assert MARCH.before == Days(date(2026, 1, 29), date(2026, 2, 28), "UTC")


def test_the_eighth_group_and_the_rest_share_a_layer(db: None) -> None:
    for n in range(9):
        booked(f"s{n}", datetime(2026, 3, 5, tzinfo=UTC), 100 - n)
    series = cost_report(days=MARCH, dimension="service").series
    assert [s.name for s in series] == [*(f"s{n}" for n in range(7)), "other"]
    assert sum(series[-1].values) == 93 + 92


def test_calls_without_a_prompt_stay_visible(db: None) -> None:
    booked("shop", datetime(2026, 3, 5, tzinfo=UTC), 3)
    assert [r.label for r in cost_report(days=MARCH, dimension="prompt").rows] == ["(none)"]


def test_percentiles_count_successes_only(db: None) -> None:
    at = datetime(2026, 3, 5, tzinfo=UTC)
    for milliseconds in range(1, 102):
        tried(at, milliseconds)
    tried(at, 900, AttemptStatus.FAILED)
    (p95,) = p95_latencies(ranges=[MARCH])
    assert p95 is not None
    assert p95.total_seconds() == pytest.approx(0.096)


class TestPage:
    def test_it_shows_the_rows_and_links_to_them(self, finance: Client) -> None:
        booked("shop", datetime(2026, 3, 5, tzinfo=UTC), 1_234_567, prompt="reply")
        page = finance.get("/admin/costs/?from=2026-03-01&to=2026-03-31&group=prompt")
        text = page.content.decode()
        assert page.status_code == 200
        assert "reply" in text
        assert '<strong>0.00</strong><span class="l-digits">0001234567</span>' in text
        assert "Drift 0" in text

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
    @pytest.mark.parametrize("dimension", ["service", "model", "prompt", "cost_center"])
    def test_each_row_leads_to_exactly_its_entries(
        self, finance: Client, settings: Any, zone: str, dimension: str
    ) -> None:
        settings.REPORTING_TIME_ZONE = zone
        make_service("shop")
        make_service("crm")
        for hour in (17, 18, 19):  # midnight of Kathmandu is 18:15 UTC
            booked("shop", datetime(2026, 2, 28, hour, 30, tzinfo=UTC), 1)
            booked("crm", datetime(2026, 3, 31, hour, 30, tzinfo=UTC), 1, prompt="reply")
        page = finance.get(f"/admin/costs/?from=2026-03-01&to=2026-03-31&group={dimension}")
        rows = page.context["report"].rows
        found = [finance.get(row.ledger_url).context["cl"].result_count for row in rows]
        assert found == [row.spend.calls for row in rows]
        assert sum(found) == 3

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("from=yesterday", "no date"),
            ("from=2026-03-02&to=2026-03-01", "lies after"),
            ("from=2020-01-01&to=2026-03-01", "At most 366 days"),
            ("from=9999-12-31&to=9999-12-31", "outside the years"),
            ("to=%00", "no date"),
        ],
    )
    def test_a_wrong_period_is_explained(self, finance: Client, query: str, error: str) -> None:
        page = finance.get(f"/admin/costs/?{query}")
        assert page.status_code == 400
        assert error in page.content.decode()
        assert finance.get(f"/admin/costs.csv?{query}").status_code == 400

    def test_an_unknown_group_falls_back_to_services(self, finance: Client) -> None:
        assert finance.get("/admin/costs/?group=id;drop").status_code == 200

    def test_it_needs_the_right_to_see_the_ledger(self, client: Client, db: None) -> None:
        client.force_login(User.objects.create_user("bob", is_staff=True))
        for path in ("/admin/costs/", "/admin/costs.csv"):
            assert client.get(path).status_code == 403
        assert "/admin/costs/" not in client.get("/admin/").content.decode()

    def test_its_queries_do_not_grow_with_the_groups(
        self, finance: Client, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for n in range(30):
            booked(f"s{n}", datetime(2026, 3, 5, tzinfo=UTC), n)
        with django_assert_max_num_queries(8):
            finance.get("/admin/costs/?from=2026-03-01&to=2026-03-31")


def lines(days: Days) -> list[list[str]]:
    text: Iterator[str] = cost_csv(days=days, dimension="service", now=NOW)
    return list(csv.reader(text))


def test_the_file_says_what_it_is_and_adds_up(db: None) -> None:
    booked("shop", datetime(2026, 3, 5, tzinfo=UTC), 10**12 + 1, input_tokens=3)
    booked("shop", datetime(2026, 3, 6, tzinfo=UTC), 2, input_tokens=4)

    about, generated, head, *rows, total = lines(MARCH)

    assert about == ["cost report", "2026-03-01 to 2026-03-31", "days in UTC", "USD"]
    assert generated == ["generated", "2026-03-29T12:00:00+00:00"]
    assert head[:2] == ["day", "service"]
    cost = head.index("cost_usd")
    assert [row[cost] for row in rows] == ["1.000000000001", "0.000000000002"]
    assert sum(Decimal(row[cost]) for row in rows) == Decimal(total[cost])


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_the_file_defuses_formulas(db: None, start: str) -> None:
    booked(f"{start}cmd()", datetime(2026, 3, 5, tzinfo=UTC), -5, kind="correction")
    row = lines(MARCH)[3]
    assert row[1] == f"'{start}cmd()"
    assert "-0.000000000005" in row


def test_without_dates_it_is_the_last_thirty_days() -> None:
    days = days_of(query={}, now=NOW, zone="Pacific/Auckland")
    assert (days.first, days.last) == (date(2026, 3, 1), date(2026, 3, 30))


def test_presets_end_today_or_with_a_month() -> None:
    found = {preset.label: preset.days for preset in presets(now=NOW, zone="UTC")}
    assert found["This month"] == Days(date(2026, 3, 1), date(2026, 3, 29), "UTC")
    assert found["Last month"] == Days(date(2026, 2, 1), date(2026, 2, 28), "UTC")
    assert found["7 days"].count == 7


def test_a_year_is_the_longest_period() -> None:
    query = {"from": "2025-01-01", "to": "2026-01-01"}
    assert days_of(query=query, now=NOW, zone="UTC").count == 366
    with pytest.raises(BadPeriod):
        days_of(query=query | {"to": "2026-01-02"}, now=NOW, zone="UTC")
