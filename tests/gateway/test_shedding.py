"""Under overload callers of the least important tiers are refused first, and no more than needed.

More examples: `SHEDDING_EXAMPLES=5000 python3 manage.py test tests/gateway -k reference`
"""

import os
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from apps.access.types import TierLimits
from apps.gateway.shedding import HIGH, LOW, Shedder
from apps.gateway.types import CallRefused
from tests.factories import make_key, make_service, make_tier
from tests.gateway.asgi import HELLO, Visit

EXAMPLES = int(os.environ.get("SHEDDING_EXAMPLES", "200"))
BODY = {"model": "small", "messages": [HELLO], "cache": "bypass"}


def tier(importance):
    return TierLimits(f"tier-{importance}", 0, 0, 0, importance=importance)


def refused(shedder, importance):
    """None, or the refusal; who is admitted leaves at once."""
    try:
        shedder.admit(tier(importance))
    except CallRefused as refusal:
        return refusal
    shedder.leave()
    return None


class Reference:
    """The promise in its plainest form, with exact fractions: pressure from 0 (everybody) to the
    number of ranks above the lowest (only the most important)."""

    def __init__(self, importances, most_calls):
        self.ordered = sorted(set(importances))
        self.most, self.running, self.pressure, self.before = most_calls, 0, Fraction(0), 0.0
        self.asked = dict.fromkeys(self.ordered, Fraction(0))

    def see(self, delay):
        standing, self.before = min(delay, self.before), delay
        if standing > HIGH:
            self.pressure = min(Fraction(len(self.ordered) - 1), self.pressure + Fraction(1, 10))
        elif standing < LOW:
            self.pressure = max(Fraction(0), self.pressure - Fraction(1, 100))

    def room(self, rank):
        above = Fraction(len(self.ordered) - 1 - rank, max(1, len(self.ordered) - 1))
        return self.most - int(Fraction(self.most // 5) * above)

    def admits(self, importance):
        rank = self.ordered.index(importance)
        if self.running >= self.room(rank):
            return False
        self.asked[importance] += max(Fraction(0), min(Fraction(1), self.pressure - rank))
        if self.asked[importance] >= 1:
            self.asked[importance] -= 1
            return False
        self.running += 1
        return True


ranks = st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
steps = st.one_of(
    st.tuples(st.just("see"), st.sampled_from([0.0, LOW, 0.03, HIGH, 0.051, 0.4])),
    st.tuples(st.just("ask"), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.none()),
    st.tuples(st.just("long overload"), st.integers(1, 40)),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(ranks=ranks, most_calls=st.integers(0, 40), steps=st.lists(steps, max_size=80))
def test_it_is_the_reference_model(ranks, most_calls, steps):
    shedder, model = Shedder(most_calls=most_calls), Reference(ranks, most_calls)
    shedder.rank(ranks)
    for step, value in steps:
        if step == "leave" and model.running:
            shedder.leave()
            model.running -= 1
        if step == "ask":
            importance = ranks[value % len(ranks)]
            running = shedder.in_flight
            if model.admits(importance):
                shedder.admit(tier(importance))
                assert shedder.in_flight == running + 1
            else:
                with pytest.raises(CallRefused):
                    shedder.admit(tier(importance))
                assert shedder.in_flight == running
        looks = {"see": [value], "long overload": [0.4] * int(value or 0)}
        for delay in looks.get(step, []):
            shedder.saw(delay)
            model.see(delay)
        assert shedder.level == 100 * model.pressure


def shares(shedder, *importances):
    """Of 100 calls of each, how many are refused."""
    return [sum(refused(shedder, each) is not None for _ in range(100)) for each in importances]


def test_the_least_important_go_first_and_the_most_important_never_for_delay():
    shedder = Shedder(most_calls=1000)
    shedder.rank([0, 1, 5])
    seen = []
    for _ in range(21):
        shedder.saw(0.2)
        seen.append(shares(shedder, 0, 1, 5))

    assert seen[0] == [0, 0, 0], "one late look is no queue"
    assert seen[5] == [50, 0, 0]
    assert seen[15] == [100, 50, 0]
    assert seen[20] == [100, 100, 0]


def test_it_comes_back_slowly_and_stays_between_the_two_marks():
    shedder = Shedder(most_calls=1000)
    shedder.rank([0, 1])
    for _ in range(11):
        shedder.saw(0.2)
    for _ in range(50):
        shedder.saw(0.03)
    assert shares(shedder, 0, 1) == [100, 0]
    for _ in range(30):
        shedder.saw(0.0)
    assert shares(shedder, 0, 1) == [70, 0]
    for _ in range(70):
        shedder.saw(0.0)
    assert shares(shedder, 0, 1) == [0, 0]


def test_a_single_collection_of_garbage_refuses_nobody():
    shedder = Shedder(most_calls=1000)
    shedder.rank([0, 1])
    for _ in range(50):
        shedder.saw(0.5)
        shedder.saw(0.0)

    assert shares(shedder, 0, 1) == [0, 0]


def test_where_all_are_alike_only_room_refuses():
    shedder = Shedder(most_calls=2)
    shedder.rank([3])
    for _ in range(100):
        shedder.saw(1.0)
    assert refused(shedder, 3) is None
    shedder.admit(tier(3))
    shedder.admit(tier(3))

    refusal = refused(shedder, 3)

    assert (refusal.code, refusal.status, refusal.retry_after) == ("overloaded", 503, 1.0)


def test_who_is_refused_for_delay_hears_when_all_of_the_tier_may_be_back():
    shedder = Shedder(most_calls=1000)
    shedder.rank([0, 1])
    for _ in range(11):
        shedder.saw(0.2)

    assert refused(shedder, 0).retry_after == pytest.approx(6.0)


def test_ranks_follow_the_configuration():
    shedder = Shedder(most_calls=1000)
    shedder.rank([0, 1, 2])
    for _ in range(30):
        shedder.saw(0.2)
    shedder.rank([0, 1])

    assert shares(shedder, 0, 1, 7) == [100, 0, 0], "a tier that is not ranked yet is not refused"


# --- Over HTTP -----------------------------------------------------------------------------------
@pytest.fixture
def few(settings):
    settings.GATEWAY_MAX_CALLS = 5


@pytest.mark.parametrize("stream", [False, True])
def test_the_last_fifth_of_the_room_is_for_the_more_important(few, shop, runtime, upstream, stream):
    premium = make_service(tier=make_tier(slug="premium", importance=1))
    keys, body = (make_key(shop), make_key(premium)), BODY | {"stream": stream}
    upstream.behave(latency=1.0)
    before = REGISTRY.get_sample_value("llm_shed_total", {"tier": "unlimited", "reason": "room"})

    started = []
    for key in [keys[0]] * 6 + [keys[1]] * 2:
        visit = Visit(runtime, key)
        started.append((visit, visit.start(body=body)))
    for _, future in started:
        future.result(timeout=30)

    visits = [visit for visit, _ in started]
    assert [visit.status for visit in visits] == [200] * 4 + [503] * 2 + [200, 503]
    assert len(upstream.log()) == 5, "nothing was sent for who was refused"
    error = visits[4].json["error"]
    assert (error["code"], error["type"]) == ("overloaded", "server_error")
    assert (visits[4].headers["retry-after"], visits[4].headers.get("x-should-retry")) == (
        "1",
        None,
    )
    after = REGISTRY.get_sample_value("llm_shed_total", {"tier": "unlimited", "reason": "room"})
    assert after - (before or 0) == 2
    assert runtime.shedder.in_flight == 0


def test_a_call_whose_client_left_takes_its_room_until_it_ends(few, shop, runtime, upstream):
    upstream.behave(latency=2.0, times=5)
    key = make_key(shop)
    started = []
    for _ in range(5):
        visit = Visit(runtime, key)
        started.append((visit, visit.start(body=BODY | {"stream": True})))
    upstream.wait_until(lambda report: report["in_flight"] == 5)
    for visit, future in started:
        visit.leave()
        future.result(timeout=30)

    assert Visit(runtime, key).run(body=BODY).status == 503
    upstream.wait_until(lambda report: report["in_flight"] == 0)


def test_models_and_jobs_are_not_shed(few, shop, runtime):
    runtime.shedder.in_flight = 100
    key = make_key(shop)

    assert Visit(runtime, key).run("/v1/models", method="GET").status == 200
    assert Visit(runtime, key).run(body=BODY).status == 503
