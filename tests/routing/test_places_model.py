"""Places of a deployment against a model that remembers everything and recomputes it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from apps.routing.places import BURST, Full, Places
from apps.routing.types import AttemptResult
from tests.proof import examples
from tests.routing.test_health import ANSWERED, LIMITED, A, late, say

picks = st.integers(0, 1_000)


class PlacesAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.told = []
        self.places = Places(self.told.append)
        self.running, self.queue = {}, {}  # task → cuts when it began, in order
        self.limits, self.answers = [None], 0  # every limit that was; answers under the last
        self.cuts = 0

    def teardown(self):
        for task in self.queue:
            task.cancel()
        self.settle()
        self.loop.close()

    def settle(self):
        """Let everybody do what can be done now."""
        for _ in range(5):
            self.loop.run_until_complete(asyncio.sleep(0))

    @property
    def limit(self):
        return self.limits[-1]

    def has_room(self):
        return self.limit is None or len(self.running) < self.limit

    def admit_waiting(self):
        while self.queue and self.has_room():
            task = next(iter(self.queue))
            del self.queue[task]
            self.running[task] = self.cuts

    @rule(patience=st.sampled_from([0.0, 1e6]))
    def a_call_comes(self, patience):
        task = self.loop.create_task(self.places.take(patience))
        self.settle()
        if self.has_room():
            self.running[task] = self.cuts
            assert task.done()
            task.result()
        elif patience and len(self.queue) < max(BURST, self.limit):
            self.queue[task] = None
            assert not task.done()
        else:
            assert isinstance(task.exception(), Full)

    @rule(times=st.integers(2, 30))
    def many_come(self, times):
        for _ in range(times):
            self.a_call_comes(1e6)

    def chosen(self, pick):
        return list(self.running)[pick % len(self.running)]

    @precondition(lambda self: self.running)
    @rule(pick=picks, result=st.sampled_from(["answered", "pushed", "neither"]))
    def one_ends(self, pick, result):
        task = self.chosen(pick)
        if result == "answered":
            self.places.answered()
            self.model_answered()
        elif result == "pushed":
            self.places.pushed_back(self.running[task])
            if self.running[task] == self.cuts and len(self.running) > 1:
                self.model_cut()
        del self.running[task]
        self.places.leave()
        self.admit_waiting()
        self.settle()

    @precondition(lambda self: self.running)
    @rule(picks=st.lists(picks, min_size=5, max_size=40))
    def many_are_answered(self, picks):
        for pick in picks:
            if self.running:
                self.one_ends(pick, "answered")

    @precondition(lambda self: self.queue)
    @rule(pick=picks)
    def one_that_waits_gives_up(self, pick):
        task = list(self.queue)[pick % len(self.queue)]
        task.cancel()
        del self.queue[task]
        self.settle()
        assert task.cancelled()

    @rule()
    def an_operator_lifts_the_limit(self):
        self.places.lift()
        if self.limit is not None:
            self.cuts += 1
            self.limits.append(None)
            self.answers = 0
            self.admit_waiting()
            self.settle()

    def model_answered(self):
        if self.limit is None or 2 * len(self.running) < self.limit:
            return
        self.answers += 1
        if self.answers == self.limit:
            self.limits.append(self.limit + 1)
            self.answers = 0
            self.admit_waiting()

    def model_cut(self):
        self.cuts += 1
        self.limits.append(max(1, len(self.running) * 7 // 10))
        self.answers = 0

    @invariant()
    def they_agree(self):
        assert self.places.limit == self.limit
        assert self.places.taken == len(self.running)
        assert self.places.waiting == len(self.queue)
        assert self.told == [limit or 0 for limit in self.limits[1:]]
        assert all(task.done() for task in self.running)

    @invariant()
    def nobody_waits_for_a_free_place(self):
        assert self.limit is None or self.limit >= 1
        assert not (self.queue and self.has_room())


PlacesAgainstModel.TestCase.settings = settings(
    max_examples=examples(100), stateful_step_count=40, deadline=None
)
TestPlacesAgainstModel = PlacesAgainstModel.TestCase


# --- what tells them ------------------------------------------------------------------------------
def test_a_429_and_a_late_answer_push_back_and_a_caller_in_a_hurry_does_not(health):
    places = health.places(A)
    places.taken = 10
    late(health, A, AttemptResult.TIMED_OUT)  # no answer yet, so 2 s are long
    assert places.limit == 7
    late(health, A, LIMITED, retry_after=0.0)
    assert places.limit == 7, "it was sent before the cut"

    say(health, A, *[ANSWERED] * 3)
    say(health, A, AttemptResult.TIMED_OUT, seconds=2.5)
    assert places.limit == 7
    places.taken = 4
    say(health, A, LIMITED, retry_after=0.0)
    assert places.limit == 2


def test_a_429_to_the_only_call_says_nothing_of_many_at_once(health):
    health.places(A).taken = 1
    late(health, A, LIMITED, retry_after=0.0)
    assert health.places(A).limit is None


@pytest.mark.parametrize("outcome", [AttemptResult.FAILED, AttemptResult.IGNORED])
def test_what_says_nothing_of_load_limits_nothing(health, outcome):
    health.places(A).taken = 10
    say(health, A, outcome)
    assert health.places(A).limit is None


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(1, 60))
def test_it_finds_what_a_deployment_bears(capacity):
    """Rounds of as many calls as have room at one that refuses what is above its capacity: it
    stays between the capacity less three tenths and the capacity and one."""
    places, seen = Places(taken=0), []
    places.limit = 100
    for _ in range(400):
        cuts, sent = places.cuts, places.limit
        places.taken = sent
        for number in range(sent):
            if number < capacity:
                places.answered()
            else:
                places.pushed_back(cuts)
        places.taken = 0
        seen.append(places.limit)
    assert max(seen[200:]) <= capacity + 2
    assert min(seen[200:]) >= max(1, (capacity + 1) * 7 // 10)


def test_a_place_that_comes_at_the_moment_of_giving_up_is_passed_on():
    async def play():
        places = Places()
        places.limit = places.taken = 1
        first = asyncio.create_task(places.take(100))
        second = asyncio.create_task(places.take(100))
        await asyncio.sleep(0)
        places.leave()  # to the first, which has not run yet
        first.cancel()
        await asyncio.wait({first, second}, timeout=5)
        return first.cancelled(), second.done(), places.taken, places.waiting

    assert asyncio.run(play()) == (True, True, 1, 0)


def test_who_waits_gives_up_when_its_time_is_over():
    async def play():
        places = Places()
        places.limit = places.taken = 1
        with pytest.raises(Full):
            await places.take(0.01)
        return places.taken, places.waiting

    assert asyncio.run(play()) == (1, 0)
