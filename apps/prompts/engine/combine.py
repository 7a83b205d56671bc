"""Functions of functions: what an operator makes of its compiled parts."""

import operator
from collections.abc import Callable

from jinja2 import nodes

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.lookup import Missing, attribute, cut, item
from apps.prompts.engine.operators import (
    Arithmetic,
    Comparison,
    add,
    calculate,
    concatenate,
    number,
)
from apps.prompts.engine.run import Attempt, Expression, Run
from apps.prompts.engine.values import JSONValue


def constant(value: JSONValue) -> Expression:
    """The same value each time; values never change, so it may be shared."""
    return lambda run: value


def name(word: str) -> Expression:
    """A value by its name, which must be there."""

    def run_name(run: Run) -> JSONValue:
        try:
            return run.names[word]
        except KeyError:
            raise RenderError(f"variable `{word}` is missing", code="missing") from None

    return run_name


def attempt_name(word: str) -> Attempt:
    """A value by its name, if it is there."""
    missing = Missing(f"variable `{word}` is missing")
    return lambda run: run.names.get(word, missing)


def required(inner: Attempt) -> Expression:
    """What was found, or an error."""

    def run_required(run: Run) -> JSONValue:
        value = inner(run)
        if isinstance(value, Missing):
            raise RenderError(value.message, code="missing")
        return value

    return run_required


def getattr_(holder: Expression, key: str, place: str) -> Attempt:
    """`holder.key`."""
    return lambda run: attribute(holder(run), key, place)


def getitem(holder: Expression, key: Expression, place: str) -> Attempt:
    """`holder[key]`."""
    return lambda run: item(holder(run), key(run), place)


def slice_(holder: Expression, start: Expression, stop: Expression, step: Expression) -> Expression:
    """`holder[start:stop:step]`."""
    return lambda run: cut(run.meter, holder(run), slice(start(run), stop(run), step(run)))


def conditional(test: Expression, yes: Attempt, no: Attempt) -> Attempt:
    """`yes if test else no`."""
    return lambda run: yes(run) if test(run) else no(run)


def default(value: Attempt, other: Attempt, also_empty: Expression) -> Attempt:
    """`value|default(other)`: `other` where there is no value, or an empty one if that counts."""

    def run_default(run: Run) -> JSONValue | Missing:
        found = value(run)
        if isinstance(found, Missing) or (also_empty(run) and not found):
            return other(run)
        return found

    return run_default


def presence(value: Attempt, *, wanted: bool) -> Expression:
    """`value is defined`, `value is undefined`."""
    return lambda run: isinstance(value(run), Missing) is not wanted


def list_(parts: list[Expression]) -> Expression:
    """`[a, b]` and `(a, b)`."""
    return lambda run: [part(run) for part in parts]


def dict_(pairs: list[tuple[Expression, Expression]]) -> Expression:
    """`{"a": b}`."""

    def run_dict(run: Run) -> JSONValue:
        text = run.meter.need_text
        return {text(key(run), "the key of an object"): value(run) for key, value in pairs}

    return run_dict


def concat(parts: list[Expression]) -> Expression:
    """`a ~ b`."""
    return lambda run: concatenate(run.meter, [part(run) for part in parts])


def compare(first: Expression, rest: list[tuple[Comparison, Expression]]) -> Expression:
    """`a < b <= c`, where the middle is computed once."""

    def run_compare(run: Run) -> JSONValue:
        left = first(run)
        for test, part in rest:
            right = part(run)
            if not test(run.meter, left, right):
                return False
            left = right
        return True

    return run_compare


def arithmetic(sign: str, function: Arithmetic) -> Callable[[Expression, Expression], Expression]:
    """Make the builder of one of `- * / // %`."""

    def build(left: Expression, right: Expression) -> Expression:
        return lambda run: calculate(run.meter, sign, function, left(run), right(run))

    return build


def plus(left: Expression, right: Expression) -> Expression:
    """`a + b`."""
    return lambda run: add(run.meter, left(run), right(run))


def both(left: Expression, right: Expression) -> Expression:
    """`a and b`."""
    return lambda run: left(run) and right(run)


def either(left: Expression, right: Expression) -> Expression:
    """`a or b`."""
    return lambda run: left(run) or right(run)


def negative(value: Expression) -> Expression:
    """`-a`."""
    return lambda run: -number(value(run), "-")


def positive(value: Expression) -> Expression:
    """`+a`."""
    return lambda run: +number(value(run), "+")


def opposite(value: Expression) -> Expression:
    """`not a`."""
    return lambda run: not value(run)


def call(
    function: Callable[..., JSONValue | Missing],
    value: Expression,
    arguments: list[Expression],
    named: dict[str, Expression],
) -> Attempt:
    """A filter, test or method with its meter, its value and the arguments as written."""
    if not arguments and not named:
        return lambda run: function(run.meter, value(run))
    if not named:
        return lambda run: function(run.meter, value(run), *[part(run) for part in arguments])
    return lambda run: function(
        run.meter,
        value(run),
        *[part(run) for part in arguments],
        **{key: part(run) for key, part in named.items()},
    )


BINARY: dict[type[nodes.Node], Callable[[Expression, Expression], Expression]] = {
    nodes.Add: plus,
    nodes.Sub: arithmetic("-", operator.sub),
    nodes.Mul: arithmetic("*", operator.mul),
    nodes.Div: arithmetic("/", operator.truediv),
    nodes.FloorDiv: arithmetic("//", operator.floordiv),
    nodes.Mod: arithmetic("%", operator.mod),
    nodes.And: both,
    nodes.Or: either,
}
