"""The limiter against the textbook, over two processes, in any order of calls, returns and pauses.

More examples: `LIMITER_EXAMPLES=5000 python3 manage.py test tests/access -k textbook`
"""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.access.limiter import (
    Clock,
    ReferenceBucket,
    caller_with,
    close,
    limiter_on,
    run,
    settled,
)

EXAMPLES = int(os.environ.get("LIMITER_EXAMPLES", "60"))
SLACK = 0.01  # tokens; Redis tells thousandths

tiers = st.fixed_dictionaries(
    {
        "requests_per_second": st.integers(1, 200),
        "burst": st.integers(1, 400),
        "tokens_per_minute": st.integers(60, 100_000),
        "concurrent_calls": st.integers(0, 6),
    }
)
steps = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 1), st.integers(0, 3000), st.sampled_from([0, 2.0])),
    st.tuples(st.just("end"), st.integers(0, 1), st.integers(0, 4000), st.integers(0, 20)),
    st.tuples(st.just("pass"), st.integers(0, 20_000), st.none(), st.none()),
)


class Model:
    def __init__(self, tier):
        rate = tier["requests_per_second"]
        self.requests = ReferenceBucket(rate, max(tier["burst"], rate))
        self.tokens = ReferenceBucket(tier["tokens_per_minute"] / 60, tier["tokens_per_minute"])
        self.slots = tier["concurrent_calls"]
        self.running = []

    def take(self, tokens, max_wait):
        """Whether it is allowed, and after how many ms."""
        wait = max(self.requests.wait_for(1), self.tokens.wait_for(tokens))
        is_full = bool(self.slots) and len(self.running) >= self.slots
        if wait > max_wait * 1000 or is_full:
            return False, wait
        self.requests.level -= 1
        self.tokens.level -= min(tokens, self.tokens.capacity)
        return True, wait

    def end(self, taken, used):
        back = min(taken, self.tokens.capacity) - used
        self.tokens.level = min(self.tokens.capacity, self.tokens.level + back)


def near_a_border(model, tokens, max_wait):
    """Both answers are right within the precision of a float."""
    wait = max(model.requests.wait_for(1), model.tokens.wait_for(tokens))
    return abs(wait - max_wait * 1000) < 1.01


@settings(max_examples=EXAMPLES, deadline=None)
@given(tier=tiers, script=st.lists(steps, max_size=25))
def test_any_sequence_over_two_processes_is_the_textbooks(tier, script):
    run(follow(tier, script))


async def follow(tier, script):
    clock, caller, model = Clock(), caller_with(**tier), Model(tier)
    processes = [limiter_on(clock), limiter_on(clock)]
    try:
        for kind, *values in script:
            if kind == "pass":
                clock.now += values[0]
                model.requests.flow(values[0])
                model.tokens.flow(values[0])
                for process in processes:  # as every `RENEW_EVERY` seconds
                    for service, ids in process._held.items():
                        if ids:
                            await process._renew(f"limit:{service}:slots", list(ids))
            elif kind == "end" and model.running:
                process, used, index = values
                owner, grant, taken = model.running.pop(index % len(model.running))
                owner.give_back(grant, tokens=used)
                await settled(owner)
                model.end(taken, used)
            elif kind == "take":
                process, tokens, max_wait = values
                if near_a_border(model, tokens, max_wait):
                    continue
                await take_once(processes[process], caller, model, tokens, max_wait)
    finally:
        for process in processes:
            await close(process)


async def take_once(limiter, caller, model, tokens, max_wait):
    is_full = model.slots and len(model.running) >= model.slots
    expected, wait = model.take(tokens, 0 if is_full else max_wait)
    grant = await limiter.take(caller=caller, tokens=tokens, max_wait=0 if is_full else max_wait)

    assert not grant.is_local
    assert grant.allowed == expected
    told = grant.wait if expected else grant.retry_after
    if expected or grant.refused != "concurrent":
        assert abs(told * 1000 - wait) <= 1.01  # Redis counts whole ms, upwards
    remaining = [level.remaining for level in grant.levels]
    for level, bucket in zip(remaining, (model.requests, model.tokens), strict=True):
        assert abs(level - max(0, bucket.level)) <= 1 + SLACK
    if expected:
        model.running.append((limiter, grant, tokens))
