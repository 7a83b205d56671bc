"""How runs end: once, by their newest owner."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.gateway.types import CallRefused, FitReport
from apps.jobs.models import JobPayload
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.types import Ending, EndKind, Ticket
from tests.jobs.conftest import outcome, state

SECOND = timedelta(seconds=1)


@pytest.fixture
def running(make_job):
    return make_job("running")


def end(job, kind=EndKind.REFUSED, *, fence=1, **values):
    return end_all([Ending(Ticket(job.pk, fence), kind, **values)])


def test_an_answer_finishes_the_job(running):
    assert finish_all([(Ticket(running.pk, 1), outcome("Hi!"))]) == [True]

    job = state(running)
    assert (job.status, job.cache, job.deployment, job.attempts) == (
        "succeeded",
        "miss",
        "small-1",
        1,
    )
    assert (job.input_tokens, job.output_tokens) == (7, 3)
    assert job.lease_until is None
    assert job.finished_at is not None
    assert JobPayload.objects.get(job_id=running.pk).result == {
        "text": "Hi!",
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hi!"},
        "model": "small",
        "usage": {"in_uncached": 7, "out_text": 3},
    }


def test_the_result_says_what_was_left_out_of_the_prompt(running, api):
    fit = FitReport(("message 2", "history: 4 messages"), 150)
    finish_all([(Ticket(running.pk, 1), outcome("Hi!", fit=fit))])

    assert api.get(f"{running.pk}/").json()["result"]["fit"] == {
        "left_out": ["message 2", "history: 4 messages"],
        "saved_tokens": 150,
    }


def test_a_late_answer_changes_nothing(make_job):
    taken = make_job("running", fence=2)
    before = state(taken)

    assert finish_all([(Ticket(taken.pk, 1), outcome("late"))]) == [False]

    assert state(taken) == before
    assert JobPayload.objects.get(job_id=taken.pk).result is None


@pytest.mark.parametrize("status", ["queued", "succeeded", "failed", "cancelled", "expired"])
def test_a_job_that_is_not_running_cannot_be_finished(make_job, status):
    job = make_job(status, fence=1)
    before = state(job)

    assert finish_all([(Ticket(job.pk, 1), outcome())]) == [False]
    assert end(job, code="x", message="y") == [False]

    assert state(job) == before


def test_many_are_finished_at_once_and_each_gets_its_own_answer(make_job):
    jobs = [make_job("running") for _ in range(5)]
    late = make_job("running", fence=2)
    answered = [(Ticket(job.pk, 1), outcome(str(i))) for i, job in enumerate([*jobs, late])]

    assert finish_all(answered) == [True] * 5 + [False]

    texts = [JobPayload.objects.get(job_id=job.pk).result["text"] for job in jobs]
    assert texts == ["0", "1", "2", "3", "4"]


def test_the_cost_is_what_the_ledger_holds_also_when_a_late_run_booked_it(make_job, book):
    taken = make_job("running", fence=2)
    book(taken, 40)

    finish_all([(Ticket(taken.pk, 1), outcome())])
    assert state(taken).cost_pico == 40

    book(taken, 2)
    finish_all([(Ticket(taken.pk, 2), outcome())])
    assert (state(taken).status, state(taken).cost_pico) == ("succeeded", 42)


def test_an_answer_with_nul_can_be_stored(running):
    finish_all([(Ticket(running.pk, 1), outcome("a\0b"))])

    assert JobPayload.objects.get(job_id=running.pk).result["text"] == "a\N{REPLACEMENT CHARACTER}b"


def test_a_cancel_that_comes_too_late_leaves_the_answer(make_job):
    job = make_job("running", cancel_requested=True)

    finish_all([(Ticket(job.pk, 1), outcome())])

    assert (state(job).status, state(job).cancel_requested) == ("succeeded", False)


def test_what_a_retry_cannot_help_fails(running):
    refusal = CallRefused(code="bad_request", status=400, message="No.", attempts=1)

    assert end_all([Ending.refused(Ticket(running.pk, 1), refusal)]) == [True]

    job = state(running)
    assert (job.status, job.error_code, job.error, job.attempts) == (
        "failed",
        "bad_request",
        "No.",
        1,
    )
    assert (job.lease_until, job.finished_at is None) == (None, False)


def test_what_a_retry_can_help_waits_as_long_as_it_was_told(running):
    end(running, code="no_deployment", message="Drained.", retry_after=30)

    job = state(running)
    assert (job.status, job.error_code, job.losses, job.finished_at) == (
        "queued",
        "no_deployment",
        0,
        None,
    )
    assert timedelta(seconds=29) < job.next_run_at - timezone.now() <= timedelta(seconds=30)


@pytest.mark.parametrize(("fence", "seconds"), [(1, 1), (2, 2), (4, 8), (20, 60)])
def test_failing_calls_are_repeated_ever_more_slowly(make_job, fence, seconds):
    job = make_job("running", fence=fence)

    end(job, fence=fence, code="provider_failed", retry_after=0.1, attempts=3)

    wait = state(job).next_run_at - timezone.now()
    assert (seconds - 1) * SECOND < wait <= seconds * SECOND


def test_a_retry_that_would_come_after_the_deadline_fails_with_its_reason(make_job):
    job = make_job("running", deadline=timezone.now() + timedelta(seconds=20))

    end(job, code="rate_limited", message="Too fast.", retry_after=30)

    assert (state(job).status, state(job).error_code) == ("failed", "rate_limited")


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": "deadline_exceeded", "message": "Too late."},
        {"code": "provider_failed", "message": "Too late.", "retry_after": 1},
    ],
)
def test_a_job_whose_time_is_over_expires(make_job, refusal):
    job = make_job("running", deadline=timezone.now())

    end(job, **refusal)

    assert (state(job).status, state(job).error_code) == ("expired", "deadline_exceeded")
    assert state(job).error == "The deadline passed. Too late."


def test_runs_that_cost_money_are_repeated_only_a_few_times(make_job, book, settings):
    settings.JOB_MAX_ATTEMPTS = 2
    job = make_job("running")
    book(job, 10)
    end(job, code="provider_failed", message="Garbage.", retry_after=1, attempts=3)
    assert (state(job).status, state(job).losses, state(job).cost_pico) == ("queued", 1, 10)

    again = make_job("running", losses=1)
    book(again, 10)
    end(again, code="provider_failed", message="Garbage.", retry_after=1, attempts=3)
    assert (state(again).status, state(again).error_code) == ("failed", "provider_failed")


def test_a_lost_run_is_tried_again_until_it_is_given_up(make_job, settings):
    settings.JOB_MAX_ATTEMPTS = 3
    job, poison = make_job("running", losses=1), make_job("running", losses=2)

    end(job, EndKind.LOST)
    end(poison, EndKind.LOST)

    assert (state(job).status, state(job).losses) == ("queued", 2)
    assert (state(poison).status, state(poison).error_code) == ("failed", "dead_letter")
    assert state(poison).error == "Given up: 3 runs in a row were lost with their worker or broke."


def test_a_job_that_is_given_back_is_due_at_once_and_its_old_ticket_is_void(running):
    end(running, EndKind.RETURNED)

    job = state(running)
    assert (job.status, job.losses, job.fence) == ("queued", 0, 1)
    assert job.next_run_at <= timezone.now()
    assert finish_all([(Ticket(running.pk, 1), outcome())]) == [False]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (EndKind.CANCELLED, {}),
        (EndKind.RETURNED, {}),
        (EndKind.LOST, {}),
        (EndKind.REFUSED, {"code": "rate_limited", "retry_after": 5}),
    ],
)
def test_a_requested_cancel_wins_over_another_try(make_job, kind, values):
    job = make_job("running", cancel_requested=True)

    end(job, kind, **values)

    assert (state(job).status, state(job).error_code) == ("cancelled", "")
