"""Hedged calls with any providers: whoever wins, all is booked once and only one answer counts."""

import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.providers.errors import ErrorKind
from tests.gateway.scripted import Hurried, Move, play
from tests.gateway.test_retry_loop import EPSILON, LIMIT, PASSING, PERMANENT, SECONDS
from tests.gateway.test_retry_plan import deployments
from tests.proof import examples

LATE = 0.2
moves = st.builds(Move, SECONDS) | st.builds(
    Move, SECONDS, st.sampled_from([*PASSING, *PERMANENT]), st.none() | st.just(0.05)
)


@settings(max_examples=examples(300), deadline=None)
@given(
    count=st.integers(1, 4),
    script=st.lists(moves, min_size=8, max_size=8),
    budget=st.lists(st.booleans(), min_size=8, max_size=8),
    deadline=st.sampled_from([0.1, 1.0, 5.0, 60.0]),
    repeat_unknown=st.booleans(),
    hold_seconds=st.sampled_from([0.0, 0.0, 0.25]),
    leaves_after=st.none() | st.floats(0, 10),
)
def test_any_race_is_booked_whole_and_answered_once(
    count, script, budget, deadline, repeat_unknown, hold_seconds, leaves_after
):
    hurried = Hurried(LATE, itertools.chain(budget, itertools.repeat(False)))
    played = play(
        deployments(count),
        script,
        deadline=deadline,
        repeat_unknown=repeat_unknown,
        hold_seconds=hold_seconds,
        leaves_after=leaves_after,
        hedging=hurried,
    )

    stage = played.stage
    sent = stage.sent
    assert len(sent) <= max(LIMIT, count)
    assert sorted(stage.settled) == sorted(stage.admitted)
    assert len(stage.admitted) >= len(sent)
    assert all(each.at < deadline for each in sent)
    hedged = overlapping(sent)
    assert len(hedged) <= hurried.asked
    assert not hedged or repeat_unknown
    assert all(a.deployment != b.deployment for a, b in hedged)
    # Nobody is asked too before the first was late, and never more than two at once.
    assert all(b.at >= a.at + LATE - EPSILON for a, b in hedged)
    assert all(n == 1 for n in Counter(id(a) for a, _ in hedged).values())
    answers = [item for item in stage.ends if item.outcome is not None]
    assert len(answers) <= 1
    if played.left:
        return
    assert bool(answers) == (played.refusal is None)
    if played.refusal is None:
        whole_bill(stage, answers[0])
    else:
        assert not any(each.answered for each in sent)
        assert played.refusal.attempts >= len(sent)


def overlapping(sent):
    """Pairs that were under way at the same time."""
    pairs = itertools.combinations(sent, 2)
    return [(a, b) for a, b in pairs if b.at < a.ended - EPSILON or a.ended == b.ended > b.at]


def whole_bill(stage, answer):
    """Each attempt costs 1 here: what is said of the cost has them all but the answer's own."""
    assert answer is stage.ends[-1]
    assert answer.spent_before.pico == len(stage.ends) - 1
    assert stage.outcome.attempts == len(stage.sent)
    good = [each for each in stage.sent if each.answered]
    assert stage.outcome.deployment == min(good, key=lambda each: each.ended).deployment


def race(*script, after=LATE, **values):
    hurried = Hurried(after, itertools.repeat(True))
    return play(deployments(2), list(script), deadline=30, hedging=hurried, **values)


def ends(played):
    return [(item.end.status, item.end.error_kind) for item in played.stage.ends]


def test_a_late_one_is_overtaken_and_booked_before_the_answer():
    played = race(Move(9.0), Move(0.3))

    assert [each.deployment for each in played.stage.sent] == ["d0", "d1"]
    assert ends(played) == [("unknown", "outrun"), ("succeeded", "")]
    assert abs(played.ended - 0.5) < 0.01


def test_a_late_one_that_answers_first_after_all_wins():
    played = race(Move(0.4), Move(9.0))

    assert (played.stage.outcome.deployment, played.stage.outcome.attempts) == ("d0", 2)
    assert ends(played) == [("unknown", "outrun"), ("succeeded", "")]


def test_one_that_answers_in_time_is_left_alone():
    assert len(race(Move(0.19)).stage.sent) == 1


def test_a_failing_hedge_ends_nothing():
    played = race(Move(5.0), Move(0.1, ErrorKind.BAD_REQUEST))

    assert played.stage.outcome.deployment == "d0"
    assert abs(played.ended - 5.0) < 0.01


def test_a_late_failure_ends_nothing_while_the_hedge_runs():
    played = race(Move(0.4, ErrorKind.SERVER_ERROR), Move(5.0))

    assert played.stage.outcome.deployment == "d1"


def test_when_both_failed_the_plan_goes_on_with_what_each_asked_for():
    played = race(
        Move(0.4, ErrorKind.RATE_LIMITED, 2.5), Move(0.3, ErrorKind.CONTENT_REFUSED), Move(0.1)
    )

    assert [each.deployment for each in played.stage.sent] == ["d0", "d1", "d0"]
    assert abs(played.stage.sent[-1].at - 3.0) < 0.01


def test_the_time_in_which_a_hold_is_written_is_not_the_providers():
    assert len(race(Move(0.15), after=LATE, hold_seconds=3.0).stage.sent) == 1


def test_one_whose_hold_came_too_late_is_not_sent():
    """The first answers while the hedge's hold is written."""
    played = race(Move(0.4), after=LATE, hold_seconds=0.3)

    assert len(played.stage.sent) == 1
    assert ends(played) == [("failed", "outrun"), ("succeeded", "")]
    assert played.stage.outcome.attempts == 1
