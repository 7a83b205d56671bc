"""The books in the admin: the last day first, each amount with its sum, and no way to change it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.core.ids import uuid7
from apps.ledger.models import Attempt, Entry
from apps.ledger.services import close_attempts, open_attempts, resolve_orphans
from apps.ledger.types import AttemptStart
from tests.factories import make_service
from tests.ledger.conftest import SHOP, end_of, price_row, usage

ENTRIES = reverse("admin:ledger_entry_changelist")
ATTEMPTS = reverse("admin:ledger_attempt_changelist")


def book(request_id="req_now", *, ago=timedelta(), **values):
    """One charged attempt that began and ended so long ago."""
    at = timezone.now() - ago
    start = AttemptStart(uuid7(), request_id, None, 1, "answer", SHOP)
    open_attempts(starts=[start], now=at)
    close_attempts(ends=[end_of(start, **values)], now=at)
    return start


def rows(client, url, **query):
    answer = client.get(url, query)
    assert answer.status_code == 200
    return [row.request_id for row in answer.context["cl"].result_list]


def page_of(client, row):
    name = f"admin:ledger_{row._meta.model_name}_change"
    answer = client.get(reverse(name, args=[row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("url", [ENTRIES, ATTEMPTS])
def test_lists_open_on_the_last_day(admin_client, url):
    book("req_new", ago=timedelta(hours=23))
    book("req_week", ago=timedelta(days=3))
    book("req_old", ago=timedelta(days=400))

    assert rows(admin_client, url) == ["req_new"]
    assert rows(admin_client, url, time="7") == ["req_week", "req_new"]
    assert len(rows(admin_client, url, time="all")) == 3


@pytest.mark.parametrize("url", [ENTRIES, ATTEMPTS])
def test_days_from_and_to_are_both_included(admin_client, url):
    for days in (1, 2, 3, 4):
        book(f"req_{days}", ago=timedelta(days=days))
    day = {days: (timezone.now() - timedelta(days=days)).date().isoformat() for days in (2, 3)}

    assert set(rows(admin_client, url, **{"from": day[3], "to": day[2]})) == {"req_2", "req_3"}
    assert set(rows(admin_client, url, **{"from": day[2]})) == {"req_1", "req_2"}


def test_times_are_of_the_reports_zone_which_is_named(admin_client, settings):
    """An hour before midnight of UTC it is the next day in Berlin, as the report says."""
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    at = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
    book("req_april", ago=timezone.now() - at)
    entry = Entry.objects.get()

    assert rows(admin_client, ENTRIES, **{"from": "2026-04-01"}) == ["req_april"]
    assert rows(admin_client, ENTRIES, to="2026-03-31") == []
    for page in (page_of(admin_client, entry), page_of(admin_client, entry.attempt)):
        assert "01 Apr 2026 01:00 CEST" in page


def test_a_day_that_is_none_is_refused_kindly(admin_client):
    assert admin_client.get(ENTRIES, {"from": "yesterday"}).status_code == 302


def test_ctrl_k_finds_the_request_id_of_a_call_that_failed(admin_client):
    book("req_failed", status="failed", usage=None, kind=None)
    attempt = Attempt.objects.get(request_id="req_failed")
    assert not Entry.objects.filter(request_id="req_failed").exists()

    found = admin_client.get("/admin/palette/", {"q": "req_failed"}).json()["rows"]

    page = reverse("admin:ledger_attempt_change", args=[attempt.pk])
    assert [(row["label"], row["url"]) for row in found] == [(str(attempt), page)]


@pytest.mark.parametrize("url", [ENTRIES, ATTEMPTS])
def test_a_request_id_is_found_exactly_at_any_time(admin_client, url):
    book("req_abc", ago=timedelta(days=90))
    book("req_abcd")

    assert rows(admin_client, url, q="req_abc") == ["req_abc"]
    assert rows(admin_client, url, q="req_ab") == []


def test_filters_narrow_by_service_model_and_kind(admin_client):
    make_service("shop")
    make_service("search")
    book("req_1")
    book("req_2", usage=usage({"in_audio": 1}))

    assert rows(admin_client, ENTRIES, service="search") == []
    assert len(rows(admin_client, ENTRIES, service="shop")) == 2
    assert rows(admin_client, ENTRIES, kind__exact="unpriced") == ["req_2"]


def test_an_entry_shows_the_sum_that_it_is(admin_client):
    book()
    page = page_of(admin_client, Entry.objects.get())

    assert "0.000027000000" in page
    assert "× 0.150000000000 / 1,000,000" in page
    assert "0.000015000000" in page
    assert "0.000012000000" in page


def test_an_entry_says_of_which_tier_and_step_its_prices_were(admin_client):
    kind = {"service_tier": "flex", "min_input_tokens": 200_001}
    rows = [price_row("in_uncached", 5, **kind), price_row("out_text", 7, service_tier="flex")]
    counts = {"in_uncached": 300_000, "out_text": 2}
    book(usage=usage(counts, service_tier="flex"), prices=rows)

    page = page_of(admin_client, Entry.objects.get())

    assert "Input, flex, from 200,001 tokens" in page
    assert "Output, flex<" in page


def test_unpriced_lines_say_so(admin_client):
    book(usage=usage({"in_audio": 7}))

    page = page_of(admin_client, Entry.objects.get())

    assert "No price for in_audio." in page
    assert "no price" in page


def test_an_attempt_shows_what_happened_to_it(admin_client):
    start = AttemptStart(uuid7(), "req_1", None, 1, "answer", SHOP)
    now = timezone.now()
    open_attempts(starts=[start], now=now)
    resolve_orphans(attempts={start.id: 90_000_000}, now=now)
    close_attempts(ends=[end_of(start, first_token_ms=81)], now=now)

    page = page_of(admin_client, Attempt.objects.get())

    for text in ("Estimate", "Reversal", "Late charge", "-0.000090000000", "+ 81 ms", "provider"):
        assert text in page


@pytest.mark.parametrize("model", ["entry", "attempt"])
def test_nobody_changes_the_books(admin_client, model):
    book()
    row = {"entry": Entry, "attempt": Attempt}[model].objects.get()

    assert admin_client.get(reverse(f"admin:ledger_{model}_add")).status_code == 403
    for page in ("change", "delete"):
        url = reverse(f"admin:ledger_{model}_{page}", args=[row.pk])
        assert admin_client.post(url, {"amount_pico": "0", "post": "yes"}).status_code == 403
    assert Entry.objects.get().amount_pico == 27_000_000


@pytest.mark.parametrize("url", [ENTRIES, ATTEMPTS])
def test_lists_ask_a_fixed_number_of_queries(admin_client, django_assert_max_num_queries, url):
    for _ in range(30):
        book()

    with django_assert_max_num_queries(8):
        assert len(rows(admin_client, url)) == 30


@pytest.mark.parametrize("days", ["from=0001-01-01", "to=9999-12-31", "from=x", "to=2026-02-30"])
def test_days_that_no_list_has_are_left_out(admin_client, days):
    book()
    answer = admin_client.get(f"{ENTRIES}?{days}", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain == [(f"{ENTRIES}?e=1", 302)]


def test_without_permission_there_is_no_ledger(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("eve", is_staff=True))

    assert client.get(ENTRIES).status_code == 403
