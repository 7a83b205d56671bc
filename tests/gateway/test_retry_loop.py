"""The loop of attempts, with any providers: an independent referee looks at what was sent when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.providers.errors import ErrorKind, ProviderError
from tests.gateway.scripted import Move, Played, play
from tests.gateway.test_retry_plan import deployments
from tests.proof import examples

EPSILON = 1e-5  # seconds; datetimes are cut to microseconds
LIMIT = 3
BACKOFF = 1.0  # seconds at most
PATIENCE = 3.0  # seconds; whoever asks for so many is not waited for
UNKNOWN = {"timeout", "reset", "incomplete", "cancelled"}
NEVER_AGAIN = {"bad_request", "not_found", "cancelled"}  # the caller's own fault
NOT_THERE = {"context_too_long", "content_refused", "auth", "refused"}

SECONDS = st.sampled_from([0.0, 0.01, 0.3, 2.0, 9.0])
ASKED = st.none() | st.sampled_from([0.0, 0.05, 0.7, 2.9, 3.0, 90.0])
PERMANENT = [ErrorKind(name) for name in sorted((NEVER_AGAIN | NOT_THERE) - {"cancelled"})]
OURS = {ErrorKind.CANCELLED, ErrorKind.LEASE_OVER, ErrorKind.OUTRUN}  # no provider can fail so
PASSING = sorted(set(ErrorKind) - set(PERMANENT) - OURS)

answers = st.builds(Move, SECONDS)
passing = st.builds(Move, SECONDS, st.sampled_from(PASSING), ASKED)
permanent = st.builds(Move, SECONDS, st.sampled_from(PERMANENT), ASKED)


def script(of):
    return st.lists(of, min_size=8, max_size=8)


@settings(max_examples=examples(150), deadline=None)
@given(
    count=st.integers(1, 5),
    moves=script(passing) | script(answers | passing | permanent),
    deadline=st.sampled_from([0.0, 0.2, 1.0, 5.0, 60.0]),
    repeat_unknown=st.booleans(),
    hold_seconds=st.sampled_from([0.0, 0.0, 0.25]),
    leaves_after=st.none() | st.floats(0, 10),
)
def test_any_call_keeps_the_rules(
    count, moves, deadline, repeat_unknown, hold_seconds, leaves_after
):
    played = play(
        deployments(count),
        moves,
        deadline=deadline,
        repeat_unknown=repeat_unknown,
        hold_seconds=hold_seconds,
        leaves_after=leaves_after,
    )

    sent = played.stage.sent
    assert len(sent) <= max(LIMIT, count)
    assert all(each.at < deadline for each in sent)
    # Only a hold, which waits for the database, may last beyond the deadline.
    assert played.ended <= deadline + hold_seconds + EPSILON or played.left
    assert sorted(played.stage.settled) == sorted(played.stage.admitted)
    assert len(played.stage.admitted) >= len(sent)
    for number in range(1, len(sent)):
        is_allowed_after(sent[:number], sent[number], count, repeat_unknown, hold_seconds)
    if not played.left:
        ends_rightly(played, count, deadline, repeat_unknown)


def is_allowed_after(before, next_, count, repeat_unknown, hold_seconds):
    """Never after a permanent fault, elsewhere first, and after the wait that was asked for."""
    error, names = before[-1].error, [each.deployment for each in before]
    assert error is not None
    assert error.kind not in NEVER_AGAIN
    assert repeat_unknown or error.kind not in UNKNOWN
    waited = next_.at - before[-1].ended - hold_seconds
    if len(set(names)) < count:  # somebody was not asked yet
        assert next_.deployment == f"d{len(set(names))}"
        assert waited == pytest.approx(0, abs=EPSILON)
        return
    own = [each for each in before if each.deployment == next_.deployment]
    assert not {each.error.kind for each in own} & NOT_THERE
    asked = own[-1].error.retry_after
    assert asked is None or asked < PATIENCE
    assert waited <= BACKOFF + EPSILON if asked is None else waited == pytest.approx(asked)


def ends_rightly(played: Played, count, deadline, repeat_unknown):
    """The answer where there was one; and no call is given up that could have gone on."""
    sent, refusal = played.stage.sent, played.refusal
    error = sent[-1].error if sent else None
    if sent and error is None:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.attempts >= len(sent)
    if error is None or deadline - played.ended <= EPSILON:
        return  # no time was left
    if error.kind in UNKNOWN and not repeat_unknown:
        assert refusal.code == "outcome_unknown"
        return
    assert not could_go_on(sent, error, count, deadline - played.ended)
    assert (refusal.retry_after is not None) == error.retryable
    if error.retryable and error.retry_after is not None:
        assert refusal.retry_after == error.retry_after


def could_go_on(sent, error: ProviderError, count, left):
    if error.kind in NEVER_AGAIN or len(sent) >= max(LIMIT, count):
        return False
    if len({each.deployment for each in sent}) < count:
        return True
    dead = {each.deployment for each in sent if each.error.kind in NOT_THERE}
    asked = {each.deployment: each.error.retry_after for each in sent}
    waits = [BACKOFF if asked[name] is None else asked[name] for name in asked.keys() - dead]
    return bool(waits) and min(waits) < min(PATIENCE, left - EPSILON)


@pytest.mark.parametrize(
    ("asked", "waited"), [(0.0, 0.0), (0.05, 0.05), (0.7, 0.7), (None, pytest.approx(0.05))]
)
def test_at_once_is_not_the_same_as_nothing_said(asked, waited, monkeypatch):
    monkeypatch.setattr("apps.gateway.retry.random.uniform", lambda low, high: high / 2)
    failure = Move(0, ErrorKind.RATE_LIMITED, asked)

    played = play(deployments(1), [failure, Move(0)], deadline=9)

    first, second = played.stage.sent
    assert second.at - first.ended == waited


@pytest.mark.parametrize(("asked", "told"), [(None, 1), (0.0, 0), (7.0, 7)])
def test_the_caller_is_told_what_the_last_provider_asked_for(asked, told):
    played = play(deployments(1), [Move(0, ErrorKind.RATE_LIMITED, asked)] * 3, deadline=60)

    assert played.refusal.retry_after == told


def test_a_request_whose_outcome_is_unknown_is_sent_once_where_that_was_asked():
    played = play(deployments(3), [Move(0, ErrorKind.RESET)], deadline=9, repeat_unknown=False)

    assert (len(played.stage.sent), played.refusal.code) == (1, "outcome_unknown")
