"""The API says what the page says, to the pico-dollar, and tells a service only its own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from apps.core.money import exact_usd, pico_from_usd
from apps.finance.query import LONGEST
from tests.factories import make_key, make_service
from tests.finance.conftest import AT, booked, signed_in

pytestmark = pytest.mark.django_db
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
STAFF = "/api/v1/manage/costs/"


@pytest.fixture
def api():
    return APIClient(headers={"authorization": f"Bearer {make_key(make_service('shop'))}"})


@pytest.fixture
def books():
    for hours in range(5):
        at = AT + timedelta(hours=7 * hours)
        booked("shop", at, 10**18 + hours, model=f"m{hours % 2}", prompt="reply", input_tokens=9)
        booked("crm", at, 7, kind="estimate", purpose="failed", tags=["project:spring"])
    booked("shop", AT, 0, kind="cache_hit", avoided_pico=5)


def pages(client, query):
    found, address = [], f"{STAFF}?{query}&page_size=2"
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, answer.content
        page = answer.json()
        found += page["results"]
        address = page["next"]
    return found, page["total"]


QUESTIONS = [
    "group_by=service",
    "group_by=service,model&grain=day",
    "group_by=prompt_version&grain=month&service=shop",
    "group_by=model&grain=hour&from=2026-03-05&to=2026-03-06",
    "group_by=tag:project&service=crm&service=shop",
    "group_by=purpose&purpose=(none)&purpose=failed",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_pages_add_up_to_the_total_and_to_the_page(books, finance, question):
    if "from" not in question:
        question += "&from=2026-03-01&to=2026-03-31"
    rows, total = pages(finance, question)

    shown = finance.get(f"/admin/costs/?{question}").context["exploration"]
    assert total["cost_usd"] == exact_usd(shown.total.sums.amount_pico)
    assert total["calls"] == shown.total.sums.calls > 0
    assert sum(pico_from_usd(row["cost_usd"]) for row in rows) == shown.total.sums.amount_pico
    assert sum(row["calls"] for row in rows) == total["calls"]
    names = shown.query.group_by
    for group in shown.groups:
        same = [row for row in rows if tuple(row["group"][name] for name in names) == group.values]
        assert sum(pico_from_usd(row["cost_usd"]) for row in same) == group.sums.amount_pico


def test_a_row_says_what_it_is(books, finance):
    query = {**MARCH, "group_by": "service,model", "grain": "hour"}
    query |= {"from": "2026-03-05", "to": "2026-03-05", "service": "crm"}
    answer = finance.get(STAFF, query).json()
    assert (answer["zone"], answer["first"], answer["last"]) == ("UTC", "2026-03-05", "2026-03-05")
    assert answer["results"][0] == {
        "group": {"hour": "2026-03-05T00:00:00+00:00", "service": "crm", "model": "m"},
        "calls": 1, "answers": 0, "cached": 0, "input_tokens": 0, "output_tokens": 0,
        "provider_cached_tokens": 0, "cost_usd": "0.000000000007", "saved_usd": "0.000000000000",
        "estimated_usd": "0.000000000007", "wasted_usd": "0.000000000007",
        "adjusted_usd": "0.000000000000",
    }  # fmt: skip


def test_a_key_sees_its_own_service_only(api, books):
    answer = api.get("/api/v1/costs/", MARCH).json()
    assert [row["group"] for row in answer["results"]] == [{"service": "shop"}]
    assert answer["total"]["calls"] == 6
    assert api.get("/api/v1/costs/", MARCH | {"service": "shop"}).status_code == 200
    for asked in ("crm", "(none)"):
        other = api.get("/api/v1/costs/", MARCH | {"service": asked})
        assert other.status_code == 400
        assert other.json()["errors"][0]["pointer"] == "/service"


def test_who_may_ask(books, finance, api):
    assert APIClient().get("/api/v1/costs/").status_code == 401
    assert finance.get("/api/v1/costs/").status_code == 401  # a service's door
    assert api.get(STAFF).status_code in (401, 403)
    other = Client()
    other.force_login(User.objects.create_user("other", is_staff=True))
    assert other.get(STAFF).status_code == 403
    auditor = Client()
    signed_in(auditor, "auditor")
    assert auditor.get(STAFF).status_code == 200


def test_all_faults_are_told_at_once(api):
    answer = api.get(
        "/api/v1/costs/?from=soon&grain=week&page_size=0&cursor=x&compare=year&modle=m"
    )
    assert answer.status_code == 400
    assert answer["content-type"] == "application/problem+json"
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/from", "/grain", "/page_size", "/cursor", "/compare", "/modle",
    }  # fmt: skip


@pytest.mark.parametrize("cursor", ["WyJhIiwiYiJd", "WzFd", "WyJcdTAwMDAiXQ==", "e30="])
@pytest.mark.parametrize("grain", ["", *LONGEST])
def test_a_cursor_of_another_question_is_told(api, cursor, grain):
    query = {"cursor": cursor, "grain": grain, "range": "7d"}
    answer = api.get("/api/v1/costs/", query)
    pointers = [fault["pointer"] for fault in answer.json().get("errors", [])]
    assert (answer.status_code, pointers) == (400, ["/cursor"])


def test_nothing_is_an_answer_too(api):
    answer = api.get("/api/v1/costs/", {"from": "2020-01-01", "to": "2020-01-02"}).json()
    assert (answer["results"], answer["next"]) == ([], None)
    assert answer["total"]["cost_usd"] == "0.000000000000"


def test_hours_are_told_with_their_zone(finance, settings):
    settings.REPORTING_TIME_ZONE = "Asia/Kathmandu"
    booked("shop", datetime(2026, 3, 5, 18, 20, tzinfo=UTC), 3)  # 00:05 on the 6th
    query = {"from": "2026-03-06", "to": "2026-03-06", "grain": "hour"}
    answer = finance.get(STAFF, query).json()
    assert [row["group"]["hour"] for row in answer["results"]] == ["2026-03-05T18:15:00+00:00"]
