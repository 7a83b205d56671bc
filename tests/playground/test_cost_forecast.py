"""What a release would cost, and which hard budgets would run out, as its gate tells it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.budgets.models import Budget
from apps.core.money import PICO
from apps.ledger.models import DayCost
from apps.playground.services.forecast import cost_findings, cost_gate
from apps.prompts.models import Channel
from apps.prompts.services.gates import GateOutcome
from apps.results.models import VersionHour
from tests.factories import make_model, make_priced_deployment
from tests.prompts.conftest import content, make_prompt, make_sealed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)  # the middle of its month


@pytest.fixture
def live(small):
    return make_sealed(make_prompt("reply"))


def answered(version, calls, *, usd_a_call=0.001, channel="production", output=20):
    VersionHour.objects.create(
        prompt="reply", prompt_version=version.number, channel=channel, arm="",
        hour=NOW - timedelta(days=3), calls=calls, output_tokens=calls * output,
        cost_pico=round(calls * usd_a_call * PICO),
    )  # fmt: skip


def paid(service="shop", amount=1, **values):
    DayCost.objects.create(
        day=NOW.date(), service=service, team=f"{service}-team", cost_center="c", provider="p",
        model="m", deployment="d", prompt="reply", prompt_version=1, kind="charge", entries=1,
        input_tokens=1, output_tokens=1, amount_pico=amount, avoided_pico=0,
        **({"purpose": "answer"} | values),
    )  # fmt: skip


def budget(usd, slug="month", **values):
    values = {"hard": True, "period": "month"} | values
    return Budget.objects.create(slug=slug, name=slug, limit_pico=round(usd * PICO), **values)


def found(version, base):
    channel = Channel.objects.get(slug="production")
    rows = cost_findings(
        prompt=version.prompt, channel=channel, version=version, base=base, now=NOW
    )
    return [(row.outcome, row.detail) for row in rows]


def dearer(live):
    """Answered by a model that costs three times as much, with the same words."""
    make_priced_deployment(
        model=make_model("large"), slug="large-here", input_pico=450_000, output_pico=1_800_000
    )
    return make_sealed(live.prompt, content(model="large"))


def test_what_was_measured_is_told(live):
    answered(live, 1_000, usd_a_call=0.001)
    new = make_sealed(live.prompt, content(parameters={"max_tokens": 9}))
    answered(new, 100, usd_a_call=0.0015, channel="staging")

    assert found(new, live) == [
        (
            GateOutcome.PASS,
            "About $1.50 in 30 days at 1,000 calls, now $1.00 (+50% a call, as measured).",
        )
    ]


def test_what_was_not_is_estimated_from_samples_and_prices(live):
    answered(live, 1_000, usd_a_call=0.001)

    ((outcome, detail),) = found(dearer(live), live)

    assert outcome is GateOutcome.PASS
    assert detail == (
        "About $3.00 in 30 days at 1,000 calls, now $1.00 (+200% a call, estimated from samples)."
    )


def test_without_enough_calls_or_a_price_it_has_nothing_to_say(live):
    new = dearer(live)
    answered(live, 99)
    assert found(new, live) == []
    channel = Channel.objects.get(slug="production")
    for base in (None, new):
        assert cost_gate(prompt=new.prompt, channel=channel, version=new, base=base) == []


def test_a_hard_budget_that_would_run_out_is_named(live):
    answered(live, 1_000, usd_a_call=0.001)
    paid()
    budget(0.5, prompt="reply")

    ((outcome, detail),) = found(dearer(live), live)

    # $2.00 more in 30 days: $1.03 in the 15.5 days that are left of the month.
    assert outcome is GateOutcome.UNSURE
    assert detail.endswith(
        "The hard budget “month” would be used up before 1 April: $1.03 expected of $0.500000. "
        "Raise it, or save elsewhere."
    )


@pytest.mark.parametrize(
    "values",
    [
        {"usd": 1.04},
        {"hard": False},
        {"prompt": "another"},
        {"service": "chat"},
        {"team": "chat-team"},
        {"model": "large"},
        {"tag": "sale"},
        {"active": False},
        {"period": "lifetime"},
    ],
)
def test_budgets_that_would_not_stand_aside(live, values):
    answered(live, 1_000, usd_a_call=0.001)
    paid()
    budget(**({"usd": 0.5} | values))

    assert found(dearer(live), live)[0][0] is GateOutcome.PASS


def test_a_payer_bears_its_share_of_the_calls(live):
    answered(live, 1_000, usd_a_call=0.001)
    paid("shop", 1)
    paid("chat", 3)
    paid("tests", 96, purpose="evaluation")
    budget(0.3, "shop", service="shop")
    budget(0.5, "chat", team="chat-team")

    ((_, detail),) = found(dearer(live), live)

    assert "“chat” would be used up" in detail
    assert "$0.775000 expected of $0.500000" in detail  # three quarters of $1.03
    assert "“shop”" not in detail


def test_a_cheaper_version_runs_no_budget_out(live):
    answered(live, 1_000, usd_a_call=0.01)
    paid()
    budget(0.5)
    new = make_sealed(live.prompt, content(parameters={"max_tokens": 9}))
    answered(new, 100, usd_a_call=0.009)

    assert found(new, live)[0][0] is GateOutcome.PASS
