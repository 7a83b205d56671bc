"""Tools are part of a version: checked, sealed, hashed, and the same after a file."""

import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import JSONField, Value
from django.test import Client
from django.urls import reverse

from apps.core import strict_json
from apps.prompts import services, snapshot, textfile
from apps.prompts.comparison import compare_contents
from apps.prompts.diff import compare
from apps.prompts.edits import Work
from apps.prompts.errors import PromptError
from apps.prompts.models import PromptVersion
from apps.prompts.validation import examine
from apps.prompts.validation.tools import TOOLS_BYTES
from tests.factories import make_key, make_model, make_service
from tests.prompts.conftest import (
    CONTENT,
    NOW,
    action,
    browser,
    content,
    go_live,
    make_draft,
    make_prompt,
    make_sealed,
    page,
)
from tests.prompts.test_draft_pages import fields_of
from tests.prompts.tools import WEATHER, tool
from tests.yardstick import turn

BEFORE_TOOLS = "ec7e65f3df3f00c3e0f5bb1a3536282e38e7e85526068621ec087ab6fab273ed"
"""The hash of `CONTENT` as it was sealed before versions had tools."""


def faults(**changes):
    found = examine(content(**changes), known_models=["small"], without_tools=["plain"]).faults
    return [(fault.pointer, fault.code) for fault in found]


def warnings(**changes):
    return [fault.code for fault in examine(content(**changes), known_models=["small"]).warnings]


def schema(**parts):
    return {"type": "object", **parts}


def test_good_tools_have_no_findings():
    tools = [WEATHER, tool(), tool("a-1_B", description="x", parameters=schema())]

    for choice in ("none", "auto", "required", tool("look_up")):
        given = {"tool_choice": choice, "parallel_tool_calls": False}
        assert faults(tools=tools, parameters=given) == []
    assert warnings(tools=tools) == []


def test_all_faults_are_told_at_once_with_their_places():
    tools = [
        WEATHER,
        tool("get_weather"),
        tool("with space"),
        tool("x" * 65),
        tool(description="x" * 1_025),
        {"type": "web_search"},
        {"type": "function", "function": {"name": "f", "url": "http://elsewhere"}},
        tool("g", parameters={"type": "string"}),
        tool("h", parameters=schema(properties={"a": {"$ref": "http://127.0.0.1:9/x"}})),
        tool("i", parameters=[], strict="yes"),
        "tool",
    ]

    assert sorted(faults(tools=tools, parameters={"tool_choice": tool("nobody")})) == sorted(
        [
            ("/parameters/tool_choice/function/name", "no_tool"),
            ("/tools/1/function/name", "twice"),
            ("/tools/2/function/name", "invalid"),
            ("/tools/3/function/name", "invalid"),
            ("/tools/4/function/description", "invalid"),
            ("/tools/5/type", "invalid"),
            ("/tools/5", "invalid"),
            ("/tools/6/function", "invalid"),
            ("/tools/7/function/parameters", "bad_schema"),
            ("/tools/8/function/parameters", "bad_schema"),
            ("/tools/9/function/parameters", "invalid"),
            ("/tools/9/function/strict", "invalid"),
            ("/tools/10", "invalid"),
        ]
    )


@pytest.mark.parametrize(
    "tools",
    [{}, "x", 3, [None], [[]], [{"function": 5}], [{"type": []}], [tool(["a"])], [tool({"a": 1})]],
)
def test_any_shape_is_judged_without_a_crash(tools):
    assert {pointer.split("/")[1] for pointer, _ in faults(tools=tools)} <= {"tools"}
    assert faults(tools=tools) or tools == {}


def test_a_choice_needs_tools():
    given = {"tool_choice": "auto", "parallel_tool_calls": True}

    assert faults(parameters=given) == [
        ("/parameters/tool_choice", "no_tools"),
        ("/parameters/parallel_tool_calls", "no_tools"),
    ]


@pytest.mark.parametrize("choice", ["never", 5, None, {"type": "custom"}, {"type": "function"}])
def test_other_choices_are_faults(choice):
    found = faults(tools=[WEATHER], parameters={"tool_choice": choice})

    assert {pointer.split("/")[2] for pointer, _ in found} == {"tool_choice"}


def test_a_model_that_cannot_call_tools_is_a_fault():
    assert faults(tools=[WEATHER], model="plain") == [("/tools", "no_tools")]
    assert faults(model="plain") == []


@pytest.mark.django_db
def test_the_registry_says_which_model_can(prompt):
    model = make_model("small")
    draft = make_draft(prompt, content(tools=[WEATHER]))
    assert [fault.code for fault in services.validate_version(draft).faults] == ["no_tools"]

    model.supports_tools = True
    model.save()
    assert services.validate_version(draft).faults == ()


def test_numbers_and_bytes_are_bounded():
    many = [tool(f"t{number}") for number in range(129)]
    assert ("/tools", "invalid") in faults(tools=many)
    assert faults(tools=many[:128]) == []

    enum = ["x" * 1_000] * 100
    large = [tool(parameters=schema(properties={"a": {"enum": enum}}))]
    assert ("/tools", "too_long") in faults(tools=large)
    assert len(strict_json.canonical(large)) > TOOLS_BYTES


def test_schemas_of_many_tools_hold_nobody_up():
    """Each alone may be read; what their patterns cost adds up."""
    pattern = schema(properties={"a": {"pattern": r"\w{400}"}})
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    refs = schema(**{"$defs": twice | {"a40": {}}, "$ref": "#/$defs/a0"})
    yard, begun = turn(), time.process_time()

    assert faults(tools=[tool(parameters=pattern)]) == []
    many = [tool(f"t{number}", parameters=pattern) for number in range(128)]
    assert faults(tools=many) == [("/tools", "bad_schema")]
    assert faults(tools=[tool(f"t{number}", parameters=refs) for number in range(20)]) == []
    assert time.process_time() - begun < 500 * yard


def test_what_providers_refuse_of_strict_tools_is_a_warning():
    loose = schema(properties={"a": {"type": "string"}}, additionalProperties=False)
    inner = schema(properties={"a": loose}, required=["a"], additionalProperties=False)
    fine = schema(properties={"a": {}}, required=["a"], additionalProperties=False)

    for parameters in (loose, inner, schema(properties={})):
        assert warnings(tools=[tool(parameters=parameters, strict=True)]) == ["not_strict"]
        assert warnings(tools=[tool(parameters=parameters)]) == []
    assert warnings(tools=[tool(parameters=fine, strict=True)]) == []
    assert warnings(tools=[tool(strict=True)]) == ["not_strict"]


def test_a_fragment_has_none():
    found = examine(content(tools=[WEATHER]), known_models=(), kind="fragment").faults

    assert "/tools" in {fault.pointer for fault in found}


@pytest.mark.django_db
def test_what_was_sealed_before_there_were_tools_keeps_its_hash(prompt):
    """A row as the release before this one writes it, during a deploy and ever before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO prompts_promptversion (prompt_id, number, status, messages, variables, "
            "model, parameters, note, content_hash, sealed_at, created_at, updated_at) "
            "VALUES (%s, 1, 'sealed', %s, %s, 'small', %s, 'Old.', %s, %s, now(), now())",
            [
                prompt.pk,
                *(
                    strict_json.canonical(CONTENT[name]).decode()
                    for name in ("messages", "variables", "parameters")
                ),
                BEFORE_TOOLS,
                NOW,
            ],
        )

    version = PromptVersion.objects.get()
    assert services.content_of(version).hash == version.content_hash == BEFORE_TOOLS
    assert snapshot.facts_of(version).tools == ()
    with pytest.raises(PromptError, match="Nothing differs from product-text v1"):
        make_sealed(prompt)


@pytest.mark.django_db
def test_tools_are_part_of_the_hash_and_sealed_for_ever(prompt):
    plain = make_sealed(prompt)
    version = make_sealed(prompt, content(tools=[WEATHER]))
    version.refresh_from_db()

    assert version.content_hash != plain.content_hash == BEFORE_TOOLS
    assert version.content_hash == services.content_of(version).hash
    for changed in ([], [tool()]):
        with pytest.raises(IntegrityError), transaction.atomic():
            PromptVersion.objects.filter(pk=version.pk).update(tools=changed)
        with pytest.raises(IntegrityError), transaction.atomic():
            PromptVersion.objects.filter(pk=plain.pk).update(tools=[WEATHER])
    version.refresh_from_db()
    assert version.tools == [WEATHER]


@pytest.mark.django_db
def test_a_file_brings_them_back_exactly():
    tools = [WEATHER, tool("a", description="One.\nTwo <<<\n", parameters=schema())]
    version = make_sealed(make_prompt(), content(tools=tools))
    text = textfile.write(services.export_version(version=version))
    document = textfile.read(text)

    assert document["tools"] == tools
    assert textfile.write(document) == text
    again = services.import_version(
        document=document | {"slug": "copy"}, by=None, now=NOW, seal=True
    )
    assert again.tools == tools
    assert again.content_hash == version.content_hash


@pytest.mark.django_db
def test_a_file_without_tools_is_as_it_was():
    version = make_sealed(make_prompt())

    assert "tools" not in services.export_version(version=version)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["tools", "fit", "variables", "parameters"])
def test_null_in_a_file_says_nothing(field):
    hello = [{"role": "user", "content": "Hi."}]
    document = {"slug": "gift", "note": "x", **CONTENT, "messages": hello, field: None}

    assert services.import_version(document=document, by=None, now=NOW, seal=True)


@pytest.mark.django_db
def test_render_and_the_catalogue_tell_services_what_to_expect(prompt):
    go_live(make_sealed(prompt, content(tools=[WEATHER])))
    client = Client(headers={"authorization": f"Bearer {make_key(make_service())}"})

    about = client.get("/api/v1/prompts/product-text/").json()
    assert about["live"][0]["tools"] == [WEATHER]
    rendered = client.post(
        "/api/v1/prompts/product-text/render/",
        {"variables": {"product": "tea"}},
        content_type="application/json",
    )
    assert rendered.json()["tools"] == [WEATHER]


@pytest.mark.django_db
def test_scripts_of_staff_write_and_check_them(prompt, engineer):
    client = browser(engineer)

    def post(path, **changes):
        url = f"/api/v1/manage/prompts/product-text/{path}/"
        return client.post(url, CONTENT | changes, content_type="application/json")

    checked = post("validate", tools=[WEATHER, WEATHER])
    assert [fault["pointer"] for fault in checked.json()["faults"]] == ["/tools/1/function/name"]
    assert post("versions", tools=[WEATHER]).status_code == 201
    assert PromptVersion.objects.get().tools == [WEATHER]
    assert post("versions", tools="x").status_code == 400


@pytest.mark.django_db
def test_saving_untouched_keeps_them(prompt, desk):
    draft = make_draft(prompt, content(tools=[WEATHER, tool()]))
    url = page("promptversion", draft.pk)

    assert desk.post(url, fields_of(desk.get(url))).status_code == 302

    assert PromptVersion.objects.get().tools == [WEATHER, tool()]


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["{}", "[1", "tools"])
def test_what_is_no_list_is_told_at_the_field(prompt, desk, wrong):
    draft = make_draft(prompt, content(tools=[WEATHER]))
    url = page("promptversion", draft.pk)

    answer = desk.post(url, fields_of(desk.get(url)) | {"tools": wrong})

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"tools"}
    draft.refresh_from_db()
    assert draft.tools == [WEATHER]


@pytest.mark.django_db
@pytest.mark.parametrize("tools", [[5], [{"type": "x"}], {}, [{"function": {"name": 5}}], None, 5])
def test_pages_show_a_draft_with_any_tools(prompt, root, tools):
    make_sealed(prompt)
    draft = make_draft(prompt)
    PromptVersion.objects.filter(pk=draft.pk).update(tools=Value(tools, JSONField()))

    for url in (page("promptversion", draft.pk), action("promptversion", draft.pk, "seal")):
        assert root.get(url).status_code == 200
    compare = reverse("admin:prompt_compare", args=[prompt.pk])
    assert root.get(f"{compare}?a=1&b=2&show=all").status_code == 200


def differing(old, new):
    found = compare_contents(content(**old), content(**new), Work())
    settings = [(one.name, one.old, one.new) for one in found.settings]
    return settings, [text.title for text in found.texts]


def test_comparing_goes_tool_by_tool():
    changed = {**WEATHER, "function": {**WEATHER["function"], "description": "Of any town."}}

    assert differing({"tools": [WEATHER, tool()]}, {"tools": [changed, tool(), tool("b")]}) == (
        [("tools", "get_weather, look_up", "get_weather, look_up, b")],
        ["Tool get_weather", "Tool b"],
    )
    assert differing({"tools": [WEATHER, tool()]}, {"tools": [tool(), WEATHER]}) == (
        [("tools", "get_weather, look_up", "look_up, get_weather")],
        [],
    )
    assert differing({}, {}) == ([], [])
    assert [section.title for section in compare(content(), content(tools=[WEATHER]))] == ["Tools"]
