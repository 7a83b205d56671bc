"""Which deployment next, and after how long."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.retry import ATTEMPTS, MAX_SECONDS, Plan
from apps.providers.errors import ErrorKind, ProviderError
from apps.registry.types import DeploymentFacts, ModelFacts
from apps.routing.health import Health
from apps.routing.rests import PATIENCE_SECONDS
from apps.routing.types import Need

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ModelFacts("m", "chat", 8192, 1024, False, False, False, True)


def deployments(count: int) -> list[DeploymentFacts]:
    return [
        DeploymentFacts(
            slug=f"d{number}",
            model=MODEL,
            provider="p",
            vendor="compatible",
            base_url="http://127.0.0.1:1/v1",
            secret_ref="",
            api_version="",
            upstream_name="m",
            region="",
            priority=number,
            connect_timeout=5,
            read_timeout=60,
            finish_required=True,
            input_overhead_tokens=64,
            active=True,
            prices=(),
        )
        for number in range(count)
    ]


def steps(plan: Plan, errors, remaining: float = 60):
    taken = [plan.first()]
    for error in errors:
        step = plan.after(error, remaining=remaining)
        if step is None:
            break
        taken.append(step)
    return taken


kinds = st.sampled_from(list(ErrorKind))
errors = st.lists(
    st.builds(
        lambda kind, wait: ProviderError(kind, "x", retry_after=wait),
        kinds,
        st.none() | st.floats(0, 90),
    ),
    max_size=12,
)


@given(st.integers(1, 6), errors)
def test_any_failures_give_a_bounded_plan(count, failures):
    taken = steps(Plan(deployments(count)), failures)

    assert len(taken) <= max(ATTEMPTS, count)
    fresh = [step.deployment.slug for step in taken[:count]]
    assert len(set(fresh)) == len(fresh)  # every deployment once, before any is tried again
    for step, error in zip(taken[1:], failures, strict=False):
        assert error.retryable or error.fallback
        assert 0 <= step.delay < PATIENCE_SECONDS


def test_the_waits_of_a_lonely_deployment_grow_but_stay_small():
    failure = ProviderError(ErrorKind.SERVER_ERROR, "x")

    taken = steps(Plan(deployments(1)), [failure] * 5)

    assert len(taken) == ATTEMPTS
    assert all(step.delay <= MAX_SECONDS for step in taken)


def test_another_deployment_answers_at_once():
    failure = ProviderError(ErrorKind.RATE_LIMITED, "x", retry_after=30)

    _, second = steps(Plan(deployments(2)), [failure])

    assert (second.deployment.slug, second.delay) == ("d1", 0)


def test_retry_after_is_honoured_when_it_fits_the_deadline():
    failure = ProviderError(ErrorKind.RATE_LIMITED, "x", retry_after=2.5)

    fits = steps(Plan(deployments(1)), [failure], remaining=10)
    does_not = steps(Plan(deployments(1)), [failure], remaining=2)

    assert fits[1].delay == 2.5
    assert len(does_not) == 1


def test_nobody_waits_long_for_one_that_asked_for_it():
    failure = ProviderError(ErrorKind.RATE_LIMITED, "x", retry_after=20)

    assert len(steps(Plan(deployments(1)), [failure], remaining=120)) == 1


def test_a_wrong_credential_is_not_tried_again():
    failure = ProviderError(ErrorKind.AUTH, "x")

    assert len(steps(Plan(deployments(1)), [failure])) == 1


def test_where_there_is_room_comes_first_but_nobody_takes_a_stand_ins_call():
    full, free, other, larger = deployments(4)
    health = Health()
    for each in (full, larger):
        health.places(each).limit = health.places(each).taken = 1
    plan = Plan([full, free, other], health, {Need.TOO_LONG: [larger]})
    first = plan.with_room(plan.first(), remaining=60)
    assert (first.deployment, first.purpose, plan.attempts) == (free, "answer", 1)

    step = plan.after(ProviderError(ErrorKind.CONTEXT_TOO_LONG, "x", fallback=True), remaining=60)

    assert plan.with_room(step, remaining=60).deployment is larger
