"""The explorer shows what the ledger holds, to the last digit, and leads down to its lines."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.csv_lines import FORMULA_STARTS
from apps.finance.drawing import series_of
from apps.finance.explorer import bar_keys, explore
from apps.finance.export import periods_csv, table_csv
from apps.finance.query import Query
from apps.finance.selectors import check, cost_rows
from apps.finance.table import in_order
from apps.ledger.reports import Days
from tests.factories import make_deployment, make_price, make_service
from tests.finance.conftest import AT, MARCH, NOW, booked, signed_in

HALF = timedelta(minutes=30)
PAGE = "/admin/costs/?from=2026-03-01&to=2026-03-31"


def shown(**values: Any) -> Any:
    return explore(query=Query(days=MARCH, **values))


def named(found: Any) -> dict[str, Any]:
    return {" · ".join(group.labels): group for group in found.groups}


def test_groups_and_total_are_exact(db: None) -> None:
    booked("shop", AT, 1, input_tokens=10, output_tokens=2)
    booked("shop", AT, 10**18 + 7, input_tokens=5)
    booked("crm", AT, 5)

    found = shown()

    assert [(g.labels[0], g.sums.amount_pico) for g in in_order(found, "-cost")] == [
        ("shop", 10**18 + 8),
        ("crm", 5),
        ("(none)", 0),
    ]
    assert found.total.sums.amount_pico == 10**18 + 13
    assert (found.total.sums.input_tokens, found.total.sums.output_tokens) == (15, 2)
    assert check(query=found.query, found=found.total.sums).is_right


def test_two_dimensions_add_up_to_the_same(db: None) -> None:
    booked("shop", AT, 10, model="m1")
    booked("shop", AT, 20, model="m2")
    booked("crm", AT, 40, model="m1")
    found = named(shown(group_by=("service", "model")))
    assert {name: group.sums.amount_pico for name, group in found.items()} == {
        "shop · m1": 10,
        "shop · m2": 20,
        "crm · m1": 40,
        "(none) · (none)": 0,
    }


def test_a_cache_hit_is_a_call_that_saved_something(db: None) -> None:
    booked("shop", AT, 9)
    booked("shop", AT, 0, kind="cache_hit", avoided_pico=9, input_tokens=100)
    sums = shown().total.sums
    assert (sums.calls, sums.hits, sums.amount_pico, sums.avoided_pico) == (2, 1, 9, 9)
    assert sums.input_tokens == 0  # they were not sent


def test_a_correction_changes_the_cost_and_not_the_calls(db: None) -> None:
    wrong = booked("shop", AT, 9, input_tokens=4)
    booked("shop", AT, -9, kind="reversal", reverses=wrong, input_tokens=-4)
    booked("shop", AT, 3, kind="correction", input_tokens=4)
    sums = shown().total.sums
    assert (sums.calls, sums.amount_pico, sums.input_tokens) == (1, 3, 4)


def test_an_answer_costs_what_its_failures_cost_too(db: None) -> None:
    booked("shop", AT, 100, purpose="answer", input_tokens=400, output_tokens=100)
    booked("shop", AT, 50, purpose="failed")
    total = shown().total
    assert (total.per_call, total.per_answer, total.per_1000_tokens) == (75, 150, 300)
    assert total.sums.wasted_pico == 50
    nothing = named(shown())["(none)"]
    assert (nothing.per_call, nothing.per_answer, nothing.per_1000_tokens) == (None, None, None)


def test_the_comparison_has_groups_of_either_side(db: None) -> None:
    booked("old", datetime(2026, 2, 28, tzinfo=UTC), 4)
    booked("shop", datetime(2026, 3, 31, 23, 59, tzinfo=UTC), 6)
    found = shown()
    groups = named(found)
    assert (groups["old"].change_pico, groups["shop"].change_pico) == (-4, 6)
    assert (found.total.change.text, found.total.change.judgement) == ("▲ 50.0%", "worse")
    assert found.largest_mover is groups["shop"]
    assert shown(compare="none").total.before is None
    booked("shop", datetime(2025, 3, 31, tzinfo=UTC), 3)
    assert shown(compare="year").total.before.amount_pico == 3


def test_a_bar_leads_to_its_day_or_month_alone(finance: Client) -> None:
    booked("shop", AT, 10**12)
    booked("shop", AT + timedelta(days=1), 10**12)
    days = finance.get("/admin/costs/?from=2026-03-01&to=2026-03-31&service=shop").content.decode()
    assert days.count('aria-label="5 Mar: $1.00"') == 1
    only = "?from=2026-03-05&amp;to=2026-03-05&amp;group_by=service&amp;service=shop"
    assert f'<a href="{only}" aria-label="5 Mar' in days
    booked("shop", AT + timedelta(hours=3), 10**12)
    hours = finance.get("/admin/costs/" + only.replace("&amp;", "&"))
    assert hours.context["query"].period == "hour"
    links = re.findall(r'"(/admin/ledger/entry/[^"]*)" aria-label="(.*?)"', hours.content.decode())
    bars = [(unescape(url), said) for url, said in links if not said.startswith("Lines")]
    counts = [finance.get(url).context["cl"].result_count for url, _ in bars]
    assert counts == [1, 1]
    months = finance.get("/admin/costs/?from=2026-01-10&to=2026-03-07&grain=month").content.decode()
    assert '<a href="?from=2026-03-01&amp;to=2026-03-07&amp;group_by=service"' in months


def test_the_unattributed_are_never_among_the_others(db: None) -> None:
    for n in range(9):
        booked(f"s{n}", AT, 100 - n, prompt=f"p{n}")
    booked("shop", AT, 1)
    series = series_of(shown(group_by=("prompt",)))
    assert [s.name for s in series] == [*(f"p{n}" for n in range(6)), "(none)", "other"]
    assert sum(series[-1].values) == 94 + 93 + 92
    assert shown(group_by=("prompt",)).unattributed.amount_pico == 1


class TestPage:
    def test_it_shows_the_rows(self, finance: Client) -> None:
        booked("shop", AT, 1_234_567, prompt="reply")
        page = finance.get(f"{PAGE}&group=prompt")
        text = page.content.decode()
        assert page.status_code == 200
        assert '<strong>0.00</strong><span class="l-digits">0001234567</span>' in text
        assert "Drift 0" in text
        assert "At most 0.0% is an estimate" in text

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
    @pytest.mark.parametrize(
        "group_by",
        ["service", "model", "prompt", "cost_center", "prompt_version", "purpose", "channel"],
    )
    def test_each_row_leads_to_exactly_its_entries(
        self, finance: Client, settings: Any, zone: str, group_by: str
    ) -> None:
        settings.REPORTING_TIME_ZONE = zone
        make_service("shop")
        make_service("crm")
        for hour in (17, 18, 19):  # midnight of Kathmandu is 18:15 UTC
            booked("shop", datetime(2026, 2, 28, hour, 30, tzinfo=UTC), 1)
            booked(
                "crm",
                datetime(2026, 3, 31, hour, 30, tzinfo=UTC),
                1,
                prompt="reply",
                prompt_version=2,
                purpose="retry",
                channel="staging",
            )
        page = finance.get(f"{PAGE}&group_by={group_by}&group_by=team")
        groups = {group.labels: group for group in page.context["exploration"].groups}
        assert sum(group.sums.calls for group in groups.values()) == 3
        for lead, _ in page.context["rows"]:
            lines = finance.get(lead["ledger_url"]).context["cl"].result_count
            assert lines == groups[lead["labels"]].sums.calls

    def test_a_row_leads_deeper_until_the_ledger(self, finance: Client) -> None:
        booked("shop", AT, 7, prompt="reply", prompt_version=3, arm="tone/warm")
        address, groups = "?from=2026-03-01&to=2026-03-31&group_by=cost_center", []
        while address.startswith("?"):
            page = finance.get(f"/admin/costs/{address}")
            query = page.context["query"]
            groups.append(query.group_by[0])
            assert page.context["exploration"].total.sums.amount_pico == 7
            address = page.context["rows"][0][0]["url"]
        assert groups == [
            "cost_center", "team", "service", "prompt", "prompt_version", "arm", "model",
            "deployment",
        ]  # fmt: skip
        assert finance.get(address).context["cl"].result_count == 1

    def test_it_sorts_by_each_column(self, finance: Client) -> None:
        booked("a", AT, 1)
        booked("a", AT, 1)
        booked("b", AT, 5)

        def first(sort: str) -> str:
            page = finance.get(f"{PAGE}&sort={sort}")
            found: str = page.context["rows"][0][0]["labels"][0]
            return found

        assert (first("-cost"), first("-calls"), first("-group")) == ("b", "a", "b")
        assert (first("-per_call"), first("x"), first("-share")) == ("b", "b", "b")
        heads = finance.get(f"{PAGE}&sort=-cost").context["heads"]
        assert all(finance.get(f"/admin/costs/{head['url']}").status_code == 200 for head in heads)
        assert [head["direction"] for head in heads].count("descending") == 1

    def test_many_groups_are_one_row_at_the_end(self, finance: Client) -> None:
        for n in range(205):
            booked(f"s{n:03}", AT, 1000 - n)
        page = finance.get(PAGE)
        assert len(page.context["rows"]) == 100
        assert [label for label, _ in page.context["rest"]] == ["106 more"]

    def test_savings_of_providers_caches_go_by_the_price_list(self, finance: Client) -> None:
        deployment = make_deployment(slug="d")
        make_price(deployment, "in_uncached", 100)
        make_price(deployment, "in_cache_read", 25)
        booked("shop", AT, 7, cached_tokens=1000)
        cards = {card.label: card for card in finance.get(PAGE).context["cards"]}
        assert cards["Saved by cache"].note == "providers’ caches: about $0.000000075"

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("from=yesterday", "is no date"),
            ("from=2026-03-02&to=2026-03-01", "lies after"),
            ("to=%00", "is no date"),
            ("group=id;drop", "Unknown: “id;drop”"),
            ("sevice=shop", "Unknown parameter"),
        ],
    )
    def test_a_wrong_question_is_explained(self, finance: Client, query: str, error: str) -> None:
        page = finance.get(f"/admin/costs/?{query}")
        assert page.status_code == 400
        assert error in page.content.decode()
        file = finance.get(f"/admin/costs.csv?{query}")
        assert file.status_code == 400
        assert error in file.content.decode()

    def test_its_queries_do_not_grow_with_the_groups(
        self, finance: Client, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for n in range(30):
            booked(f"s{n}", AT, n, cached_tokens=1)
        with django_assert_max_num_queries(25):
            finance.get(f"{PAGE}&group_by=service,model&model=m")


@pytest.mark.parametrize("role", ["finance", "auditor", "operator", "service-developer"])
def test_roles_that_see_the_ledger_see_costs(client: Client, db: None, role: str) -> None:
    signed_in(client, role)
    for path in ("/admin/costs/", "/admin/costs.csv"):
        assert client.get(path).status_code == 200
        assert client.post(path).status_code == 405


def test_others_do_not(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("bob", is_staff=True))
    for path in ("/admin/costs/", "/admin/costs.csv"):
        assert client.get(path).status_code == 403
    assert "/admin/costs/" not in client.get("/admin/").content.decode()


def lines(**values: Any) -> list[list[str]]:
    return list(csv.reader(table_csv(shown(**values), sort="-cost", now=NOW)))


def test_the_file_says_what_it_is_and_adds_up(db: None) -> None:
    booked("shop", AT, 10**12 + 1, input_tokens=3)
    booked("crm", datetime(2026, 3, 6, tzinfo=UTC), 2, input_tokens=4)

    about, before, only, generated, head, *rows, total = lines(
        filters=(("service", ("", "crm", "shop")),)
    )

    assert about == ["cost report", "2026-03-01 to 2026-03-31", "days in UTC", "USD"]
    assert before == ["before", "2026-02-01 to 2026-02-28"]
    assert only == ["only", "service", "(none)", "crm", "shop"]
    assert generated == ["generated", "2026-03-29T12:00:00+00:00"]
    cost = head.index("cost")
    assert [row[cost] for row in rows] == ["1.000000000001", "0.000000000002", "0.000000000000"]
    assert sum(Decimal(row[cost]) for row in rows) == Decimal(total[cost])


def test_the_file_by_day_has_the_same_total(db: None) -> None:
    booked("shop", AT, 10**12 + 1)
    booked("shop", datetime(2026, 3, 6, tzinfo=UTC), 2)
    found = shown(grain="day")
    rows = cost_rows(query=found.query, keys=bar_keys(found.query))
    *_, head, first, second, total = csv.reader(periods_csv(found.query, rows=rows, now=NOW))
    cost = head.index("amount_usd")
    assert (first[0], first[cost], second[cost]) == (
        "2026-03-05",
        "1.000000000001",
        "0.000000000002",
    )
    assert total[cost] == "1.000000000003" == lines()[-1][1]


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_the_file_defuses_formulas(db: None, start: str) -> None:
    booked(f"{start}cmd()", AT, -5, kind="correction")
    rows = {row[0]: row for row in lines()}
    assert "-0.000000000005" in rows[f"'{start}cmd()"]


@pytest.mark.parametrize(
    ("zone", "day", "bars"),
    [
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Africa/Cairo", date(2026, 10, 29), 25),  # 23:00 comes twice
        ("America/Havana", date(2026, 3, 8), 23),  # there is no midnight
        ("Australia/Lord_Howe", date(2026, 4, 5), 25),  # two halves of an hour
    ],
)
def test_every_hour_of_a_day_has_a_bar(db: None, zone: str, day: date, bars: int) -> None:
    days = Days(day, day, zone)
    start, end = days.bounds
    moments = [start + n * HALF for n in range((end - start) // HALF)]
    for moment in moments:
        booked("shop", moment, 1)
    found = explore(query=Query(days=days))
    assert len(found.bars) == bars
    assert sum(map(sum, found.by_bar.values())) == found.total.sums.calls == len(moments)


def test_a_group_that_is_called_as_the_unattributed_is_one_of_its_own(db: None) -> None:
    booked("shop", AT, 5, tags=["project:(none)"])
    booked("shop", AT, 2)
    days = Days(AT.date(), AT.date(), "UTC")
    found = explore(query=Query(days=days, group_by=("tag:project",)))
    assert sorted((one.name, sum(one.values)) for one in series_of(found)) == [
        ("(none)", 2),
        ("(none)", 5),
    ]


def test_there_is_a_page_of_who_spent_nothing_lately(finance: Client) -> None:
    now = datetime.now(UTC)
    booked("idle", now - timedelta(days=40), 10**12)
    page = finance.get("/admin/costs/?service=idle")
    assert page.status_code == 200
    assert "Nothing was booked in these days" in page.content.decode()
