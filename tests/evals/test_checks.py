"""Every kind of check, and what holds for all of them."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO
from apps.evals.checks import check_faults, grade, outcome_of, run_check
from apps.evals.checks.wanted import said as as_read
from apps.evals.types import Answer, Check, CheckKind, Grade, Mark, Outcome

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def call(name="weather", arguments='{"city": "Rome"}'):
    return {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}


def said(text="", **values):
    return Answer(text, tools=(WEATHER,), **values)


def score(kind, answer, expected=None, **values):
    return run_check(Check(kind, **values), answer, expected).score


@pytest.mark.parametrize(
    ("kind", "values", "expected", "good", "bad"),
    [
        ("equals", {"value": "yes"}, None, said(" yes\n"), said("Yes")),
        ("equals", {}, "yes", said("yes"), said("no")),
        ("equals", {}, {"a": [1, 2]}, said('{"a": [1, 2]}'), said('{"a": [2, 1]}')),
        ("contains-all", {"value": "red\nkettle"}, None, said("a red kettle"), said("a kettle")),
        ("contains-all", {}, ["red", "kettle"], said("a red kettle"), said("red")),
        ("contains-any", {"value": "red\nblue"}, None, said("blue"), said("Red")),
        ("icontains-all", {"value": "STRASSE"}, None, said("die Straße"), said("der Weg")),
        ("icontains-any", {}, ["a", "B"], said("b"), said("c")),
        ("starts-with", {"value": "Dear"}, None, said("\nDear you"), said("Oh dear")),
        ("regex", {"value": r"^\d+ EUR$"}, None, said("12 EUR"), said("EUR 12")),
        ("is-json", {}, None, said('{"a": 1}'), said("{'a': 1}")),
        (
            "json-schema",
            {"value": '{"type": "object", "required": ["a"]}'},
            None,
            said('{"a": 1}'),
            said('{"b": 1}'),
        ),
        ("json-field-equals", {"path": "/a/0", "value": "1"}, None, said('{"a":[1]}'), said("{}")),
        ("json-field-equals", {"path": "/a"}, {"a": "x"}, said('{"a":"x"}'), said('{"a":"y"}')),
        ("json-field-equals", {"path": "/a"}, "x", said('{"a":"x"}'), said("x")),
        ("length", {"minimum": 2, "maximum": 3}, None, said("abc"), said("abcd")),
        ("levenshtein", {"threshold": 0.7}, "kitten", said("kittens"), said("sitting")),
        ("numeric-close", {"maximum": 0.5}, "10", said("3 and 7.5 make 10.5"), said("11")),
        ("numeric-close", {"maximum": 0}, 1200, said("It costs 1,200."), said("none")),
        ("is-refusal", {}, None, said("I’m sorry, but I can’t."), said("Of course.")),
        ("is-refusal", {}, None, said(message={"refusal": "no"}), said(message={"refusal": None})),
        ("latency", {"maximum": 800}, None, said(latency_ms=800), said(latency_ms=801)),
        ("cost", {"maximum": 0.01}, None, said(cost_pico=PICO // 100), said(cost_pico=PICO)),
        ("tokens", {"maximum": 5}, None, said(output_tokens=5), said(output_tokens=6)),
        ("tool-call-valid", {}, None, said(message=call()), said("Rome")),
        ("tool-call-valid", {}, None, said(message=call()), said(message=call("rm"))),
        ("tool-call-valid", {}, None, said(message=call()), said(message=call(arguments="{}"))),
        ("tool-call-valid", {"value": "weather"}, None, said(message=call()), said()),
    ],
)
def test_each_kind(kind, values, expected, good, bad):
    assert check_faults(Check(kind, **values)) == []
    assert (score(kind, good, expected, **values), score(kind, bad, expected, **values)) == (1, 0)
    turned = values | {"negate": True}
    assert (score(kind, good, expected, **turned), score(kind, bad, expected, **turned)) == (0, 1)


@pytest.mark.parametrize("kind", ["judge-rubric", "judge-pairwise", "human"])
def test_what_the_answer_alone_cannot_decide_stays_open(kind):
    assert score(kind, said("x"), value="Is it kind?", judge_id=1) is None


def test_a_failed_check_says_why():
    found = run_check(Check("contains-all", value="red\nblue"), said("red"), None)

    assert found == Outcome(0.0, "Lacks: blue.")


def test_a_check_without_anything_to_compare_with_fails_and_says_so():
    found = run_check(Check("equals"), said("x"), None)

    assert found == Outcome(0.0, "The check has no value, and the case expects nothing.")


@pytest.mark.parametrize(
    ("check", "at"),
    [
        (Check("regex"), "/value"),
        (Check("regex", value="(?=a)"), "/value"),
        (Check("json-schema", value="{"), "/value"),
        (Check("json-schema", value='{"type": "nothing"}'), "/value"),
        (Check("json-schema", value='{"$ref": "file:///etc/hostname"}'), "/value"),
        (Check("json-field-equals", path="a"), "/path"),
        (Check("length"), "/maximum"),
        (Check("length", minimum=2, maximum=1), "/minimum"),
        (Check("cost"), "/maximum"),
        (Check("levenshtein"), "/threshold"),
        (Check("equals", threshold=1.5), "/threshold"),
        (Check("equals", weight=-1), "/weight"),
        (Check("human"), "/value"),
        (Check("judge-rubric", value="Is it kind?"), "/judge"),
    ],
)
def test_faults_name_the_field(check, at):
    assert [fault.pointer for fault in check_faults(check)] == [at]


def test_a_schema_fetches_nothing():
    (fault,) = check_faults(Check("json-schema", value='{"$ref": "http://127.0.0.1:9/x"}'))

    assert "only to its own parts" in fault.detail


@pytest.mark.parametrize(
    "check",
    [
        Check("regex", value="(a+)+$"),
        Check("regex", value="(a|aa)+$"),
        Check("json-schema", value='{"type": "string", "pattern": "^(a+)+$"}'),
        Check("levenshtein", value="ab" * 20_000, threshold=0.5),
    ],
    ids=["plus", "alternatives", "in a schema", "edit distance"],
)
def test_none_hangs(check):
    text = "a" * 50_000 + "!"
    began = time.monotonic()

    run_check(check, said(json.dumps(text) if check.kind == "json-schema" else text), None)

    assert time.monotonic() - began < 2


@given(st.text(max_size=200), st.text(max_size=200))
def test_similarity_is_symmetric_and_1_only_for_equal_texts(one, other):
    def similar(a, b):
        return score("levenshtein", said(a), value=b)

    if one and other:
        assert similar(one, other) == similar(other, one)
        assert (similar(one, other) == 1) == (one == other)


_SHARES = st.floats(0, 1)
_CHECKS = st.lists(st.builds(Check, st.just("equals"), weight=st.floats(0, 10)), max_size=6)


@given(_SHARES, st.none() | _SHARES, st.booleans())
def test_a_negated_check_says_the_opposite(found, threshold, negate):
    check = Check("levenshtein", threshold=threshold, negate=negate)
    one = outcome_of(check, Mark(found)).score
    other = outcome_of(replace(check, negate=not negate), Mark(found)).score

    assert one + other == pytest.approx(1)
    assert threshold is None or one in (0, 1)


def test_the_smallest_weight_there_is_is_a_weight():
    check = Check("equals", weight=5e-324)
    assert grade([check], [Outcome(0.5)], threshold=0.5) == Grade(0.5, True)


@given(_CHECKS, st.data())
def test_a_grade_lies_between_the_worst_and_the_best_check(checks, data):
    outcomes = [Outcome(data.draw(_SHARES)) for _ in checks]
    found = grade(checks, outcomes, threshold=0.5)

    weighed = [o.score for c, o in zip(checks, outcomes, strict=True) if c.weight] or [1]
    assert min(weighed) - 1e-9 <= found.score <= max(weighed) + 1e-9
    assert found.passed == (found.score >= 0.5 - 1e-9)


@given(_CHECKS, st.data())
def test_a_better_check_never_makes_a_worse_grade(checks, data):
    scores = [data.draw(_SHARES) for _ in checks]
    better = [data.draw(st.floats(low, 1)) for low in scores]

    def total(values):
        return grade(checks, [Outcome(value) for value in values], threshold=1).score

    assert total(better) >= total(scores) - 1e-9


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9))
def test_all_that_pass_pass_whatever_their_weights(weights):
    checks = [Check("equals", weight=weight) for weight in weights]

    assert grade(checks, [Outcome(1.0) for _ in checks], threshold=1).passed


def test_one_undecided_check_leaves_the_grade_open():
    checks = [Check("equals"), Check("human")]

    assert grade(checks, [Outcome(1.0), Outcome(None)], threshold=1) == Grade(None, None)


def test_every_kind_is_run_or_left_to_others():
    for kind in CheckKind:
        run_check(Check(kind, value="true", path="/a", maximum=1), said("1"), None)


def test_arguments_that_cannot_be_checked_fail_and_say_why():
    """Sealing reads a schema only; checking values with it is what must be bounded."""
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    function = {
        "name": "weather",
        "parameters": {"$defs": twice | {"a40": {}}, "$ref": "#/$defs/a0"},
    }
    answer = Answer("", message=call(), tools=({"type": "function", "function": function},))

    found = run_check(Check("tool-call-valid"), answer, None)

    assert found.score == 0
    assert found.reason.startswith("The arguments of weather cannot be checked: This JSON Schema")


def test_an_answer_is_read_with_the_calls_that_it_asks_for():
    assert as_read("Rome", None) == "Rome"
    assert as_read("", {"content": None, "refusal": "no"}) == ""
    assert "weather" in as_read("", call())
    assert as_read("I look.", call()).startswith("I look.\n\n[\n")
