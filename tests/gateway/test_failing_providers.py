"""A failing provider costs latency, not answers; and every physical call is in the books."""

import pytest

from apps.budgets.models import Hold
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Model
from tests.factories import make_priced_deployment, make_provider


def add_second(upstream, **values):
    """A second deployment of “small”, tried after the first."""
    return make_priced_deployment(
        provider=make_provider(upstream.url),
        model=Model.objects.get(slug="small"),
        slug="small-2",
        upstream_name="small-second",
        priority=200,
        input_pico=10,
        output_pico=20,
        **values,
    )


def attempts():
    rows = Attempt.objects.order_by("number")
    return [(row.deployment, row.purpose, row.status) for row in rows]


def test_the_second_deployment_answers_when_the_first_is_dead(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=500)

    outcome = call_pipeline()

    assert outcome.deployment == "small-2"
    assert attempts() == [
        ("small-1", "answer", "failed"),
        ("small-2", "fallback", "succeeded"),
    ]
    assert Entry.objects.get().amount_pico == outcome.cost_pico
    assert len(upstream.log()) == 2


def test_a_lonely_deployment_is_retried_three_times(call_pipeline, upstream):
    upstream.behave(model="small", status=503)

    with pytest.raises(CallRefused) as refused:
        call_pipeline()

    assert (refused.value.code, refused.value.status) == ("provider_failed", 503)
    assert attempts() == [
        ("small-1", "answer", "failed"),
        ("small-1", "retry", "failed"),
        ("small-1", "retry", "failed"),
    ]
    assert not Entry.objects.exists()
    assert not Hold.objects.filter(status="held").exists()
    assert len(upstream.log()) == 3


def test_a_retry_can_succeed(call_pipeline, upstream):
    upstream.behave(model="small", status=500, times=2)

    assert call_pipeline().attempts == 3


def test_a_callers_fault_is_never_repeated(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=400)

    with pytest.raises(CallRefused) as refused:
        call_pipeline()

    assert refused.value.status == 400
    assert len(upstream.log()) == 1


def test_a_wrong_credential_falls_back_and_is_not_retried(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=401)

    assert call_pipeline().deployment == "small-2"
    assert [entry["model"] for entry in upstream.log()] == ["small", "small-second"]


def test_a_missing_credential_falls_back_without_an_attempt(call_pipeline, upstream, shop):
    from apps.registry.models import Provider

    add_second(upstream)
    Provider.objects.filter(slug="faulty").update(secret_ref="env:NOT_SET_ANYWHERE")

    assert call_pipeline().deployment == "small-2"
    assert attempts() == [("small-2", "fallback", "succeeded")]


def test_a_drained_deployment_is_not_called(call_pipeline, upstream):
    from apps.registry.models import Deployment

    add_second(upstream)
    Deployment.objects.filter(slug="small-1").update(active=False)

    assert call_pipeline().deployment == "small-2"


def test_a_timeout_is_booked_as_an_estimate_and_the_rest_stays_held(call_pipeline, upstream):
    upstream.behave(model="small", hang="before_headers")

    with pytest.raises(CallRefused) as refused:
        call_pipeline(seconds=0.5)

    assert refused.value.status == 504
    attempt = Attempt.objects.get()
    hold = Hold.objects.get()
    entry = Entry.objects.get()
    assert (attempt.status, entry.kind, hold.status) == ("unknown", "estimate", "held")
    assert 0 < entry.amount_pico < hold.amount_pico


def test_garbage_is_booked_and_the_next_deployment_answers(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", body="no_choices")

    assert call_pipeline().deployment == "small-2"
    assert attempts()[0] == ("small-1", "answer", "failed")
    assert Entry.objects.filter(deployment="small-1").exists()


def test_contradicting_usage_is_booked_at_the_bound_never_below_zero(call_pipeline, upstream):
    upstream.behave(model="small", usage={"prompt_tokens": -5, "completion_tokens": 3})

    outcome = call_pipeline()

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("conflict", outcome.cost_pico)
    assert entry.amount_pico > 0
