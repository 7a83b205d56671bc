"""A prompt that is too long is shortened as its author chose, or refused before it is sent."""

import pytest
from django.utils import timezone

from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt
from apps.prompts.models import Channel
from apps.prompts.services import import_version
from apps.registry.models import Model
from apps.routing.models import Route, RouteTarget
from tests.factories import make_key, make_model, make_priced_deployment, make_provider
from tests.gateway.asgi import Visit

STEPS = [{"drop": 2}, {"trim": "history", "keep": 1}, {"truncate": "document", "keep": 50}]
TALK = [{"role": "user", "content": "word " * 30}] * 10  # 34 tokens each


@pytest.fixture
def live(shop):
    Model.objects.filter(slug="small").update(
        context_window=1000, max_output_tokens=500, tokenizer="o200k_base"
    )

    def make(**fit):
        document = {
            "slug": "reader", "name": "Reader", "model": "small", "note": "A test.",
            "parameters": {"max_tokens": 100}, "fit": fit,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "system", "content": "Examples: " + "example " * 40},
                {"placeholder": "history"},
                {"role": "user", "content": "Read: {{ document }}"},
            ],
            "variables": {
                "history": {"type": "messages", "required": False},
                "document": {"type": "string"},
            },
        }  # fmt: skip
        channel = Channel.objects.get(slug="production")
        import_version(document=document, by=None, now=timezone.now(), seal=True, channel=channel)

    return make


@pytest.fixture
def ask(call_pipeline):
    def run(words=10, history=(), **values):
        spec = {"model": "", "messages": (), "prompt": "reader"}
        variables = {"document": "word " * words, "history": list(history)}
        return call_pipeline(**spec | {"variables": variables} | values)

    return run


def sent(upstream):
    return upstream.log()[-1]["body"]["messages"]


def test_what_fits_is_sent_whole(live, ask, upstream):
    live(steps=STEPS)
    assert ask(10, TALK).fit is None
    assert len(sent(upstream)) == 13


def test_steps_make_it_fit(live, ask, upstream):
    live(steps=STEPS)

    outcome = ask(600, TALK)

    assert outcome.fit.left_out[0] == "message 2"
    assert outcome.fit.left_out[1].startswith("history: ")
    assert len(outcome.fit.left_out) == 2
    messages = sent(upstream)
    assert messages[0]["content"] == "Be brief."
    assert messages[-1]["content"] == "Read: " + "word " * 600
    assert Attempt.objects.get().saved_tokens == outcome.fit.saved_tokens > 40


def test_a_text_is_cut_when_the_rest_was_not_enough(live, ask, upstream):
    live(steps=STEPS)
    outcome = ask(5000, TALK)
    assert [part.partition(":")[0] for part in outcome.fit.left_out] == [
        "message 2", "history", "document",
    ]  # fmt: skip
    assert sent(upstream)[-1]["content"].endswith("word […]")


def test_what_no_step_may_shorten_is_refused(live, ask, upstream):
    live(steps=[{"drop": 2}])

    with pytest.raises(CallRefused) as refused:
        ask(2000)

    assert (refused.value.code, refused.value.faults[0].pointer) == (
        "context_too_long",
        "/variables",
    )
    assert upstream.log() == []


def test_an_authors_own_limit_is_kept(live, ask, upstream):
    live(max_input_tokens=150, steps=[{"truncate": "document"}])

    ask(400)

    assert Attempt.objects.get().saved_tokens > 250
    tokens = sum(len(message["content"].split()) for message in sent(upstream))
    assert tokens < 150


def test_or_the_call_is_refused(live, ask, upstream):
    live(max_input_tokens=60, steps=[{"trim": "history"}])
    with pytest.raises(CallRefused, match=r"takes at most 60 input tokens, and \d+ are left"):
        ask(10)
    assert upstream.log() == []


def test_nothing_is_left_out_while_a_candidate_has_room(live, ask, upstream):
    live(steps=STEPS)
    large = make_priced_deployment(
        provider=make_provider(upstream.url), slug="large-1", input_pico=1, output_pico=2,
        model=make_model("large", context_window=100_000, tokenizer="o200k_base"),
    )  # fmt: skip
    route = Route.objects.create(slug="chat", name="Chat")
    small = Model.objects.get(slug="small").deployments.get()
    for position, deployment in enumerate((small, large), 1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)

    outcome = ask(3000, model="chat")

    assert (outcome.deployment, outcome.fit) == ("large-1", None)


def test_an_estimate_shortens_too(live, ask, upstream):
    live(steps=STEPS)
    Model.objects.filter(slug="small").update(tokenizer="ratio", bytes_per_token=3)
    assert ask(400, TALK).fit.saved_tokens > 0
    assert len(sent(upstream)) < 13


def test_headers_tell_it(live, runtime, shop):
    live(steps=STEPS)
    body = {"model": "auto", "prompt": "reader", "variables": {"document": "word " * 5000}}

    visit = Visit(runtime, make_key(shop)).run(body=body)

    assert visit.status == 200
    assert visit.headers["x-llm-fit"].startswith("message 2; document: 4")
    assert int(visit.headers["x-llm-fit-saved-tokens"]) > 4000
