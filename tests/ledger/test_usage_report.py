"""Usage by any dimension and range: page, API and ledger say the same, to the last digit."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from apps.core.money import exact_usd
from apps.dashboard.usage import usage_report
from apps.finance.selectors import check_days
from apps.ledger.models import Entry
from apps.ledger.reports import Days, total_spent
from apps.ledger.services import close_attempts, correct_entry, open_attempts
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.ledger.usage import Usage, usage_by_group, usage_rows
from tests.factories import make_key, make_service
from tests.ledger.books import booked, empty, post_all

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
MARCH = Days(date(2026, 3, 1), date(2026, 3, 31), "UTC")
RANGE = {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
def api(db):
    return APIClient(headers={"authorization": f"Bearer {make_key(make_service('shop'))}"})


@pytest.fixture
def finance(db):
    user = User.objects.create_user("fin", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_entry"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def books(db):
    """Two services; two models; a hit, a correction, and saved tokens of each kind."""
    booked(AT, 10**18 + 7, input_tokens=100, output_tokens=20, cached_tokens=40, saved_tokens=9)
    booked(AT, 0, kind="cache_hit", avoided_pico=5, input_tokens=30, output_tokens=3)
    wrong = booked(AT, 4, model="m2", prompt="reply", input_tokens=8, cached_tokens=2)
    correct_entry(entry=wrong, amount_pico=3, lines=[], reason="r", actor="a", now=AT)
    booked(datetime(2026, 3, 31, 23, 59, tzinfo=UTC), 1, input_tokens=1, output_tokens=1)
    booked(AT, 11, service="crm", input_tokens=1000, output_tokens=1000)


def test_sums_of_a_range_by_model(books):
    found = usage_by_group(days=MARCH, dimension="model", service="shop")
    assert found == {
        "m": Usage(3, 1, 101, 21, 40, 33, 9, 10**18 + 8, 5),
        "m2": Usage(1, 0, 8, 0, 2, 0, 0, 3, 0),
    }


def test_an_attempts_provider_cache_and_fit_are_booked(db):
    dims = Dimensions("shop", "t", "c", "p", "m", "d", prompt="reply", prompt_version=1)
    entry_id = Entry().pk
    start = AttemptStart(entry_id, "req_1", None, 1, "answer", dims, saved_tokens=70)
    open_attempts(starts=[start], now=AT)
    usage = UsageReport({"in_uncached": 60, "in_cache_read": 40}, 100, 0, "provider", None)
    close_attempts(ends=[AttemptEnd(entry_id, "succeeded", usage, {}, "charge")], now=AT)

    entry = Entry.objects.get()
    assert (entry.input_tokens, entry.cached_tokens, entry.saved_tokens) == (100, 40, 70)


def test_a_report_of_a_service(api, books):
    answer = api.get("/api/v1/usage/report", RANGE).json()

    assert (answer["zone"], answer["first"], answer["last"]) == ("UTC", "2026-03-01", "2026-03-31")
    assert [row["group"] for row in answer["models"]] == [{"model": "m"}, {"model": "m2"}]
    assert answer["models"][0] == {
        "group": {"model": "m"}, "requests": 3, "cached": 1, "input_tokens": 101,
        "output_tokens": 21, "provider_cached_tokens": 40, "cache_saved_tokens": 33,
        "fit_saved_tokens": 9, "cost_usd": "1000000.000000000008", "avoided_usd": "0.000000000005",
    }  # fmt: skip
    assert answer["total"]["cost_usd"] == "1000000.000000000011"


@pytest.mark.parametrize("headers", [{"accept": "text/csv"}, {}])
def test_the_same_as_csv(api, books, headers):
    query = RANGE if headers else RANGE | {"format": "csv"}
    answer = api.get("/api/v1/usage/report", query, headers=headers)

    assert answer["content-type"] == "text/csv; charset=utf-8"
    head, names, *rows = csv.reader(io.StringIO(answer.content.decode()))
    assert head == ["usage report", "2026-03-01 to 2026-03-31", "days in UTC"]
    assert [row[0] for row in rows] == ["m", "m2", "total"]
    total = dict(zip(names, rows[-1], strict=True))
    assert (total["input_tokens"], total["cost_usd"]) == ("109", "1000000.000000000011")


def test_nothing_is_a_report_too(api):
    answer = api.get("/api/v1/usage/report").json()
    assert (answer["models"], answer["total"]["cost_usd"]) == ([], "0.000000000000")
    assert api.get("/api/v1/usage/").json()["results"] == []


def test_by_dimensions_and_period(api, books):
    query = RANGE | {"group_by": "model,prompt", "period": "day"}
    rows = api.get("/api/v1/usage/", query).json()["results"]
    assert [tuple(row["group"].values()) for row in rows] == [
        ("2026-03-05", "m", ""),
        ("2026-03-05", "m2", "reply"),
        ("2026-03-31", "m", ""),
    ]
    assert [row["requests"] for row in rows] == [2, 1, 1]


@pytest.mark.parametrize("group_by", ["model", "model,prompt_version", "deployment,model,purpose"])
@pytest.mark.parametrize("period", ["", "day", "month"])
def test_pages_are_the_whole_without_gap_or_double(api, books, group_by, period):
    for number in range(7):
        booked(AT.replace(day=number + 1), 1, model=f"x{number}", prompt_version=number)
    query = RANGE | {"group_by": group_by, "period": period}
    whole = api.get("/api/v1/usage/", query).json()["results"]

    pages, address = [], f"/api/v1/usage/?page_size=2&from={RANGE['from']}&to={RANGE['to']}"
    address += f"&group_by={group_by}&period={period}"
    while address:
        page = api.get(address).json()
        assert 0 < len(page["results"]) <= 2
        pages += page["results"]
        address = page["next"]

    assert pages == whole
    assert len(whole) >= 8


def test_a_key_sees_its_own_service_only(api, books):
    assert api.get("/api/v1/usage/", RANGE | {"service": "shop"}).status_code == 200
    answer = api.get("/api/v1/usage/report", RANGE | {"service": "crm"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/service"
    groups = api.get("/api/v1/usage/", RANGE | {"group_by": "service"}).json()["results"]
    assert [row["group"]["service"] for row in groups] == ["shop"]


def test_staff_see_every_service_with_the_right_to(books, finance, api):
    path = "/api/v1/manage/usage/report"
    assert finance.get(path, RANGE).json()["total"]["requests"] == 5
    assert finance.get(path, RANGE | {"service": "crm"}).json()["total"]["requests"] == 1
    groups = finance.get("/api/v1/manage/usage/", RANGE | {"group_by": "service"}).json()
    assert [row["group"]["service"] for row in groups["results"]] == ["crm", "shop"]

    other = Client()
    other.force_login(User.objects.create_user("other", is_staff=True))
    for address in (path, "/api/v1/manage/usage/", "/admin/usage/"):
        assert other.get(address).status_code == 403
        assert api.get(address).status_code in (302, 401, 403)
        assert Client().get(address).status_code in (302, 401, 403)
    assert finance.get("/api/v1/usage/").status_code == 401  # a service's door


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"from": "2024-01-01", "to": "2026-03-01"}, "from"),
        ({"from": "1800-01-01"}, "from"),
        ({"to": "0001-01-01"}, "to"),
        ({"from": "soon"}, "from"),
        ({"group_by": "model,tag"}, "group_by"),
        ({"period": "week"}, "period"),
        ({"page_size": "0"}, "page_size"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WyJhIiwiYiJd"}, "cursor"),
        ({"group_by": "prompt_version", "cursor": "WyJhIl0="}, "cursor"),
        ({"model": "m"}, "model"),
    ],
)
def test_a_wrong_question_is_told_its_field(api, query, field):
    answer = api.get("/api/v1/usage/", query)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{field}"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("posted", [0, 5, 100])
def test_page_api_and_ledger_are_equal(books, api, finance, posted):
    """Wherever the cursor of the rollups stands, and in their zone or another."""
    if posted:
        post_all(batch=posted)
        booked(AT, 17, input_tokens=5, cached_tokens=1, saved_tokens=2, model="m3")
    try:
        for zone in ("UTC", "Pacific/Apia"):
            days = Days(MARCH.first, MARCH.last, zone)
            groups = usage_by_group(days=days, dimension="model")
            by_day = usage_rows(days=days, period="day")
            page = usage_report(days=days, dimension="model")
            total = sum(groups.values(), Usage())
            assert sum((row.usage for row in by_day), Usage()) == total == page.total
            assert total.amount_pico == total_spent(days=days)
            assert {row.label: row.usage for row in page.rows} == groups
            assert check_days(days=days, shown=page.total.amount_pico).drift == 0
        answer = finance.get("/api/v1/manage/usage/report", RANGE).json()
        page = usage_report(days=MARCH, dimension="model")
        entries = list(Entry.objects.all())
        assert answer["total"]["cost_usd"] == exact_usd(sum(e.amount_pico for e in entries))
        assert answer["total"]["cost_usd"] == exact_usd(page.total.amount_pico)
        assert answer["total"]["fit_saved_tokens"] == sum(e.saved_tokens for e in entries)
        assert answer["total"]["provider_cached_tokens"] == sum(e.cached_tokens for e in entries)
    finally:
        empty()


def test_the_page_shows_it(books, finance):
    page = finance.get("/admin/usage/", RANGE).content.decode()
    assert "1,000,000.00" in page
    assert "Drift 0" in page
    assert finance.get("/admin/usage/", {"from": "x"}).status_code == 400
    assert (
        "Nothing was called"
        in finance.get("/admin/usage/?from=2020-01-01&to=2020-01-02").content.decode()
    )
