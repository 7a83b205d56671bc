"""The checker finds each kind of violation that is planted, and nothing in a sound run."""

from dataclasses import replace

import pytest

from tests.chaos.checker import (
    check,
    may_be_repeated,
    measure,
    missing_calls,
    rescues,
    second_calls,
)
from tests.chaos.facts import (
    Attempt,
    Call,
    Entry,
    Facts,
    Fault,
    Hold,
    Job,
    Move,
    Request,
    Submission,
    Window,
)

KILL = Fault("kill", 10.5, 10.6)


def sound() -> Facts:
    """One job whose worker was killed in the first call, and which was answered by the second."""
    return Facts(
        lease_seconds=4,
        submissions=(
            Submission(
                "key-1",
                "hello",
                (Request(10.0, 0.05, 202, "job-1"), Request(10.0, 0.06, 202, "job-1")),
            ),
        ),
        jobs=(Job("job-1", "key-1", "succeeded", answer="You said: hello", cost_pico=150),),
        moves=(
            Move("job-1", 10.1, "", "queued", 0),
            Move("job-1", 10.2, "queued", "running", 1),
            Move("job-1", 14.5, "running", "running", 2),
            Move("job-1", 14.6, "running", "queued", 2),
            Move("job-1", 14.7, "queued", "running", 3),
            Move("job-1", 15.4, "running", "succeeded", 3),
        ),
        attempts=(
            Attempt("first", "job-1", "unknown", error_kind="orphaned"),
            Attempt("second", "job-1", "succeeded", "req_2"),
        ),
        entries=(
            Entry("e1", "first", "estimate", 100),
            Entry("e2", "second", "charge", 50),
        ),
        holds=(Hold("first", "settled", 100, 100), Hold("second", "settled", 100, 50)),
        windows=(Window("shop", 1000, 150, 0, hard=True),),
        calls=(
            Call(1, "hello", 10.3, 11.0, "complete", cost_pico=50),
            Call(2, "hello", 14.8, 15.3, "complete", cost_pico=50),
        ),
        faults=(KILL,),
    )


def kinds(facts: Facts) -> set[str]:
    return {violation.kind for violation in check(facts)}


def test_a_sound_run_has_no_violation():
    assert check(sound()) == []


def test_the_numbers_of_a_sound_run():
    found = measure(sound())

    assert (found["second_calls"], found["second_calls_allowed"]) == (1, 1)
    assert found["in_flight_at_kills"] == 1
    assert found["rescue_max_s"] == pytest.approx(4.2)
    assert found["violations"] == 0


def test_only_what_a_fault_fell_into_may_be_repeated():
    sound_call = Call(1, "hello", 10.3, 11.0, "complete", cost_pico=50)
    during, long_before = replace(sound_call, at=10.4), replace(sound_call, at=1.0, ended=2.0)
    after, failing = replace(sound_call, at=10.7), replace(sound_call, fault="500")
    calls = (sound_call, during, long_before, after, failing)

    assert may_be_repeated(replace(sound(), calls=calls)) == 2
    assert may_be_repeated(replace(sound(), calls=calls, faults=())) == 0


def change(name: str, index: int, **values: object) -> Facts:
    """Sound facts with other values in one row."""
    facts = sound()
    rows = list(getattr(facts, name))
    rows[index] = replace(rows[index], **values)
    return replace(facts, **{name: tuple(rows)})


def add(name: str, *rows: object) -> Facts:
    facts = sound()
    return replace(facts, **{name: (*getattr(facts, name), *rows)})


def drop(name: str, index: int) -> Facts:
    facts = sound()
    rows = list(getattr(facts, name))
    del rows[index]
    return replace(facts, **{name: tuple(rows)})


PLANTED = {
    "a job that never ends": (change("jobs", 0, status="running"), "lost"),
    "a job that is gone": (drop("jobs", 0), "lost"),
    "a dead letter": (change("jobs", 0, status="failed"), "unanswered"),
    "two jobs of one key": (add("jobs", Job("job-2", "key-1", "succeeded")), "accepted_twice"),
    "two answers to one key": (
        change(
            "submissions",
            0,
            requests=(Request(1, 1, 202, "job-1"), Request(1, 1, 202, "job-2")),
        ),
        "accepted_twice",
    ),
    "a client that was never served": (
        change("submissions", 0, requests=(Request(1, 1, 503),)),
        "never_accepted",
    ),
    "a server error": (
        change("submissions", 0, requests=(Request(1, 1, 202, "job-1", problem="500"),)),
        "bad_answer",
    ),
    "an end written over an end": (
        add("moves", Move("job-1", 16, "succeeded", "succeeded", 3)),
        "ended_twice",
    ),
    "the answer of another job": (change("jobs", 0, answer="You said: bye"), "wrong_answer"),
    "a second charge": (add("entries", Entry("e3", "second", "charge", 50)), "charged_twice"),
    "a charge beside its estimate": (
        add("entries", Entry("e3", "first", "late_charge", 50)),
        "charged_twice",
    ),
    "one call in two attempts": (
        change("attempts", 0, provider_request_id="req_2"),
        "charged_twice",
    ),
    "a charge over another amount": (change("entries", 1, amount_pico=49), "wrong_charge"),
    "a call without an attempt": (drop("attempts", 0), "not_in_the_book"),
    "a cost that nobody booked": (drop("entries", 0), "not_in_the_book"),
    "an attempt left open": (change("attempts", 0, status="dispatched"), "left_open"),
    "a hold left held": (change("holds", 1, status="held"), "leaked_hold"),
    "a hold without an attempt": (add("holds", Hold("third", "held", 9, 0)), "leaked_hold"),
    "a window that forgot a cost": (change("windows", 0, posted_pico=149), "budget"),
    "a window that keeps a hold": (change("windows", 0, held_pico=1), "budget"),
    "a window above its limit": (change("windows", 0, limit_pico=149), "budget"),
    "a job dearer than its entries": (change("jobs", 0, cost_pico=151), "job_cost"),
    "a second call without a reason": (replace(sound(), faults=()), "second_call"),
    "a rescue that takes too long": (change("moves", 4, at=20.0), "slow_rescue"),
    "a slow submit without Valkey": (
        replace(
            change("submissions", 0, requests=(Request(30.0, 1.6, 202, "job-1"),)),
            faults=(KILL, Fault("valkey_hang", 29.0, 33.0)),
        ),
        "slow_submit",
    ),
    "what verify_ledger says": (replace(sound(), ledger_faults=("posted differs",)), "ledger"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name):
    facts, kind = PLANTED[name]

    assert kind in kinds(facts)


def test_an_estimate_that_the_truth_replaced_is_one_charge():
    late = (
        Entry("e3", "first", "reversal", -100, reverses="e1"),
        Entry("e4", "first", "late_charge", 50),
    )
    facts = replace(add("entries", *late), windows=(Window("shop", 1000, 100, 0, hard=True),))

    assert kinds(replace(facts, jobs=(replace(facts.jobs[0], cost_pico=100),))) == set()


def test_what_nobody_knows_may_be_held():
    facts = replace(
        change("holds", 0, status="held", posted_pico=60),
        windows=(Window("shop", 1000, 110, 40, hard=True),),
        jobs=(replace(sound().jobs[0], cost_pico=110),),
    )
    entries = (replace(sound().entries[0], amount_pico=60), sound().entries[1])

    assert check(replace(facts, entries=entries)) == []


def test_a_call_after_a_fault_of_the_upstream_is_no_second_call():
    facts = change("calls", 0, fault="error_500", cost_pico=0)

    assert second_calls(facts) == []


def test_calls_without_an_answer_are_matched_by_their_number():
    calls = [Call(n, "hello", n, None, "client_gone") for n in (1, 2)]
    nameless = [Attempt("a", "job-1", "unknown"), Attempt("b", "job-1", "unknown")]

    assert missing_calls(calls, nameless) == 0
    assert missing_calls(calls, nameless[:1]) == 1


def test_a_rescue_beside_another_fault_is_not_timed():
    facts = replace(sound(), faults=(KILL, Fault("postgres_down", 12.0, 15.0)))

    assert rescues(facts) == []
