"""Answers, retries, tests and nothing: told apart in the books, by calls over real HTTP."""

import pytest

from apps.budgets.models import Budget
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry
from tests.factories import make_service
from tests.gateway.test_failing_providers import add_second


def spent():
    return [
        (entry.purpose, entry.deployment, entry.service) for entry in Entry.objects.order_by("id")
    ]


def test_an_answer(call_pipeline):
    call_pipeline()

    assert spent() == [("answer", "small-1", "shop")]


def test_a_billed_failure_and_the_fallback_that_answered(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", reset="after_headers", times=1)

    call_pipeline()

    assert spent() == [("failed", "small-1", "shop"), ("fallback", "small-2", "shop")]
    assert [row.purpose for row in Attempt.objects.order_by("number")] == ["answer", "fallback"]


def test_a_retry_that_answered(call_pipeline, upstream):
    upstream.behave(model="small", status=500, times=1)

    call_pipeline()

    assert spent() == [("retry", "small-1", "shop")]


@pytest.mark.parametrize("purpose", ["evaluation", "playground"])
def test_a_service_for_tests_pays_for_them_whatever_happens(call_pipeline, upstream, purpose):
    lab = make_service("lab", purpose=purpose)
    upstream.behave(model="small", status=500, times=1)

    call_pipeline(service=lab)

    assert spent() == [(purpose, "small-1", "lab")]
    assert {row.purpose for row in Attempt.objects.all()} == {purpose}


def test_the_budget_of_tests_stops_tests_and_nothing_else(call_pipeline):
    lab = make_service("lab", purpose="evaluation")
    Budget.objects.create(
        slug="lab", name="Lab", service=lab, limit_pico=1, hard=True, period="day"
    )

    with pytest.raises(CallRefused) as refused:
        call_pipeline(service=lab)
    call_pipeline()

    assert refused.value.code == "budget_exceeded"
    assert spent() == [("answer", "small-1", "shop")]
