"""Rendering ends at each of its limits, and the same way each time."""

from datetime import date

import pytest

from apps.prompts import engine
from apps.prompts.engine import DeadlineError, JSONValue, Limits, RenderError


def error_of(source: str, *, limits: Limits = engine.DEFAULT, **values: object) -> RenderError:
    with pytest.raises(RenderError) as caught:
        engine.compile(source).render(values, limits=limits)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("source", "limits", "code"),
    [
        ("{% for x in range(9) %}{{ x }}{% endfor %}", Limits(fuel=20), "fuel"),
        ("{{ range(9) }}", Limits(range_items=8), "range"),
        ("{{ 16 * 16 }}", Limits(int_bits=8), "number"),
        ("{{ 'aaa' ~ 'bbb' }}", Limits(output_chars=5), "text_size"),
        ("aaa{{ 'bbb' }}", Limits(output_chars=5), "output_size"),
        ("{{ ['aaa'] }}", Limits(output_chars=6), "text_size"),
    ],
)
def test_each_kind_of_work_has_its_limit(source: str, limits: Limits, code: str) -> None:
    engine.compile(source).render({})
    assert error_of(source, limits=limits).code == code


def test_the_same_work_takes_the_same_fuel() -> None:
    template = engine.compile("{% for x in range(9) %}{{ [x, x]|join(',') }}{% endfor %}")

    def least() -> int:
        for fuel in range(1_000):
            try:
                template.render({}, limits=Limits(fuel=fuel))
            except RenderError:
                continue
            return fuel
        raise AssertionError

    assert least() == least() > 9


def test_a_stalled_machine_is_worth_another_try() -> None:
    ticks = iter((0.0, 0.4, 0.6))

    with pytest.raises(DeadlineError) as caught:
        engine.compile("a\n{{ range(1) }}{{ range(1) }}").render({}, clock=lambda: next(ticks))

    assert not caught.value.permanent
    assert caught.value.line == 2


@pytest.mark.parametrize(
    "value",
    [
        date(2026, 1, 1),
        (1, 2),
        {1: "a"},
        {"a": [{"b": b"bytes"}]},
        {1, 2},
        object(),
        type("Text", (str,), {})("a"),
        type("Object", (dict,), {})(a=1),
        lambda: 1,
        float("nan"),
        float("inf"),
        2**256,
        "a\x00b",
        "\udcff",
        {"\x00": 1},
    ],
)
def test_only_json_is_let_in(value: object) -> None:
    error = error_of("nothing used", wrong=value)

    assert "`wrong`" in error.message
    assert error.permanent


def test_deep_and_circular_values_are_refused() -> None:
    circular: list[JSONValue] = []
    circular.append(circular)
    deep: JSONValue = 1
    for _ in range(33):
        deep = [deep]

    assert error_of("", x=circular).code == "depth"
    assert error_of("", x=deep).code == "depth"


def test_all_values_count_together() -> None:
    limits = Limits(context_chars=100)

    engine.compile("").render({"a": "x" * 60}, limits=limits)
    assert error_of("", limits=limits, a="x" * 40, b="x" * 40).code == "context_size"
    assert error_of("", limits=limits, a=[1] * 9).code == "context_size"


def test_values_that_share_a_part_are_counted_as_if_they_did_not() -> None:
    shared: JSONValue = [0] * 10
    for _ in range(20):
        shared = [shared, shared]

    assert error_of("", x=shared).code == "context_size"
