"""Breaker, cooldown and retry budget against models that remember everything and recompute it."""

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from apps.routing.breaker import Breaker, Reason, State, Terms, Verdict
from apps.routing.health import COOLDOWN_SECONDS, Health, Permit
from apps.routing.retry_budget import MOST, PER_SECOND, SHARE, RetryBudget
from apps.routing.types import AttemptResult
from tests.proof import examples
from tests.routing.test_strategies import Clock, deployment

TERMS = Terms(jitter=0.0)
steps = st.integers(0, 120).map(lambda quarters: quarters / 4)
verdicts = st.sampled_from(Verdict)


class Model:
    """The rules as docs/resilience.md tells them, over the whole history."""

    def __init__(self):
        self.history = []  # (time, verdict) since it was closed
        self.opened = []  # (time, length, reason), one after the other without closing
        self.probes = []  # verdicts since it is half-open
        self.row = 0

    def state(self, now):
        if not self.opened:
            return State.CLOSED
        at, length, _ = self.opened[-1]
        return State.OPEN if now < at + length else State.HALF_OPEN

    def open(self, now, reason):
        self.opened.append((now, min(60, 5 * 2 ** len(self.opened)), reason))
        self.probes = []

    def record(self, verdict, now, probe):
        self.row = self.row + 1 if verdict in ("failed", "missing") else 0
        state = self.state(now)
        if state == "closed":
            if verdict != "missing":
                self.history.append((now, verdict))
            if reason := self.verdict_of_history(now):
                self.open(now, reason)
        elif state == "half_open" and probe:
            self.judge(verdict, now)
        elif self.opened[-1][2] in ("failure_rate", "slow_rate") and self.row >= 5:
            at, length, _ = self.opened[-1]
            self.opened[-1] = (at, length, "in_a_row")

    def verdict_of_history(self, now):
        recent = [v for at, v in self.history if at // 3 > now // 3 - 10]
        failed = recent.count("failed")
        if self.row >= 5:
            return "in_a_row"
        if len(recent) >= 20 and Fraction(failed, len(recent)) >= Fraction(1, 2):
            return "failure_rate"
        slow = failed + recent.count("slow")
        if len(recent) >= 20 and Fraction(slow, len(recent)) >= Fraction(4, 5):
            return "slow_rate"
        return None

    def judge(self, verdict, now):
        bad = ["failed", "missing"] + ["slow"] * (self.opened[-1][2] == "slow_rate")
        self.probes.append(verdict in bad)
        if self.probes.count(False) == 2:
            self.__init__()
        elif self.probes.count(True) == 2:
            self.open(now, self.opened[-1][2])


class BreakerAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now, self.running = 1000.0, 0
        self.breaker, self.model = Breaker(TERMS, random.Random(1)), Model()

    @rule(step=steps)
    def time_passes(self, step):
        self.now += step

    @rule(verdict=verdicts, times=st.integers(1, 25))
    def calls_end(self, verdict, times):
        for _ in range(times):
            self.breaker.record(verdict, now=self.now)
            self.model.record(verdict, self.now, probe=False)

    @rule(mix=st.lists(verdicts, min_size=20, max_size=40), step=st.integers(0, 2))
    def a_mix_of_calls_ends(self, mix, step):
        for verdict in mix:
            self.now += step / 4
            self.calls_end(verdict, 1)

    @rule()
    def a_probe_is_asked_for(self):
        may = self.model.state(self.now) == "half_open" and self.running < 3
        assert self.breaker.take_probe(self.now) == may
        self.running += may

    @precondition(lambda self: self.running)
    @rule(verdict=verdicts, sent=st.booleans())
    def a_probe_ends(self, verdict, sent):
        """Also one that was never sent, or whose end says nothing."""
        if sent:
            self.breaker.record(verdict, now=self.now, probe=True)
            self.model.record(verdict, self.now, probe=True)
        self.breaker.give_back()
        self.running -= 1

    @rule()
    def an_operator_closes_it(self):
        self.breaker.close()
        self.model.__init__()

    @invariant()
    def they_agree(self):
        assert self.breaker.state(self.now) == self.model.state(self.now)
        if self.model.opened:
            at, length, reason = self.model.opened[-1]
            assert self.breaker.rest(self.now) == max(0, at + length - self.now)
            assert self.breaker.reason == reason
        assert self.breaker.probing == self.running


BreakerAgainstModel.TestCase.settings = settings(
    max_examples=examples(125), stateful_step_count=40, deadline=None
)
TestBreakerAgainstModel = BreakerAgainstModel.TestCase


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(steps, st.none() | st.floats(0, 100)), min_size=1, max_size=20))
def test_a_cooldown_ends_at_the_latest_time_that_was_ever_asked_for(limits):
    clock = Clock()
    health, ends = Health(clock), 0.0
    for step, retry_after in limits:
        clock.now += step
        asked = COOLDOWN_SECONDS if retry_after is None else retry_after
        ends = max(ends, clock.now + asked)
        in_flight = Permit(health, deployment("a"))
        health.ended(in_flight, seconds=1, outcome=AttemptResult.LIMITED, retry_after=retry_after)
        rest = health.rest(deployment("a"))
        assert (rest.seconds if rest else 0.0) == max(0.0, ends - clock.now)
        assert rest is None or rest.reason is Reason.LIMITED


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["call", "retry"]), st.integers(0, 20)), max_size=200))
def test_retries_stay_within_the_budget(events):
    """The bucket against exact fractions, and against the bound that it is there for."""
    now, tokens, calls, retries = 0.0, Fraction(int(MOST)), 0, 0
    budget = RetryBudget(now)
    for kind, quarters in events:
        now += quarters / 4
        refilled = tokens + Fraction(quarters, 4) * Fraction(int(PER_SECOND))
        tokens = min(Fraction(int(MOST)), refilled)
        if kind == "call":
            budget.call(now)
            tokens, calls = min(Fraction(int(MOST)), tokens + Fraction(1, 10)), calls + 1
        elif abs(tokens - 1) > Fraction(1, 10**6):  # where a float can tell
            taken = budget.take(now)
            assert taken == (tokens >= 1)
            tokens, retries = tokens - taken, retries + taken
    assert retries <= MOST + SHARE * calls + PER_SECOND * now + 1e-6
