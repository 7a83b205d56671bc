"""What a call does next when some of its deployments rest."""

from apps.gateway.retry import Plan
from apps.providers.errors import ErrorKind, ProviderError
from tests.routing.test_health import ANSWERED, FAILED, LIMITED, A, B, C, late, say


def failed(kind=ErrorKind.SERVER_ERROR, **values):
    return ProviderError(kind, "x", **values)


def test_a_fallback_that_rests_is_passed_over(health):
    say(health, B, *[FAILED] * 5)
    plan = Plan([A, B, C], health)
    plan.first()
    assert plan.after(failed(), remaining=60).deployment is C


def test_a_step_whose_deployment_rests_by_now_goes_elsewhere(health):
    plan = Plan([A, B], health)
    plan.first()
    step = plan.instead(remaining=60)

    assert (step.deployment, step.purpose, plan.attempts) == (B, "answer", 1)
    assert plan.instead(remaining=60) is None


def test_a_retry_waits_out_a_cooldown_and_no_breaker(health):
    plan = Plan([A], health)
    plan.first()
    say(health, A, LIMITED, retry_after=2.0)
    error = failed(ErrorKind.RATE_LIMITED, retry_after=2.0)
    assert plan.after(error, remaining=60).delay >= 2.0

    late(health, A, FAILED)
    for _ in range(4):
        late(health, A, FAILED)
    assert plan.after(failed(), remaining=60) is None


def test_no_attempt_that_cannot_end_before_the_deadline(health):
    say(health, A, ANSWERED, seconds=10.0)
    say(health, B, ANSWERED, seconds=10.0)
    plan = Plan([A, B], health)
    plan.first()
    assert plan.after(failed(), remaining=9) is None


def test_a_used_up_budget_ends_the_retries(health):
    granted = 0
    for _ in range(30):
        plan = Plan([A], health)
        plan.first()
        granted += plan.after(failed(), remaining=60) is not None
    assert granted == 10
