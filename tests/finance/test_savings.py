"""What was saved, to the pico-dollar, by the prices of each call's own time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.finance.query import Query
from apps.finance.saved import savings
from apps.finance.saved_lines import Saved
from apps.ledger.entries import reversal_of
from apps.ledger.models import Attempt
from apps.ledger.posting import post_entries
from apps.ledger.pricing import price_usage
from apps.registry.models import Price
from apps.registry.snapshot import price_row
from tests.factories import make_deployment, make_price
from tests.finance.conftest import AT, MARCH, booked

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 3, 15, 12, tzinfo=UTC)
QUERY = Query(days=MARCH)


def price(deployment, usage_class, pico, begin=BEGIN, end=None, **values):
    return make_price(deployment, usage_class, pico, valid=(begin, end), **values)


@pytest.fixture
def deployment(db):
    """Prices of two tiers; in the middle of March all of them double."""
    made = make_deployment(slug="d")
    for tier, divisor in (("default", 1), ("batch", 2)):
        for name, pico in (("in_uncached", 100), ("in_cache_read", 10), ("out_text", 400)):
            price(made, name, pico // divisor, end=MIDDLE, service_tier=tier)
            price(made, name, 2 * pico // divisor, begin=MIDDLE, service_tier=tier)
    return made


def called(deployment, at, tier="default", service="shop", instead_of="", tags=(), **counts):
    rows = Price.objects.filter(deployment=deployment, valid__contains=at)
    priced = price_usage(counts=counts, prices=[price_row(row) for row in rows], tier=tier)
    return booked(
        service,
        at,
        priced.amount_pico,
        deployment=deployment.slug,
        lines=priced.frozen_lines(),
        input_tokens=sum(n for name, n in counts.items() if name.startswith("in_")),
        cached_tokens=counts.get("in_cache_read", 0),
        tags=list(tags),
        attempt=preferred(instead_of, at) if instead_of else None,
    )


def preferred(other, at):
    slugs = dict.fromkeys(("service", "team", "cost_center", "provider", "model"), "x")
    return Attempt.objects.create(
        number=1, started_at=at, deployment="d", instead_of=other, **slugs
    )


def test_a_cache_saved_what_plain_input_had_cost_then(deployment):
    called(deployment, AT, in_uncached=5, in_cache_read=7, out_text=3)
    called(deployment, MIDDLE - timedelta(microseconds=1), in_cache_read=1)
    called(deployment, MIDDLE, in_cache_read=1)

    found = savings(query=QUERY)
    assert found.total == Saved(provider_cache=7 * 90 + 90 + 180)
    assert found.cost == 5 * 100 + 7 * 10 + 3 * 400 + 10 + 20


def test_batch_saved_what_the_standard_tier_had_cost(deployment):
    called(deployment, AT, tier="batch", in_uncached=5, out_text=3)
    assert savings(query=QUERY).total == Saved(batch=5 * 50 + 3 * 200)


def test_a_cached_batch_call_is_counted_once(deployment):
    call = called(deployment, AT, tier="batch", in_cache_read=10)
    found = savings(query=QUERY).total
    assert found == Saved(provider_cache=10 * 45, batch=10 * 50)
    assert found.total + call.amount_pico == 10 * 100  # plain and standard


@pytest.fixture
def dear(deployment):
    """Where calls would have gone: ten times the price, and nothing in the batch tier."""
    made = make_deployment(slug="dear")
    for name, pico in (("in_uncached", 1000), ("in_cache_read", 500), ("out_text", 4000)):
        price(made, name, pico)
    return made


def test_a_cheaper_route_saved_what_the_tokens_had_cost_where_they_would_have_gone(
    deployment, dear
):
    called(deployment, AT, in_uncached=5, out_text=3, instead_of="dear")
    called(deployment, AT, in_uncached=5, out_text=3)  # nothing was preferred
    assert savings(query=QUERY).total == Saved(cheaper_route=5 * 900 + 3 * 3600)


def test_a_cheaper_route_takes_nothing_from_the_cache_and_the_batch_tier(deployment, dear):
    call = called(deployment, AT, tier="batch", in_cache_read=10, instead_of="dear")
    found = savings(query=QUERY).total
    assert found == Saved(provider_cache=10 * 45, batch=10 * 50, cheaper_route=10 * 900)
    assert found.total + call.amount_pico == 10 * 1000  # plain, standard, and at the dear one
    reversal_of(call, at=AT + timedelta(hours=1), reason="wrong").save()
    assert savings(query=QUERY).total == Saved()


def test_where_a_call_would_have_gone_without_a_price_nothing_is_known(deployment):
    called(deployment, AT, tier="batch", in_uncached=5, instead_of="gone")
    assert savings(query=QUERY).total == Saved(batch=5 * 50, unknown=5)


def test_a_fee_for_each_request_is_saved_where_it_is_not_taken(deployment, dear):
    price(deployment, "requests", 70)
    called(deployment, AT, in_uncached=1, instead_of="dear")
    assert savings(query=QUERY).total == Saved(cheaper_route=1000 - 100 - 70)


def test_answers_of_our_own_cache_count_what_they_had_cost(deployment):
    booked("shop", AT, 0, kind="cache_hit", avoided_pico=12345)
    booked("crm", AT, 0, kind="cache_hit", avoided_pico=1)
    found = savings(query=QUERY)
    assert found.groups == [("shop", Saved(our_cache=12345)), ("crm", Saved(our_cache=1))]


def test_what_was_taken_back_saved_nothing(deployment):
    call = called(deployment, AT, tier="batch", in_cache_read=10, out_text=1)
    reversal_of(call, at=AT + timedelta(hours=1), reason="wrong").save()
    assert savings(query=QUERY).total == Saved()


def test_a_long_input_is_compared_with_prices_of_long_inputs(deployment):
    for tier, pico in (("default", 1000), ("batch", 300)):
        price(deployment, "in_uncached", pico, service_tier=tier, min_input_tokens=1000)
    call = called(deployment, AT, tier="batch", in_uncached=1000)
    assert call.amount_pico == 300_000
    assert savings(query=QUERY).total == Saved(batch=700_000)


def test_without_another_price_it_is_left_out_and_said(deployment, finance):
    bare = make_deployment(slug="bare")
    price(bare, "out_text", 10, service_tier="batch")
    called(bare, AT, tier="batch", out_text=7)
    assert savings(query=QUERY).total == Saved(unknown=7)
    page = finance.get("/admin/costs/savings/?from=2026-03-01&to=2026-03-31")
    assert "7 tokens had no other price" in page.content.decode()


def test_a_cache_that_costs_more_saved_less_than_nothing():
    made = make_deployment(slug="d")
    price(made, "in_uncached", 10)
    price(made, "in_cache_read", 15)
    called(made, AT, in_cache_read=2)
    assert savings(query=QUERY).total == Saved(provider_cache=-10)


def test_filters_and_groups_are_those_of_the_report(deployment):
    called(deployment, AT, in_cache_read=1)
    called(deployment, AT, service="crm", in_cache_read=2)
    assert savings(query=QUERY.with_filter("service", "crm")).total.provider_cache == 180
    assert dict(savings(query=QUERY).groups) == {
        "crm": Saved(provider_cache=180),
        "shop": Saved(provider_cache=90),
    }


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["shop", "crm", ""]),
        st.sampled_from(["default", "batch"]),
        st.integers(1, 31),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
    ),
    max_size=8,
)


class TestSums(TestCase):
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(calls=CALLS, posted=st.booleans())
    def test_cost_and_savings_are_what_it_would_have_cost(self, calls, posted):
        made, would_cost = make_deployment(slug="d"), 0
        for tier, divisor in (("default", 1), ("batch", 2)):
            for name, pico in (("in_uncached", 100), ("in_cache_read", 10)):
                price(made, name, pico // divisor, end=MIDDLE, service_tier=tier)
                price(made, name, 3 * pico // divisor, begin=MIDDLE, service_tier=tier)
        for service, tier, day, plain, cached in calls:
            at = datetime(2026, 3, day, 12, tzinfo=UTC)
            called(made, at, tier, service, in_uncached=plain, in_cache_read=cached)
            would_cost += (plain + cached) * (300 if at >= MIDDLE else 100)
        if posted:
            post_entries(zone="UTC")
        found = savings(query=QUERY)
        assert found.cost + found.total.total == would_cost
        assert found.total == sum((saved for _, saved in found.groups), Saved())


def test_the_page_says_what_each_is_and_asks_little(
    finance, deployment, django_assert_max_num_queries
):
    called(deployment, AT, tier="batch", in_cache_read=10, out_text=1)
    with django_assert_max_num_queries(25):
        page = finance.get("/admin/costs/savings/?from=2026-03-01&to=2026-03-31&group_by=model")
    text = page.content.decode()
    amounts = ("$0.00000000045<", "$0.0000000007<", "$0.00000000115<")
    for words in (*amounts, "Providers’ caches", "batch tier", "Cheaper route", "Drift 0"):
        assert words in text
    called(deployment, BEGIN, in_cache_read=10)
    long = finance.get("/admin/costs/savings/?from=2026-01-01&to=2026-03-31")
    assert long.status_code == 400
    assert "At most 31 days" in long.content.decode()
