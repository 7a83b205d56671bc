"""Attempts end once, and each end is booked once."""

import pytest
from django.db import IntegrityError, transaction

from apps.core.ids import uuid7
from apps.ledger.models import Attempt, Entry, Usage
from apps.ledger.services import close_attempts, open_attempts, resolve_orphans
from apps.ledger.types import AttemptEnd
from tests.ledger.conftest import NOW, PRICES, end_of, prices, usage

pytestmark = pytest.mark.django_db


def amounts(**filters):
    return sorted(Entry.objects.filter(**filters).values_list("kind", "amount_pico"))


def test_a_success_is_charged_with_frozen_lines(opened):
    start = opened()

    booked = close_attempts(
        ends=[end_of(start, http_status=200, provider_request_id="up-1", first_token_ms=81)],
        now=NOW,
    )

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("charge", 100 * 150_000 + 20 * 600_000)
    assert entry.lines == [
        {
            "usage_class": "in_uncached",
            "quantity": 100,
            "price_pico": 150_000,
            "per_block": 1,
            "price_id": PRICES[0].price_id,
            "amount_pico": 15_000_000,
        },
        {
            "usage_class": "out_text",
            "quantity": 20,
            "price_pico": 600_000,
            "per_block": 1,
            "price_id": PRICES[1].price_id,
            "amount_pico": 12_000_000,
        },
    ]
    assert (entry.input_tokens, entry.output_tokens) == (100, 20)
    assert (entry.service, entry.arm, entry.tags) == ("shop", "tone/warm", ["sale", "spring"])
    assert booked[0].entry_id == entry.pk
    assert (booked[0].amount_pico, booked[0].kind, booked[0].already) == (
        27_000_000,
        "charge",
        False,
    )
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.ended_at, attempt.http_status) == ("succeeded", NOW, 200)
    assert (attempt.provider_request_id, attempt.first_token_ms) == ("up-1", 81)
    assert attempt.usage.raw == {"prompt_tokens": 100, "completion_tokens": 20}


def test_the_same_end_twice_books_once(opened):
    start = opened()
    first = close_attempts(ends=[end_of(start)], now=NOW)[0]

    again = close_attempts(ends=[end_of(start)], now=NOW)[0]

    assert again == type(first)(start.id, first.amount_pico, "charge", first.entry_id, True)
    assert amounts() == [("charge", 27_000_000)]
    assert Usage.objects.count() == 1


def test_the_same_end_twice_in_one_batch_books_once(opened):
    start = opened()

    booked = close_attempts(ends=[end_of(start), end_of(start)], now=NOW)

    assert [b.already for b in booked] == [False, True]
    assert {b.amount_pico for b in booked} == {27_000_000}
    assert amounts() == [("charge", 27_000_000)]


def test_a_failure_that_costs_nothing_books_no_entry(opened):
    start = opened()

    booked = close_attempts(
        ends=[end_of(start, status="failed", kind=None, usage=None, error_kind="rate_limited")],
        now=NOW,
    )[0]

    assert (booked.amount_pico, booked.kind, booked.entry_id) == (0, "", None)
    assert not Entry.objects.exists()
    assert Attempt.objects.get().error_kind == "rate_limited"


def test_usage_without_a_price_is_booked_as_unpriced_never_free(opened):
    start = opened()
    report = usage({"in_uncached": 10, "in_audio": 7, "out_text": 1})

    booked = close_attempts(ends=[end_of(start, usage=report)], now=NOW)[0]

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico, booked.kind) == ("unpriced", 0, "unpriced")
    assert entry.reason == "No price for in_audio."
    assert {line["usage_class"]: line["quantity"] for line in entry.lines} == report.counts
    assert (entry.input_tokens, entry.output_tokens) == (17, 1)


def test_without_any_price_even_one_token_is_unpriced(opened):
    start = opened()

    close_attempts(ends=[end_of(start, prices=prices())], now=NOW)

    assert amounts() == [("unpriced", 0)]


def test_an_unknown_outcome_without_a_price_leaves_room_for_the_truth(opened):
    start = opened()
    lost = end_of(start, status="unknown", kind="estimate", prices=prices())
    assert close_attempts(ends=[lost], now=NOW)[0].kind == "estimate"

    late = close_attempts(ends=[end_of(start)], now=NOW)[0]

    assert amounts() == [("estimate", 0), ("late_charge", 27_000_000), ("reversal", 0)]
    assert (late.amount_pico, late.already) == (27_000_000, False)


def test_the_truth_replaces_an_orphans_estimate(opened):
    start = opened()
    assert resolve_orphans(attempts={start.id: 90_000_000}, now=NOW) == [start.id]

    late = close_attempts(ends=[end_of(start)], now=NOW)[0]

    assert amounts() == [
        ("estimate", 90_000_000),
        ("late_charge", 27_000_000),
        ("reversal", -90_000_000),
    ]
    assert (late.amount_pico, late.kind, late.already) == (27_000_000, "late_charge", False)
    again = close_attempts(ends=[end_of(start)], now=NOW)[0]
    assert (again.amount_pico, again.already, again.entry_id) == (27_000_000, True, late.entry_id)
    assert Entry.objects.count() == 3


def test_a_late_truth_that_costs_nothing_only_takes_the_estimate_back(opened):
    start = opened()
    resolve_orphans(attempts={start.id: 90_000_000}, now=NOW)

    late = close_attempts(ends=[end_of(start, status="failed", kind=None, usage=None)], now=NOW)[0]

    assert (late.amount_pico, late.kind, late.entry_id) == (0, "", None)
    assert amounts() == [("estimate", 90_000_000), ("reversal", -90_000_000)]


def test_an_unknown_outcome_is_estimated_once_and_has_no_usage_yet(opened):
    start = opened()
    unknown = end_of(start, status="unknown", kind="estimate", usage=usage(source="bound"))
    close_attempts(ends=[unknown], now=NOW)

    assert close_attempts(ends=[unknown], now=NOW)[0].already is True

    assert amounts() == [("estimate", 27_000_000)]
    assert not Usage.objects.exists()


def test_tokens_of_an_estimate_and_its_truth_add_up_to_the_truth(opened):
    start = opened()
    bound = usage({"in_uncached": 500, "out_text": 500}, source="bound")
    close_attempts(ends=[end_of(start, status="unknown", kind="estimate", usage=bound)], now=NOW)

    close_attempts(ends=[end_of(start)], now=NOW)

    entries = Entry.objects.all()
    assert sum(entry.input_tokens for entry in entries) == 100
    assert sum(entry.output_tokens for entry in entries) == 20
    assert Attempt.objects.get().usage.source == "provider"


def test_an_orphan_that_ended_meanwhile_is_left_alone(opened):
    ended, lost = opened(), opened()
    close_attempts(ends=[end_of(ended)], now=NOW)

    resolved = resolve_orphans(attempts={ended.id: 5, lost.id: 6, uuid7(): 7}, now=NOW)

    assert resolved == [lost.id]
    assert amounts() == [("charge", 27_000_000), ("estimate", 6)]
    assert Attempt.objects.get(pk=lost.id).error_kind == "orphaned"


def test_an_attempt_that_was_never_opened_cannot_end(opened):
    unknown = AttemptEnd(uuid7(), "succeeded", usage(), PRICES, "charge")

    with pytest.raises(Attempt.DoesNotExist):
        close_attempts(ends=[unknown], now=NOW)


def test_a_booking_without_usage_is_refused():
    with pytest.raises(ValueError, match="needs its usage"):
        AttemptEnd(uuid7(), "succeeded", None, PRICES, "charge")


def test_the_database_itself_refuses_a_second_charge(opened):
    start = opened()
    close_attempts(ends=[end_of(start)], now=NOW)
    entry = Entry.objects.get()
    entry.pk = uuid7()

    with pytest.raises(IntegrityError, match="one_charge_an_attempt"), transaction.atomic():
        entry.save(force_insert=True)


def test_opening_the_same_attempt_twice_is_no_news(opened):
    start = opened()

    open_attempts(starts=[start], now=NOW)

    assert Attempt.objects.count() == 1


def test_odd_characters_of_a_provider_do_not_keep_a_cost_from_being_booked(opened):
    start = opened()
    report = usage(raw={"note\x00": "a\x00b\ud800", "odd": float("nan"), "list": [{"x": 1}]})

    close_attempts(ends=[end_of(start, usage=report, error="bad \x00\udfff" + "x" * 900)], now=NOW)

    attempt = Attempt.objects.get()
    assert attempt.usage.raw == {"note": "ab?", "odd": None, "list": [{"x": 1}]}
    assert attempt.error == "bad ?" + "x" * 495
    assert amounts() == [("charge", 27_000_000)]


@pytest.mark.parametrize("size", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_batch(
    opened, django_assert_num_queries, size
):
    starts = [opened() for _ in range(size)]

    with django_assert_num_queries(4):  # lock, attempts, usages, entries
        close_attempts(ends=[end_of(start) for start in starts], now=NOW)

    with django_assert_num_queries(2):  # lock, entries: nothing to write
        close_attempts(ends=[end_of(start) for start in starts], now=NOW)
