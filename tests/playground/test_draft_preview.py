"""The live preview: what it shows of a draft in progress, what it costs, and what it withstands."""

import json
import statistics
import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.core.money import exact_usd
from apps.gateway.config import read_config
from apps.playground.services import live_preview
from apps.prompts import services
from tests.factories import make_deployment, make_model
from tests.playground.conftest import posted
from tests.prompts.conftest import CONTENT, browser, content, make_draft, make_sealed
from tests.prompts.tools import WEATHER, tool
from tests.yardstick import turn

pytestmark = pytest.mark.django_db


def ask(client, draft, **changes):
    values = posted(draft) | {key: str(value) for key, value in changes.items()}
    return client.post(reverse("admin:draft_preview", args=[draft.pk]), values)


def look(what, **values):
    return live_preview(content=what, config=read_config(), now=timezone.now(), values=values)


def user_says(text, **changes):
    return content(messages=[{"role": "user", "content": text}], **changes)


def test_findings_of_tools_name_the_tool(small, prompt, desk):
    draft = make_draft(prompt)
    tools = [WEATHER, tool("no good"), tool("b", strict=True)]

    found = ask(desk, draft, tools=json.dumps(tools)).json()["tools"]

    assert [(one["tool"], one["severity"]) for one in found] == [(1, "fault"), (2, "warning")]


class TestRendering:
    def test_shows_messages_as_they_would_be_sent(self, small):
        found = look(content())

        assert [part.text for part in found.parts] == [
            "You write short texts for a shop.",
            "Describe a red kettle.",
        ]
        assert found.findings.faults == ()

    def test_values_stand_in_for_samples(self, small):
        assert look(content(), product="a blue cup").parts[1].text == "Describe a blue cup."

    def test_a_fault_in_one_message_hides_no_other(self, small):
        messages = [{"role": "system", "content": "{{ oops"}, CONTENT["messages"][1]]

        found = look(content(messages=messages))

        assert found.parts[0].fault
        assert found.parts[1].text == "Describe a red kettle."

    def test_tools_are_shown_and_counted_beside_the_messages(self, small):
        without, found = look(content()), look(content(tools=[WEATHER, {"type": "other"}]))

        assert [(one.name, one.description) for one in found.tools] == [
            ("get_weather", "The weather of a town now.")
        ]
        assert found.tools[0].tokens > 20
        assert found.figures.tokens > without.figures.tokens + 20
        assert found.figures.input_pico > without.figures.input_pico
        assert "no_tools" in {fault.code for fault in found.findings.faults}

    def test_calls_of_tools_in_a_sample_are_shown(self, small):
        function = {"name": "get_weather", "arguments": "{}"}
        called = {"id": "1", "type": "function", "function": function}
        talk = [{"role": "assistant", "content": None, "tool_calls": [called]}]
        declared = {"talk": {"type": "messages", "sample": talk}}

        (part,) = look(content(messages=[{"placeholder": "talk"}], variables=declared)).parts

        assert "get_weather" in part.text
        assert "None" not in part.text

    def test_what_is_not_declared_yet_is_shown_by_its_name(self, small):
        found = look(user_says("Dear {{ customer }}, {% for one in items %}{{ one }}{% endfor %}"))

        assert found.parts[0].text == "Dear [customer], "
        assert {use.name: use.type for use in found.used} == {"customer": "string", "items": "list"}
        assert found.missing == ("customer", "items")

    def test_a_placeholder_shows_the_sample_of_its_history(self, small):
        history = [{"role": "assistant", "content": "Hello!"}]
        found = look(
            content(
                messages=[{"placeholder": "history"}],
                variables={"history": {"type": "messages", "sample": history}},
            )
        )

        assert [(part.role, part.text) for part in found.parts] == [("assistant", "Hello!")]

    def test_text_of_an_end_user_in_a_system_message_is_told_at_its_place(self, small):
        variables = {"wish": {"type": "string", "trust": "end_user", "sample": "x"}}
        messages = [{"role": "system", "content": "Be kind.\nDo {{ wish }}."}]

        (mark,) = look(content(messages=messages, variables=variables)).marks

        assert (mark.line, mark.column, mark.length, mark.severity) == (2, 7, 4, "warning")

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("one\ntwo {{ x|shout }}", (2, 10, 5)),
            ("one\n{{ price }} {{ price }}", (2, 4, 5)),
            ("one\n\n   {% macro a() %}{% endmacro %}", (3, 4, 0)),
        ],
    )
    def test_faults_have_line_and_column(self, small, text, place):
        mark = next(mark for mark in look(user_says(text)).marks if mark.severity == "error")

        assert (mark.message_index, mark.line, mark.column, mark.length) == (0, *place)


class TestFigures:
    def test_cost_follows_the_price_list(self, small):
        found = look(content()).figures

        assert found.deployment == "small-here"
        assert found.input_pico == found.tokens * 150_000
        assert found.at_most_pico == found.tokens_at_most * 150_000 + 60 * 600_000
        assert found.daily_pico == 1_000 * found.at_most_pico
        assert found.share == found.tokens_at_most / 8192

    def test_without_a_cap_the_answer_may_be_as_long_as_the_model_allows(self, small):
        assert look(content(parameters={})).figures.output_cap == 1024

    def test_without_a_price_nothing_is_free(self, small):
        make_deployment(model=make_model("new"))

        found = look(content(model="new")).figures

        assert (found.input_pico, found.at_most_pico, found.daily_pico) == (None, None, None)

    def test_a_model_that_is_not_there_is_said(self, small):
        found = look(content(model="huge"))

        assert found.figures is None
        assert "“huge”" in found.no_figures
        assert found.parts[1].text == "Describe a red kettle."

    def test_the_page_shows_amounts_in_dollars(self, desk, prompt, small):
        amount = look(content()).figures.at_most_pico

        html = ask(desk, make_draft(prompt)).json()["html"]

        assert f'title="{exact_usd(amount)} USD"' in html


class TestEndpoint:
    def test_answers_for_what_is_typed_and_saves_nothing(self, desk, prompt, small):
        draft = make_draft(prompt)

        found = ask(desk, draft, **{"messages-1-content": "Praise {{ product }}!"}).json()

        assert "Praise a red kettle!" in found["html"]
        assert found["said"] == "No faults."
        assert found["complete"]
        before = draft.updated_at
        draft.refresh_from_db()
        assert draft.updated_at == before

    def test_tells_what_cannot_be_read_beside_the_rest(self, desk, prompt, small):
        found = ask(desk, make_draft(prompt), parameters="{nope").json()

        assert "/parameters" in found["html"]
        assert "Not valid JSON" in found["html"]
        assert "Describe a red kettle." in found["html"]

    def test_tells_early_that_somebody_else_saved(self, desk, prompt, small):
        draft = make_draft(prompt)
        opened = posted(draft)
        services.save_draft(version=draft, content=content())

        url = reverse("admin:draft_preview", args=[draft.pk])
        assert "Somebody saved this draft" in desk.post(url, opened).json()["html"]

    def test_rendered_text_is_only_text(self, desk, prompt, small):
        evil = "<img src=x onerror=alert(1)>"

        html = ask(desk, make_draft(prompt), **{"messages-0-content": evil}).json()["html"]

        assert evil not in html
        assert "&lt;img" in html

    def test_is_for_those_who_may_edit_drafts(self, prompt, small, approver):
        draft = make_draft(prompt)
        stranger = User.objects.create_user("stranger", is_staff=True)

        assert ask(browser(approver), draft).status_code == 403
        assert ask(browser(stranger), draft).status_code == 403
        assert ask(browser(User.objects.create_user("guest")), draft).status_code == 302

    def test_is_for_drafts_and_posts_only(self, desk, prompt, small):
        draft, sealed = make_draft(prompt), make_sealed(prompt)
        url = reverse("admin:draft_preview", args=[draft.pk])

        assert desk.get(url).status_code == 405
        assert ask(desk, sealed).status_code == 404

    def test_a_post_needs_its_token(self, prompt, small, engineer):
        client = Client(enforce_csrf_checks=True)
        client.force_login(engineer)

        assert ask(client, make_draft(prompt)).status_code == 403


HOSTILE = [
    "{% for a in range(1000) %}{% for b in range(1000) %}{{ a }}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}" * 4 + "{% endfor %}" * 4,
    "{{ 'a' * 1000000000 }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ product.__init__.__globals__ }}",
    "{{ 'x'|center(300000000) }}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{{ " + "(" * 500 + ")" * 500 + " }}",
    "{{ a " * 2000,
    "{% if a %}" * 300,
    "a" * 60_000,
    "{{ product }}" * 4_000,
    "{{ '{0.__class__}'.format(product) }}",
    "\u202e\ufffd" * 5_000,
]


class TestHostileInput:
    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_every_template_is_answered_within_a_second(self, desk, prompt, small, text):
        draft = make_draft(prompt)
        started = time.process_time()  # of the answer, whatever runs beside it

        answer = ask(desk, draft, **{"messages-1-content": text})

        assert answer.status_code == 200
        assert time.process_time() - started < 2.0  # one engine's bound is a part of it

    def test_fifty_hostile_messages_share_one_bound(self, small):
        messages = [{"role": "user", "content": HOSTILE[0]}] * 50
        started = time.perf_counter()

        assert all(part.fault for part in look(content(messages=messages)).parts)
        assert time.perf_counter() - started < 5.0

    @pytest.mark.parametrize(
        "changes",
        [
            {"messages-count": "9" * 30},
            {"messages-count": "-1"},
            {"messages-0-role": "robot"},
            {"messages-0-content": "nul \x00"},
            {"variables-0-type": "wish"},
            {"variables-0-name": "../../etc"},
            {"variables-0-sample": "x" * 100_000},
            {"parameters": "[" * 5000},
            {"parameters": '{"max_tokens": 1e400}'},
            {"parameters": '{"max_tokens": "many"}'},
            {"response_schema": '{"$ref": "http://127.0.0.1/x"}'},
            {"response_schema": "[]"},
            {"fit": '{"steps": [{"drop": 99}]}'},
            {"model": "\x00"},
            {"model": ""},
            {"seen": "yesterday"},
        ],
    )
    def test_odd_fields_are_answered_too(self, desk, prompt, small, changes):
        assert ask(desk, make_draft(prompt), **changes).status_code == 200


def test_a_preview_takes_less_than_a_tenth_of_a_second(small):
    """The median of typing at the end of one of three messages of 3,000 characters each, in turns
    of 4 ms: the machine may be busy with other tests."""
    text = "Describe {{ product }} for {% for one in [1, 2] %}reader {{ one }} {% endfor %}\n" * 40
    config = read_config()
    others = [{"role": "user", "content": text}] * 2
    taken = []
    for number in range(21):
        what = content(messages=[*others, {"role": "user", "content": f"{text}{number}"}])
        first_turn, started = turn(), time.thread_time()
        live_preview(content=what, config=config, now=timezone.now())
        taken.append(2 * (time.thread_time() - started) / (first_turn + turn()))

    assert statistics.median(taken) < 25
