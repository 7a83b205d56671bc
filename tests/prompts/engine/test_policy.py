"""Saving says in plain words what cannot be used, where, and what to do instead."""

import pytest

from apps.prompts import engine
from apps.prompts.engine import Limits, PolicyError, TemplateError, TemplateSyntaxError


def message_of(source: str) -> str:
    (problem,) = engine.problems(source)
    return str(problem)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{% macro m() %}{% endmacro %}",
            "line 1: {% macro %} cannot be used in prompts. Write the text out, or use {% for %}.",
        ),
        (
            "a\n{% include 'x' %}",
            (
                "line 2: this {% include %} cannot be used in prompts."
                ' Name one fragment as text: {% include "its-name" %}.'
            ),
        ),
        ("{{ x|uper }}", "line 1: the filter `uper` does not exist here. Did you mean `upper`?"),
        ("{{ x is eve }}", "line 1: the test `eve` does not exist here. Did you mean `even`?"),
        (
            "{{ x.spilt() }}",
            "line 1: the method `spilt` does not exist here. Did you mean `split`?",
        ),
        (
            "{{ x|join(',', 'a', 'b') }}",
            "line 1: `|join` does not take these arguments: too many positional arguments",
        ),
        (
            "{{ x|select('odd', 1) }}",
            "line 1: `is odd` does not take these arguments: too many positional arguments",
        ),
        (
            "{{ x.__class__ }}",
            "line 1: `__class__` cannot be used: names must not begin with two underscores",
        ),
        (
            "{{ 'a' * 3 }}",
            "line 1: `*` calculates with numbers: join texts with `~`",
        ),
        ("{% do x %}", "line 1: Encountered unknown tag 'do'."),
    ],
)
def test_it_names_the_construct_the_line_and_the_way_out(source: str, expected: str) -> None:
    assert message_of(source) == expected


def test_it_reports_all_faults_at_once_in_the_order_of_lines() -> None:
    source = "{% for x in y %}{{ x|foo }}\n{{ loop }}\n{% endfor %}\n{{ a ** 2 }}{{ fine }}"

    found = engine.problems(source)

    assert [problem.line for problem in found] == [1, 2, 4]
    assert all(isinstance(problem, PolicyError) for problem in found)


def test_a_good_source_has_no_problems() -> None:
    assert engine.problems("{% for x in y %}{{ x }}{% endfor %}") == []


def test_checking_and_compiling_raise_the_first_fault() -> None:
    source = "{{ a|foo }}\n{{ b|bar }}"

    for enter in (engine.check, engine.compile):
        with pytest.raises(PolicyError) as caught:
            enter(source)
        assert caught.value.line == 1


def test_a_broken_source_is_reported_once() -> None:
    (problem,) = engine.problems("ok\n{{ a b }}\n{{ c")

    assert isinstance(problem, TemplateSyntaxError)
    assert problem.line == 2


def test_faults_are_counted_out() -> None:
    assert len(engine.problems("{{ a|foo }}" * 200)) == engine.DEFAULT.faults


@pytest.mark.parametrize(
    ("source", "limits", "code"),
    [
        ("abcdef", Limits(source_chars=5), "source_size"),
        ("{{ a }}{{ a }}", Limits(tags=1), "template_size"),
        ("{{ a.b.c }}", Limits(symbols=4), "template_size"),
        ("{{ ((a)) }}", Limits(brackets=1), "template_size"),
        ("{{ 12345 }}", Limits(digits=4), "number"),
        ("{{ 256 }}", Limits(int_bits=8), "number"),
        ("{{ a + a + a }}", Limits(nodes=5), "template_size"),
        ("{{ a + a + a }}", Limits(depth=3), "depth"),
        ("{% for x in y %}{% for z in y %}{% endfor %}{% endfor %}", Limits(loops=1), "depth"),
    ],
)
def test_each_size_has_its_limit(source: str, limits: Limits, code: str) -> None:
    assert engine.problems(source) == []
    with pytest.raises(PolicyError) as caught:
        engine.check(source, limits=limits)
    assert caught.value.code == code


def test_every_error_is_one_of_ours() -> None:
    for error in (PolicyError, TemplateSyntaxError, engine.RenderError, engine.DeadlineError):
        assert issubclass(error, TemplateError)
