"""Whether those who call a prompt could call its next version."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.access.models import Service
from apps.jobs.models import Job, JobPayload
from apps.jobs.services.callers import callers_gate
from apps.ledger.models import DayCost
from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel
from apps.prompts.services.gates import GateOutcome, gate_findings
from apps.results.models import SentNames
from apps.results.sent import Sent
from apps.results.services.sent import keep_sent
from tests.factories import make_service
from tests.prompts.conftest import content, go_live, make_prompt, make_sealed
from tests.prompts.tools import WEATHER, tool

pytestmark = pytest.mark.django_db
PRODUCT = {"type": "string", "required": True, "max_length": 20}
TONE = {"type": "string", "required": True}


@pytest.fixture
def channel():
    return Channel.objects.get(slug="production")


@pytest.fixture
def live(channel):
    """Takes “product”; the shop called it yesterday."""
    version = make_sealed(make_prompt(), declaring(product=PRODUCT))
    go_live(version)
    called("shop", {"product": "a kettle"})
    return version


def declaring(**variables):
    text = " ".join(f"{{{{ {name} }}}}" for name in variables)
    return content(messages=[{"role": "user", "content": f"Hi {text}"}], variables=variables)


def next_version(live, **variables):
    return make_sealed(live.prompt, declaring(**variables))


def called(service, variables, *, days=1, channel="production", prompt="product-text", **more):
    at = timezone.now() - timedelta(days=days)
    known = Service.objects.filter(slug=service).first() or make_service(service)
    job = Job.objects.create(
        service=known, status="succeeded", created_at=at, next_run_at=at, deadline=at,
        finished_at=at, fingerprint="0" * 64, request_id="req_test", model="small", prompt=prompt,
        channel=channel,
    )  # fmt: skip
    JobPayload.objects.create(job=job, request={"prompt": prompt, "variables": variables, **more})


def cost_of(service, *, purpose="answer"):
    DayCost.objects.create(
        day=timezone.now().date(), service=service, team="t", cost_center="c", provider="p",
        model="m", deployment="d", prompt="product-text", prompt_version=1, purpose=purpose,
        kind="charge", entries=1, input_tokens=1, output_tokens=1, amount_pico=1, avoided_pico=0,
    )  # fmt: skip


def found(channel, version, base):
    return [
        (one.outcome, one.detail)
        for one in callers_gate(prompt=version.prompt, channel=channel, version=version, base=base)
    ]


def test_a_new_required_variable_names_those_who_do_not_send_it(channel, live):
    called("mail", {"product": "a cup", "tone": "warm"})
    version = next_version(live, product=PRODUCT, tone=TONE)

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.FAIL
    assert "refused: shop sends no “tone”." in detail
    assert "mail" not in detail


def test_what_is_gone_and_what_no_longer_fits_are_told_without_values(channel, live):
    version = next_version(live, product={"type": "string", "max_length": 3})
    gone = next_version(live, tone={"type": "string", "required": False})

    assert "shop sends a “product” that no longer fits" in found(channel, version, live)[0][1]
    detail = found(channel, gone, live)[0][1]
    assert "shop sends “product”, which is gone" in detail
    assert "kettle" not in detail


def test_a_variable_with_a_default_breaks_nobody(channel, live):
    optional = {"type": "string", "required": False, "default": "warm"}
    version = next_version(live, product=PRODUCT, tone=optional)

    assert found(channel, version, live) == [
        (GateOutcome.PASS, "What shop sent in the last 30 days fits.")
    ]


@pytest.mark.parametrize(
    "elsewhere", [{"days": 31}, {"channel": "staging"}, {"channel": ""}, {"prompt": "another"}]
)
def test_other_times_channels_and_prompts_do_not_count(channel, live, elsewhere):
    Job.objects.all().delete()
    called("shop", {"product": "a kettle"}, **elsewhere)
    version = next_version(live, product=PRODUCT, tone=TONE)

    assert [outcome for outcome, _ in found(channel, version, live)] == [GateOutcome.PASS]


def test_only_the_newest_calls_of_a_service_count(channel, live):
    """It has been sending the variable for a while now."""
    for days in range(12):
        called("shop", {"product": "a cup", "tone": "warm"}, days=0.5 - days / 100)
    version = next_version(
        live, product=PRODUCT, tone={"type": "string", "required": True, "max_length": 9}
    )

    assert found(channel, version, live)[0][0] is GateOutcome.PASS


def test_of_calls_through_the_gateway_nobody_knows(channel, live):
    for service in ("shop", "chat"):
        cost_of(service)
    for purpose in ("evaluation", "playground", "shadow"):
        cost_of("other", purpose=purpose)
    Job.objects.all().delete()
    called("shop", {"product": "a cup", "tone": "warm"})
    version = next_version(live, product=PRODUCT, tone=TONE)

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.UNSURE
    assert "through the gateway: chat." in detail
    called("shop", {"product": "a cup"}, days=0)
    JobPayload.objects.filter(request__variables__has_key="tone").delete()
    wider = next_version(live, product={"type": "string", "required": True, "max_length": 30})
    assert found(channel, wider, live)[0][0] is GateOutcome.PASS


def test_where_variables_stay_there_is_nothing_to_say(channel, live, django_assert_num_queries):
    said = [{"role": "user", "content": "Hello {{ product }}"}]
    same = make_sealed(live.prompt, content(messages=said, variables={"product": PRODUCT}))

    with django_assert_num_queries(0):
        assert found(channel, same, live) == []
        assert found(channel, same, None) == []


def with_tools(live, *tools):
    said = [{"role": "user", "content": "Hi {{ product }}"}]
    return make_sealed(
        live.prompt, content(messages=said, variables={"product": PRODUCT}, tools=list(tools))
    )


def test_those_who_send_tools_of_their_own_would_be_refused_by_a_prompt_that_has_some(
    channel, live
):
    called("agent", {"product": "a cup"}, parameters={"tools": [tool()], "functions": []})
    called("loop", {"product": "a cup"}, parameters={"tool_choice": tool("other")})
    version = with_tools(live, WEATHER)

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.FAIL
    assert "agent sends “functions”, sends “tools”; loop calls a tool that is gone." in detail
    assert "shop" not in detail


def test_better_words_of_a_tool_break_nobody(channel, live):
    called("loop", {"product": "a cup"}, parameters={"tool_choice": tool("get_weather")})
    cost_of("chat")
    base = with_tools(live, WEATHER)
    better = {**WEATHER, "function": {**WEATHER["function"], "description": "Of any town."}}

    assert [one for one, _ in found(channel, with_tools(live, better), base)] == [GateOutcome.PASS]
    assert [one for one, _ in found(channel, with_tools(live, tool()), base)] == [GateOutcome.FAIL]
    Job.objects.filter(service__slug="loop").delete()
    assert [one for one, _ in found(channel, with_tools(live), base)] == [GateOutcome.PASS]
    assert [one for one, _ in found(channel, with_tools(live, tool("b")), base)] == [
        GateOutcome.UNSURE
    ]


def test_its_queries_do_not_grow_with_callers(channel, live, django_assert_num_queries):
    for number in range(8):
        called(f"service-{number}", {"product": "a cup"})
    version = next_version(live, product=PRODUCT, tone=TONE)

    with django_assert_num_queries(3):  # the database's time, the calls, and names of others
        found(channel, version, live)


def heard(service, *variables, days=0, channel="production", prompt="product-text", **more):
    """It called through the gateway, where only names are kept."""
    sent = Sent(service, prompt, channel, tuple(sorted(variables)), **more)
    keep_sent([sent])
    at = timezone.now() - timedelta(days=days)
    SentNames.objects.filter(digest=sent.digest, service=service).update(last_at=at)


def test_names_from_the_gateway_count_as_well(channel, live):
    heard("chat", "product")
    heard("mail", "product", "tone")
    version = next_version(live, product=PRODUCT, tone=TONE)
    gone = next_version(live, tone={"type": "string", "required": False})

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.FAIL
    assert "refused: chat sends no “tone”; shop sends no “tone”." in detail
    assert "chat sends “product”, which is gone" in found(channel, gone, live)[0][1]


def test_a_caller_of_the_gateway_alone_is_known(channel, live):
    Job.objects.all().delete()
    cost_of("chat")
    heard("chat", "product", "tone")
    version = next_version(live, product=PRODUCT, tone=TONE)

    assert found(channel, version, live) == [
        (GateOutcome.PASS, "What chat sent in the last 30 days fits.")
    ]


def test_of_its_values_nobody_knows(channel, live):
    heard("chat", "product")
    version = next_version(live, product={"type": "string", "max_length": 10})

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.UNSURE
    assert "nobody keeps values sent through the gateway: chat “product”." in detail


@pytest.mark.parametrize("elsewhere", [{"days": 31}, {"channel": "staging"}, {"prompt": "another"}])
def test_names_of_other_times_channels_and_prompts_do_not_count(channel, live, elsewhere):
    Job.objects.all().delete()
    heard("chat", "product", **elsewhere)
    version = next_version(live, product=PRODUCT, tone=TONE)

    assert [outcome for outcome, _ in found(channel, version, live)] == [GateOutcome.PASS]


def test_what_a_service_no_longer_sends_does_not_count(channel, live):
    Job.objects.all().delete()
    heard("chat", "product", days=3)
    heard("chat", "product", "tone", days=1)
    version = next_version(live, product=PRODUCT, tone=TONE)

    assert [outcome for outcome, _ in found(channel, version, live)] == [GateOutcome.PASS]
    heard("chat", "product", days=1.5)
    assert [outcome for outcome, _ in found(channel, version, live)] == [GateOutcome.FAIL]


def test_tools_that_a_caller_of_the_gateway_brings(channel, live):
    heard("agent", "product", parameters=("tools",))
    heard("loop", "product", tool="other")
    heard("plain", "product", tool="get_weather")
    version = with_tools(live, WEATHER)

    ((outcome, detail),) = found(channel, version, live)

    assert outcome is GateOutcome.FAIL
    assert "agent sends “tools”; loop calls a tool that is gone." in detail
    assert "plain" not in detail


def test_a_release_asks_it(channel, live):
    version = next_version(live, product=PRODUCT, tone=TONE)
    root = User.objects.create_superuser("root")
    values = {"prompt": live.prompt, "channel": channel, "version": version, "reason": "New."}

    with pytest.raises(PromptError, match="shop sends no “tone”"):
        services.release(**values, by=root, now=timezone.now())

    assert "Callers" in [one.check for one in gate_findings(
        prompt=live.prompt, channel=channel, version=version, base=live
    )]  # fmt: skip
    assert services.release(**values, by=None, now=timezone.now()).version == version  # console
