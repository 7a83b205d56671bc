"""Every fault of a draft at once, each with its place."""

import pytest

from apps.prompts import services
from apps.prompts.validation import Content, examine
from tests.factories import make_model
from tests.prompts.conftest import content, make_draft


def faults(**changes):
    found = examine(content(**changes), known_models=["small"]).faults
    return [(fault.pointer, fault.code) for fault in found]


def warnings(**changes):
    found = examine(content(**changes), known_models=["small"]).warnings
    return [(fault.pointer, fault.code) for fault in found]


def user(text):
    return {"role": "user", "content": text}


def test_good_content_has_no_findings():
    assert faults() == []
    assert warnings() == []


def test_all_faults_are_told_at_once():
    found = faults(
        messages=[
            user("{% if %}"),
            {"role": "robot", "content": "x"},
            user("{{ who }}"),
            user(" "),
        ],
        variables={"product": {"type": "text"}, "1x": {"type": "string"}},
        model="",
        parameters={"temperature": 3, "base_url": "http://elsewhere"},
        response_schema={"type": 7},
    )

    assert {pointer for pointer, _ in found} == {
        "/messages/0/content",
        "/messages/1/role",
        "/messages/2/content",
        "/messages/3/content",
        "/variables/product/type",
        "/variables",
        "/model",
        "/parameters/temperature",
        "/parameters",
        "/response_schema",
    }


def test_a_template_fault_names_its_line():
    found = examine(content(messages=[user("one\ntwo {{ oops")]), known_models=["small"]).faults

    assert found[0].pointer == "/messages/0/content"
    assert "line 2" in found[0].detail


def test_an_undeclared_variable_is_a_fault():
    assert ("/messages/0/content", "undeclared_variable") in faults(
        messages=[user("{{ product }} {{ price }}")]
    )


def test_an_unused_variable_is_a_warning():
    found = warnings(messages=[user("Hello.")])

    assert found == [("/variables/product", "unused_variable")]


def test_messages_come_only_through_a_placeholder():
    variables = {"history": {"type": "messages", "required": False}}

    assert faults(messages=[{"placeholder": "history"}, user("Go.")], variables=variables) == []
    assert faults(messages=[user("{{ history }}")], variables=variables) == [
        ("/messages/0/content", "messages_in_template")
    ]
    assert faults(messages=[{"placeholder": "other"}], variables=variables) == [
        ("/messages/0/placeholder", "undeclared_variable")
    ]


def test_a_default_must_fit_its_own_variable():
    variables = {"product": {"type": "string", "required": False, "default": 5, "sample": "x"}}

    assert faults(variables=variables) == [("/variables/product/default", "wrong_type")]


def test_a_model_that_nobody_registered_is_a_warning():
    assert warnings(model="shop-route") == [("/model", "unknown_model")]


def test_end_user_text_in_a_system_message_is_a_warning():
    found = warnings(
        messages=[{"role": "system", "content": "{{ product }}"}],
        variables={"product": {"type": "string", "trust": "end_user"}},
    )

    assert found == [("/messages/0/content", "untrusted_in_system")]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema"},
        {"properties": {"x": {"$ref": "file:///etc/passwd"}}},
        {"$schema": "http://127.0.0.1:9/"},
        {"$ref": "other.json"},
        [],
        "text",
    ],
)
def test_a_schema_that_points_elsewhere_is_a_fault(schema):
    assert faults(response_schema=schema) == [("/response_schema", "bad_schema")]


def test_a_schema_may_point_at_its_own_parts():
    schema = {"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}

    assert faults(response_schema=schema) == []


@pytest.mark.parametrize("value", [None, [], "x", 5, [None], [[]], [{}], [{"role": 1}], {"a": 1}])
def test_any_shape_is_judged_without_a_crash(value):
    found = examine(
        Content(messages=value, variables=value, model="", parameters=value, response_schema=value),
        known_models=[],
    )

    assert found.faults


def test_huge_content_is_refused_before_it_is_read():
    assert faults(messages=[user("x" * 600_000)]) == [("", "too_long")]


def test_numbers_beyond_64_bits_are_refused():
    assert faults(parameters={"seed": 2**70}) == [("/parameters/seed", "invalid")]


@pytest.mark.django_db
def test_a_registered_model_is_known(prompt):
    make_model("small")

    assert services.validate_version(make_draft(prompt)).warnings == ()


STEPS = [{"drop": 1}, {"trim": "talk", "keep": 2}, {"truncate": "product"}]


def test_a_way_to_be_shortened_has_no_faults():
    variables = {"product": {"type": "string"}, "talk": {"type": "messages"}}
    messages = [user("a"), {"placeholder": "talk"}, user("{{ product }}")]
    fit = {"max_input_tokens": 500, "steps": STEPS}
    assert faults(fit=fit, variables=variables, messages=messages) == []


def test_all_faults_of_a_way_to_be_shortened_are_told_at_once():
    steps = [
        {"drop": 3},
        {"drop": 0},
        {"drop": 2},
        {"trim": "product"},
        {"truncate": "nobody", "keep": -1},
        {"truncate": "nobody"},
        {"drop": 1, "trim": "product"},
        "drop",
        {"truncate": "product", "least": 1},
        {"drop": 2},
        {"drop": 1},
    ]
    messages = [user("{{ product }}"), {"placeholder": "product"}]
    found = faults(fit={"steps": steps}, messages=messages)
    assert [(pointer, code) for pointer, code in found if pointer.startswith("/fit")] == [
        ("/fit/steps/0/drop", "no_message"),
        ("/fit/steps/1/drop", "invalid"),
        ("/fit/steps/2/drop", "placeholder"),
        ("/fit/steps/3/trim", "undeclared_variable"),
        ("/fit/steps/4/keep", "invalid"),
        ("/fit/steps/5/truncate", "undeclared_variable"),
        ("/fit/steps/5", "twice"),
        ("/fit/steps/6", "invalid"),
        ("/fit/steps/7", "invalid"),
        ("/fit/steps/8", "invalid"),
        ("/fit/steps/9/drop", "placeholder"),
        ("/fit/steps/9", "twice"),
        ("/fit/steps", "nothing_left"),
    ]


@pytest.mark.parametrize(
    "fit", [[], "x", 3, None, {"max_input_tokens": 0}, {"steps": {}}, {"other": 1}]
)
def test_anything_else_is_a_fault_and_no_error(fit):
    assert {pointer.split("/")[1] for pointer, _ in faults(fit=fit)} == {"fit"}
