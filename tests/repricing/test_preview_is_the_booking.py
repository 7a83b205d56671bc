"""Whatever prices and calls: what a preview says is what the code that prices calls says of each,
and what a recost books."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger.models import Attempt, Entry, EntryKey
from apps.ledger.pricing import Unpriced, counts_of, price_usage, tier_of_lines
from apps.ledger.selectors import broken_entries
from apps.repricing.booking import book_all
from apps.repricing.models import RecostItem, RecostStatus
from apps.repricing.preview import preview
from apps.repricing.segments import segments
from apps.repricing.services import approve_recost, request_recost, what_if
from apps.repricing.types import RepricingRefused
from tests.factories import make_deployment, make_price
from tests.ledger.conftest import SHOP
from tests.proof import examples
from tests.repricing.conftest import ASKED, END, MAY, START, called, rate

pytestmark = pytest.mark.django_db
CLASSES = ("in_uncached", "in_cache_read", "out_text", "out_reasoning", "web_search", "requests")
TIERS = ("default", "flex")
STEPS = (0, 1000)
MIDDLE = START + timedelta(days=15)
picos = st.integers(0, 10**7)
blocks = st.sampled_from([1, 1, 2, 7, 1000])
kinds = st.tuples(st.sampled_from(CLASSES), st.sampled_from(TIERS), st.sampled_from(STEPS))
rows = st.dictionaries(kinds, st.tuples(picos, blocks), max_size=9)
plain = {("in_uncached", "default", 0): (5, 1), ("out_text", "default", 0): (7, 2)}
calls = st.lists(
    st.fixed_dictionaries(
        {
            "counts": st.dictionaries(
                st.sampled_from(CLASSES[:-1]), st.integers(0, 1500), min_size=1
            ),
            "tier": st.sampled_from(TIERS),
            "at": st.integers(0, 31 * 86400 - 1).map(lambda s: START + timedelta(seconds=s)),
        }
    ),
    min_size=1,
    max_size=6,
)


@contextmanager
def taken_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def listed(first, second):
    """A price list that changes in the middle of the month."""
    deployment = make_deployment(slug=SHOP.deployment)
    for found, valid in ((first, (None, MIDDLE)), (second, (MIDDLE, None))):
        for (name, tier, step), (pico, block) in found.items():
            kind = {"service_tier": tier, "min_input_tokens": step}
            make_price(deployment, name, pico, per_block=block, valid=valid, **kind)


def rates_of(found):
    return [
        rate(
            name,
            pico,
            per_block=block,
            price_id=-number,
            service_tier=tier,
            min_input_tokens=step,
        )
        for number, ((name, tier, step), (pico, block)) in enumerate(found.items(), 1)
    ]


def standing():
    gone = EntryKey.objects.exclude(reverses=None).values("reverses_id")
    return Entry.objects.exclude(kind="reversal").exclude(pk__in=gone)


def by_the_pricer(found):
    """Each entry that stands, priced in Python; None: it has no price."""
    attempts = {attempt.pk: attempt for attempt in Attempt.objects.all()}
    return {entry.pk: priced(entry, attempts[entry.attempt_id], found) for entry in standing()}


def priced(entry, attempt, found):
    if not entry.lines:
        return None  # nothing says what it used
    (at,) = (one for one in found if one.since <= attempt.started_at < one.until)
    tier = tier_of_lines(entry.lines)
    try:
        return price_usage(counts=counts_of(entry.lines), prices=at.rows, tier=tier).amount_pico
    except Unpriced:
        return None


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=rows,
    second=rows,
    asked=st.dictionaries(kinds, st.tuples(picos, blocks), min_size=1),
    sent=calls,
)
def test_preview_pricer_and_booking_say_one_sum(people, first, second, asked, sent):
    with taken_back():
        listed(plain | first, plain | second)
        for call in sent:
            called(**call)
        rates = rates_of(asked)
        found = segments(rates=rates, **MAY)
        before = {entry.pk: entry.amount_pico for entry in standing()}

        shown = preview(rates=rates, found=found, **MAY)

        expected = {pk: amount for pk, amount in by_the_pricer(found).items() if amount is not None}
        assert shown.after_pico == sum(expected.values())
        assert shown.before_pico == sum(before[pk] for pk in expected)
        assert shown.entries == len(expected)
        assert sum(left.entries for left in shown.left) == len(before) - len(expected)
        kept = sum(left.amount_pico for left in shown.left)
        assert kept == sum(before.values()) - shown.before_pico
        changed = {pk for pk in expected if expected[pk] != before[pk]}
        if not changed:
            with pytest.raises(RepricingRefused, match="No entry would change"):
                request_recost(rates=rates, by=people[0], **ASKED)
            return

        recost = request_recost(rates=rates, by=people[0], seen=shown.difference_pico, **ASKED)
        approve_recost(recost_id=recost.pk, by=people[1], now=END)
        assert book_all() == len(changed) == recost.entries

        assert set(RecostItem.objects.values_list("entry_id", flat=True)) == changed
        recost.refresh_from_db()
        assert recost.status == RecostStatus.DONE
        total = sum(Entry.objects.values_list("amount_pico", flat=True))
        assert total - sum(before.values()) == shown.difference_pico == recost.difference_pico
        assert sum(before[pk] for pk in before if pk not in expected) + shown.after_pico == total
        assert broken_entries() == []
        again = what_if(rates=rates, **MAY)
        assert (again.difference_pico, again.after_pico) == (0, shown.after_pico)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(held=rows, sent=calls)
def test_the_prices_that_held_change_nothing(people, held, sent):
    with taken_back():
        held = plain | held
        listed(held, held)
        for call in sent:
            called(**call)
        rates = rates_of(held)

        shown = what_if(rates=rates, **MAY)

        assert shown.difference_pico == 0
        assert all(line.difference_pico == 0 for line in shown.priced)
        assert shown.newly == []
        with pytest.raises(RepricingRefused, match="No entry would change"):
            request_recost(rates=rates, by=people[0], **ASKED)
