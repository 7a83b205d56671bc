"""Each strategy against a small reference of its own."""

import dataclasses
import math
import random
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.registry.types import DeploymentFacts, ModelFacts, PriceRow
from apps.routing.loads import FAILURE_SECONDS, STALE_SECONDS, TAU, Loads, Report
from apps.routing.strategies import Request, Router, turns
from apps.routing.types import AttemptResult, Option, Pool, Strategy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = Request(input_tokens=1000, output_tokens=100, now=NOW)
DRAWS = 10_000


def deployment(slug, *, prices=(), region=""):
    model = ModelFacts("m", "chat", 8192, 1024, True, True, True, True)
    rows = tuple(PriceRow(1, name, pico, block, None, None) for name, pico, block in prices)
    return DeploymentFacts(
        slug=slug,
        model=model,
        provider="p",
        vendor="compatible",
        base_url="",
        secret_ref="",
        api_version="",
        upstream_name=slug,
        region=region,
        priority=1,
        connect_timeout=1,
        read_timeout=1,
        finish_required=True,
        input_overhead_tokens=0,
        extra_parameters=(),
        active=True,
        prices=rows,
    )


def pool(strategy, options, name="r"):
    return Pool(name, strategy, tuple(options), ring=tuple(o.deployment.slug for o in options))


def options(*slugs, **values):
    return [Option(deployment(slug), **values) for slug in slugs]


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def loads(clock):
    return Loads(clock)


@pytest.fixture
def router(loads):
    return Router(loads=loads, rng=random.Random(7))


def firsts(router, given_pool, draws=DRAWS):
    return Counter(router.decide(given_pool, REQUEST).deployments[0].slug for _ in range(draws))


def within_sampling_error(seen, share):
    """Five standard deviations of a binomial count."""
    return abs(seen - DRAWS * share) <= 5 * math.sqrt(DRAWS * share * (1 - share))


def test_priority_is_the_routes_own_order(router):
    decision = router.decide(pool(Strategy.PRIORITY, options("b", "a")), REQUEST)
    assert [d.slug for d in decision.deployments] == ["b", "a"]
    assert decision.why("a") == "2nd in the route's order"


@pytest.mark.parametrize("weights", [(1, 1), (70, 20, 10), (100, 1, 100, 99)])
def test_weights_are_shares_of_calls(router, weights):
    given_options = [Option(deployment(str(i)), weight=w) for i, w in enumerate(weights)]
    seen = firsts(router, pool(Strategy.WEIGHTED, given_options))
    for index, weight in enumerate(weights):
        assert within_sampling_error(seen[str(index)], weight / sum(weights))


def test_fallbacks_of_a_weighted_route_are_drawn_by_weight_too(router):
    """P(b second | a first) = w_b / (w_b + w_c), as for draws without putting back."""
    given_pool = pool(
        Strategy.WEIGHTED,
        [Option(deployment(s), weight=w) for s, w in (("a", 50), ("b", 30), ("c", 20))],
    )
    orders = Counter(
        tuple(d.slug for d in router.decide(given_pool, REQUEST).deployments) for _ in range(DRAWS)
    )
    assert within_sampling_error(orders["a", "b", "c"], 0.5 * 30 / 50)
    assert within_sampling_error(orders["c", "a", "b"], 0.2 * 50 / 80)


def test_weight_0_is_only_a_fallback(router):
    given_options = [Option(deployment("spare"), weight=0), *options("main")]
    decision = router.decide(pool(Strategy.WEIGHTED, given_options), REQUEST)
    assert [d.slug for d in decision.deployments] == ["main", "spare"]
    assert firsts(router, pool(Strategy.WEIGHTED, given_options), 200) == {"main": 200}


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_canary_takes_its_share_whatever_the_strategy(router, strategy):
    canary = Option(deployment("new"), canary_percent=5)
    given_pool = pool(strategy, [canary, *options("a", "b")])
    seen = firsts(router, given_pool)
    assert within_sampling_error(seen["new"], 0.05)


def test_a_canary_that_was_not_drawn_is_the_last_resort(router):
    canary = Option(deployment("new"), canary_percent=1)
    given_pool = pool(Strategy.PRIORITY, [canary, *options("a", "b")])
    orders = {
        tuple(d.slug for d in router.decide(given_pool, REQUEST).deployments) for _ in range(2000)
    }
    assert orders == {("a", "b", "new"), ("new", "a", "b")}


prices = st.integers(0, 10**6)


@given(
    st.lists(st.tuples(prices, prices, st.sampled_from([1, 1000])), min_size=1, max_size=6),
    st.integers(0, 10**6),
    st.integers(0, 10**5),
)
def test_lowest_cost_is_what_brute_force_finds(rows, input_tokens, output_tokens):
    given_options = [
        Option(deployment(str(i), prices=[("in_uncached", a, block), ("out_text", b, block)]))
        for i, (a, b, block) in enumerate(rows)
    ]
    request = Request(input_tokens, output_tokens, NOW)

    decision = Router(loads=Loads()).decide(pool(Strategy.LOWEST_COST, given_options), request)

    def cost(row):
        """Each line rounded half to even, as `round` does."""
        a, b, block = row
        lines = ((input_tokens, a), (output_tokens, b))
        return sum(round(Fraction(count * price, block)) for count, price in lines)

    found = [cost(rows[int(d.slug)]) for d in decision.deployments]
    assert sorted(found) == found
    preferred = [bool(decision.instead_of(d.slug)) for d in decision.deployments]
    assert preferred == [amount < cost(rows[0]) for amount in found]


def test_what_is_cheaper_stands_in_place_of_the_routes_first(router):
    options = [
        Option(deployment(slug, prices=[("in_uncached", pico, 1), ("out_text", pico, 1)]))
        for slug, pico in (("first", 5), ("dear", 9), ("cheap", 1), ("mid", 3))
    ]
    decision = router.decide(pool(Strategy.LOWEST_COST, options), REQUEST)

    def told(decision):
        return [(d.slug, decision.instead_of(d.slug)) for d in decision.deployments]

    assert told(decision) == [("cheap", "first"), ("mid", "first"), ("first", ""), ("dear", "")]
    resting = decision.without({"first": "for 30 s"})  # nothing was saved by leaving it out
    assert told(resting) == [("cheap", ""), ("mid", ""), ("dear", "")]
    in_order = router.decide(pool(Strategy.PRIORITY, options), REQUEST)
    assert {other for _, other in told(in_order)} == {""}


def test_nothing_is_preferred_to_what_has_no_price(router):
    options = [
        Option(deployment("first")),
        Option(deployment("cheap", prices=[("in_uncached", 1, 1), ("out_text", 1, 1)])),
    ]
    decision = router.decide(pool(Strategy.LOWEST_COST, options), REQUEST)
    assert [d.slug for d in decision.deployments] == ["cheap", "first"]
    assert decision.instead_of("cheap") == ""


def test_what_is_cheapest_depends_on_the_tier_and_on_the_length_of_the_input(router):
    def at(slug, *prices):
        rows = (PriceRow(1, name, pico, 1, None, None, *kind) for name, pico, *kind in prices)
        return Option(dataclasses.replace(deployment(slug), prices=tuple(rows)))

    steady = at("steady", ("in_uncached", 5), ("out_text", 5))
    steps = at("steps", ("in_uncached", 1), ("out_text", 1), ("in_uncached", 9, "default", 1000))
    fast = at("fast", ("in_uncached", 8), ("in_uncached", 2, "flex"), ("out_text", 1, "flex"))
    given_pool = pool(Strategy.LOWEST_COST, [steady, steps, fast])

    def order(tokens, tier):
        request = Request(tokens, 0, NOW, tier)
        return [d.slug for d in router.decide(given_pool, request).deployments]

    assert order(999, "") == order(999, "default") == ["steps", "steady", "fast"]
    assert order(1000, "auto") == ["steady", "fast", "steps"]
    assert order(999, "flex") == ["fast", "steady", "steps"]  # the others have no price for it


def test_what_is_cheapest_depends_on_the_request(router):
    reads = Option(deployment("reads", prices=[("in_uncached", 1, 1), ("out_text", 100, 1)]))
    writes = Option(deployment("writes", prices=[("in_uncached", 5, 1), ("out_text", 10, 1)]))
    unpriced = Option(deployment("unpriced"))
    given_pool = pool(Strategy.LOWEST_COST, [unpriced, writes, reads])

    long_input = router.decide(given_pool, Request(10_000, 10, NOW))
    long_output = router.decide(given_pool, Request(10, 10_000, NOW))

    assert [d.slug for d in long_input.deployments] == ["reads", "writes", "unpriced"]
    assert [d.slug for d in long_output.deployments] == ["writes", "reads", "unpriced"]
    assert long_input.why("unpriced") == "no price: last"


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0.001, 60)), min_size=1, max_size=30))
def test_latency_is_the_peak_ewma_of_its_formula(samples):
    clock = Clock()
    loads, facts = Loads(clock), deployment("a")
    average = None
    for pause, seconds in samples:
        clock.now += pause
        loads.began(facts)
        loads.observe(facts, seconds=seconds, outcome=AttemptResult.ANSWERED)
        if average is None or seconds > average:
            average = seconds
        else:
            kept = math.exp(-pause / TAU)
            average = kept * average + (1 - kept) * seconds
        assert loads.latency("a") == pytest.approx(average)
    clock.now += 7
    assert loads.latency("a") == pytest.approx(average * math.exp(-7 / TAU))


def test_the_fastest_to_fail_is_not_the_fastest(loads):
    loads.began(deployment("a"))
    loads.observe(deployment("a"), seconds=0.001, outcome=AttemptResult.FAILED)
    assert loads.latency("a") == FAILURE_SECONDS


def test_a_callers_fault_says_nothing_about_latency(loads):
    loads.began(deployment("a"))
    loads.observe(deployment("a"), seconds=0.001, outcome=AttemptResult.IGNORED)
    assert (loads.latency("a"), loads.in_flight("a")) == (0, 0)


def test_lowest_latency_takes_the_better_of_two(router, loads):
    """Of three, the slowest is never first, and the fastest is in two of the three pairs."""
    for slug, seconds in (("fast", 0.1), ("mid", 0.5), ("slow", 2.0)):
        loads.began(deployment(slug))
        loads.observe(deployment(slug), seconds=seconds, outcome=AttemptResult.ANSWERED)
    seen = firsts(router, pool(Strategy.LOWEST_LATENCY, options("slow", "mid", "fast")))
    assert seen["slow"] == 0
    assert within_sampling_error(seen["fast"], 2 / 3)


def test_what_is_in_flight_multiplies_latency(router, loads):
    for slug, seconds in (("fast", 0.1), ("slow", 0.3)):
        loads.began(deployment(slug))
        loads.observe(deployment(slug), seconds=seconds, outcome=AttemptResult.ANSWERED)
    for _ in range(3):
        loads.began(deployment("fast"))
    decision = router.decide(pool(Strategy.LOWEST_LATENCY, options("fast", "slow")), REQUEST)
    assert decision.deployments[0].slug == "slow"
    assert decision.why("fast") == "peak EWMA 100 ms, 3 in flight; better of two drawn"


def test_least_busy_counts_all_processes_until_they_fall_silent(router, loads, clock):
    given_pool = pool(Strategy.LEAST_BUSY, options("a", "b"))
    loads.began(deployment("b"))
    loads.hear("neighbour", Report({"a": (0.1, 2)}))
    assert firsts(router, given_pool, 50) == {"b": 50}

    clock.now += STALE_SECONDS

    assert firsts(router, given_pool, 50) == {"a": 50}


def test_equally_busy_ones_share(router):
    seen = firsts(router, pool(Strategy.LEAST_BUSY, options("a", "b")))
    assert within_sampling_error(seen["a"], 0.5)


@given(st.integers(1, 6), st.lists(st.sets(st.integers(0, 5)), max_size=40))
def test_round_robin_passes_the_turn_along_those_who_are_there(size, absences):
    """Reference: walk the ring from the one after the last, and take the first who is there."""
    router, ring, last = Router(loads=Loads()), options(*map(str, range(size))), -1
    for absent in absences:
        there = [o for i, o in enumerate(ring) if i not in absent]
        given_pool = Pool(
            "r", Strategy.ROUND_ROBIN, tuple(there), ring=tuple(map(str, range(size)))
        )
        decision = router.decide(given_pool, REQUEST)
        if not there:
            assert decision.choices == ()
            continue
        expected = next(
            i % size for i in range(last + 1, last + 1 + size) if i % size not in absent
        )
        assert decision.deployments[0].slug == str(expected)
        last = expected


def test_round_robin_is_fair_after_one_has_gone_and_come_back(router):
    everybody = options("a", "b", "c")
    whole = pool(Strategy.ROUND_ROBIN, everybody)
    without_b = Pool("r", Strategy.ROUND_ROBIN, (everybody[0], everybody[2]), ring=whole.ring)

    assert firsts(router, whole, 30) == {"a": 10, "b": 10, "c": 10}
    assert firsts(router, without_b, 30) == {"a": 15, "c": 15}
    assert firsts(router, whole, 30) == {"a": 10, "b": 10, "c": 10}


def test_a_rehearsal_takes_nobodys_turn(router):
    given_pool = pool(Strategy.ROUND_ROBIN, options("a", "b"))
    for _ in range(3):
        assert router.decide(given_pool, REQUEST, rehearse=True).deployments[0].slug == "a"
    assert turns(given_pool, "") == list(given_pool.options)


def test_answers_teach_how_long_the_next_will_be(loads):
    assert loads.expected_output("prompt:x", cap=100) == 100
    for _ in range(100):
        loads.answered("prompt:x", output_tokens=40)
    assert loads.expected_output("prompt:x", cap=1000) == 40
