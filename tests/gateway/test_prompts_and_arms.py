"""Prompts through the pipeline: variables, channels, arms."""

from collections import Counter
from dataclasses import replace

import pytest
from django.utils import timezone

from apps.access.snapshot import caller_of
from apps.gateway.config import read_config
from apps.gateway.prepare import prepare
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from apps.prompts.errors import PromptError
from apps.prompts.models import Arm, Channel, Experiment
from apps.prompts.services import export_version, import_version, release, start_experiment
from apps.prompts.subjects import subject_key
from apps.registry.models import Model

SUBJECTS = 1000


def version_of(text: str, of_prompt=None, **release_to):
    document = (of_prompt or {}) | {
        "slug": "greeting",
        "name": "Greeting",
        "variables": {"name": {"type": "string", "required": True}},
        "messages": [{"role": "user", "content": text}],
        "model": "small",
        "parameters": {"max_tokens": 20},
        "note": "A test.",
    }
    return import_version(document=document, by=None, now=timezone.now(), seal=True, **release_to)


@pytest.fixture
def production(shop):
    return Channel.objects.get(slug="production")


@pytest.fixture
def greeting(production):
    return version_of("Hello {{ name }}", channel=production)


@pytest.fixture
def experiment(greeting, production):
    experiment = Experiment.objects.create(
        slug="tone", name="Tone", prompt=greeting.prompt, channel=production, salt="fixed"
    )
    for position, (slug, version, weight) in enumerate(
        (("a", greeting, 3000), ("b", version_of("Hi {{ name }}"), 7000)), 1
    ):
        Arm.objects.create(
            experiment=experiment, slug=slug, version=version, weight=weight, position=position
        )
    start_experiment(experiment=experiment, by=None, now=timezone.now())
    return experiment


def ask(call_pipeline, **values):
    spec = {"model": "", "messages": (), "prompt": "greeting", "variables": {"name": "Alto"}}
    return call_pipeline(**(spec | values))


def test_a_prompt_is_rendered_sent_and_booked_with_its_version(call_pipeline, greeting, upstream):
    outcome = ask(call_pipeline)

    (sent,) = upstream.log()
    assert sent["body"]["messages"] == [{"role": "user", "content": "Hello Alto"}]
    assert sent["body"]["max_tokens"] == 20
    assert (outcome.pin.prompt, outcome.pin.number) == ("greeting", 1)
    entry = Entry.objects.get()
    assert (entry.prompt, entry.prompt_version) == ("greeting", 1)


def test_all_faults_of_variables_and_parameters_come_at_once(call_pipeline, greeting, upstream):
    with pytest.raises(CallRefused) as refused:
        ask(call_pipeline, variables={"nmae": "x"}, parameters={"temperature": 5})

    pointers = sorted(fault.pointer for fault in refused.value.faults)
    assert pointers == ["/parameters/temperature", "/variables/name", "/variables/nmae"]
    assert upstream.log() == []


def test_a_release_moves_the_next_call(call_pipeline, greeting, production, upstream):
    ask(call_pipeline)
    second = version_of("Welcome {{ name }}")
    release(
        prompt=greeting.prompt,
        channel=production,
        version=second,
        reason="Warmer.",
        by=None,
        now=timezone.now(),
    )

    assert ask(call_pipeline).pin.number == 2


def test_shares_are_as_planned_and_each_subject_stays_with_its_arm(experiment, shop):
    config, caller = read_config(), caller_of(shop)
    base = CallSpec(prompt="greeting", variables={"name": "x"})

    def arm_of(subject: str) -> str:
        spec = replace(base, subject=subject)
        prepared = prepare(spec, config=config, caller=caller, request_id=f"req-{subject}")
        return prepared.pin.arm

    arms = {f"subject-{n}": arm_of(f"subject-{n}") for n in range(SUBJECTS)}

    counts = Counter(arms.values())
    # Four standard errors of a share of 0.3 over 1,000 subjects are 58.
    assert abs(counts["tone/a"] - 300) <= 58
    assert set(counts) == {"tone/a", "tone/b"}
    assert all(arm_of(subject) == arm for subject, arm in arms.items())


def test_a_retry_keeps_the_arm(call_pipeline, experiment, upstream):
    upstream.behave(status=500, times=2)

    outcome = ask(call_pipeline, subject="customer-7")

    bodies = [entry["body"]["messages"] for entry in upstream.log()]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]
    assert Entry.objects.get().arm == outcome.pin.arm


def test_a_pinned_call_ignores_a_later_release(runtime, greeting, shop, upstream):
    from apps.gateway.types import Pin
    from tests.gateway.conftest import make_call, run_calls

    version_of("Welcome {{ name }}", channel=Channel.objects.get(slug="production"))
    pin = Pin(greeting.pk, "greeting", greeting.number)
    spec = CallSpec(prompt="greeting", variables={"name": "Alto"})

    (outcome,) = run_calls(runtime, [make_call(shop, spec, pin=pin)])

    assert outcome.pin.number == 1
    assert upstream.log()[0]["body"]["messages"][0]["content"] == "Hello Alto"


@pytest.mark.parametrize(("on_unknown", "calls"), [("retry", 2), ("fail", 1)])
def test_the_owner_decides_whether_an_unknown_outcome_is_risked_again(
    call_pipeline, production, upstream, on_unknown, calls
):
    version_of("Hello {{ name }}", of_prompt={"on_unknown": on_unknown}, channel=production)
    upstream.behave(reset="before_headers", times=1)

    if on_unknown == "fail":
        with pytest.raises(CallRefused) as refusal:
            ask(call_pipeline)
        assert refusal.value.code == "outcome_unknown"
    else:
        ask(call_pipeline)

    assert len(upstream.log()) == calls


def test_a_document_keeps_what_its_owner_chose(production):
    version = version_of("Hello {{ name }}", of_prompt={"on_unknown": "fail"}, channel=production)

    assert export_version(version=version)["on_unknown"] == "fail"


def test_an_unknown_choice_is_a_fault(shop):
    with pytest.raises(PromptError) as refused:
        version_of("Hello {{ name }}", of_prompt={"on_unknown": "perhaps"})

    assert [fault.pointer for fault in refused.value.faults] == ["/on_unknown"]


def test_every_attempt_says_for_whom_it_was_without_naming_them(
    call_pipeline, experiment, upstream
):
    upstream.behave(status=500, times=1)

    ask(call_pipeline, subject="ann@example.com")

    attempts = list(Attempt.objects.order_by("number"))
    assert len(attempts) == 2
    expected = ("production", experiment.phases.get().pk, subject_key("ann@example.com"))
    for row in (*attempts, Entry.objects.get()):
        assert (row.channel, row.phase, row.subject) == expected
    assert len(expected[2]) == 32
    assert "ann" not in expected[2]


def test_a_call_without_a_subject_counts_nobody(call_pipeline, experiment, upstream):
    ask(call_pipeline)

    attempt = Attempt.objects.get()
    assert attempt.arm in {"tone/a", "tone/b"}
    assert attempt.subject == ""


def test_a_paused_arm_gives_its_subjects_to_the_control_and_counts_them_no_more(
    experiment, shop, greeting
):
    Arm.objects.filter(slug="b").update(paused_at=timezone.now())
    config, caller = read_config(), caller_of(shop)
    spec = CallSpec(prompt="greeting", variables={"name": "x"})
    pins = [
        prepare(replace(spec, subject=f"s-{n}"), config=config, caller=caller, request_id="r").pin
        for n in range(100)
    ]

    assert {(pin.arm, pin.number) for pin in pins} == {("tone/a", greeting.number)}
    assert 10 < sum(pin.subject != "" for pin in pins) < 50  # those of the control itself


@pytest.mark.parametrize(
    ("content", "flaw"), [('{"a": 1}', ""), ('{"a": "x"}', "schema"), ("no JSON", "schema")]
)
def test_an_answer_that_is_not_by_its_schema_is_counted(
    call_pipeline, shop, upstream, content, flaw
):
    Model.objects.update(supports_json_schema=True)
    upstream.behave(content=content)
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    call_pipeline(response_schema=schema)

    assert Attempt.objects.get().flaw == flaw
