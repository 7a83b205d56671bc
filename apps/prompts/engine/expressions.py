"""From expressions to functions: each node becomes a closure over those of its parts.

Two kinds: an Attempt may find nothing and give Missing; an Expression raises then. Only
`default`, `is defined` and `a if b else c` pass a Missing on.
"""

from collections.abc import Callable
from typing import Any, cast

from jinja2 import nodes

from apps.prompts.engine import combine
from apps.prompts.engine.calls import DEFAULT_FILTERS
from apps.prompts.engine.filters import FILTERS
from apps.prompts.engine.lookup import Missing, item
from apps.prompts.engine.methods import bound, numbers
from apps.prompts.engine.operators import COMPARISONS
from apps.prompts.engine.policy import is_loop
from apps.prompts.engine.predicates import PREDICATES, PRESENCE
from apps.prompts.engine.run import Attempt, Expression, Loop
from apps.prompts.engine.values import JSONValue

_Call = nodes.Filter | nodes.Test | nodes.Call
_NULL = combine.constant(None)
_NO_ELSE = Missing("an `if` inside `{{ }}` was not met and has no `else`")
_NO_PREVIOUS = Missing("`loop.previtem` of the first item")


def attempt(node: nodes.Node) -> Attempt:
    """Compile an expression that may find nothing."""
    build = _ATTEMPTS.get(type(node))
    return build(node) if build is not None else expression(node)


def expression(node: nodes.Node) -> Expression:
    """Compile an expression that must find something."""
    build = _EXPRESSIONS.get(type(node))
    return build(node) if build is not None else combine.required(attempt(node))


def describe(node: nodes.Node) -> str:
    """How the author wrote a place, for messages: `order.lines`. Never a value."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{describe(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        return f"{describe(node.node)}[…]"
    return "…"


def _getattr(node: nodes.Getattr) -> Attempt:
    if is_loop(node.node):
        read = LOOP[node.attr]
        return lambda run: read(cast(Loop, run.loop))
    return combine.getattr_(expression(node.node), node.attr, describe(node.node))


def _getitem(node: nodes.Getitem) -> Attempt:
    holder, key = expression(node.node), node.arg
    if isinstance(key, nodes.Slice):
        return combine.slice_(holder, *map(_optional, (key.start, key.stop, key.step)))
    return combine.getitem(holder, expression(key), describe(node.node))


def _optional(node: nodes.Node | None) -> Expression:
    return _NULL if node is None else expression(node)


def _conditional(node: nodes.CondExpr) -> Attempt:
    no = (lambda run: _NO_ELSE) if node.expr2 is None else attempt(node.expr2)
    return combine.conditional(expression(node.test), attempt(node.expr1), no)


def _arguments(node: _Call) -> tuple[list[Expression], dict[str, Expression]]:
    named = {str(pair.key): expression(pair.value) for pair in node.kwargs}
    return [expression(part) for part in node.args], named


def _filter(node: nodes.Filter) -> Attempt:
    if node.name in DEFAULT_FILTERS:
        return _default(node)
    return combine.call(FILTERS[node.name], expression(_value(node)), *_arguments(node))


def _default(node: nodes.Filter) -> Attempt:
    given = dict(zip(("default_value", "boolean"), node.args, strict=False))
    given.update({str(pair.key): pair.value for pair in node.kwargs})
    other = attempt(given["default_value"]) if "default_value" in given else combine.constant("")
    also_empty = expression(given["boolean"]) if "boolean" in given else _NULL
    return combine.default(attempt(_value(node)), other, also_empty)


def _value(node: nodes.Filter) -> nodes.Expr:
    return cast(nodes.Expr, node.node)  # None only inside {% filter %}, which the policy refuses


def _test(node: nodes.Test) -> Expression:
    if node.name in PRESENCE:
        return combine.presence(attempt(node.node), wanted=PRESENCE[node.name])
    call = combine.call(PREDICATES[node.name], expression(node.node), *_arguments(node))
    return cast(Expression, call)  # no test gives Missing


def _call(node: nodes.Call) -> Expression:
    arguments, named = _arguments(node)
    if isinstance(node.node, nodes.Getattr):
        holder = expression(node.node.node)
        call = combine.call(bound(node.node.attr), holder, arguments, named)
    else:
        call = combine.call(numbers, arguments[0], arguments[1:], named)
    return cast(Expression, call)  # no method gives Missing


def _dict(node: nodes.Dict) -> Expression:
    return combine.dict_([(expression(pair.key), expression(pair.value)) for pair in node.items])


def _compare(node: nodes.Compare) -> Expression:
    rest = [(COMPARISONS[part.op], expression(part.expr)) for part in node.ops]
    return combine.compare(expression(node.expr), rest)


def _binary(build: Callable[[Expression, Expression], Expression]) -> Callable[[Any], Expression]:
    return lambda node: build(expression(node.left), expression(node.right))


def _unary(build: Callable[[Expression], Expression]) -> Callable[[Any], Expression]:
    return lambda node: build(expression(node.node))


def _sequence(node: nodes.List | nodes.Tuple) -> Expression:
    return combine.list_([expression(part) for part in node.items])


def _concat(node: nodes.Concat) -> Expression:
    return combine.concat([expression(part) for part in node.nodes])


_ATTEMPTS: dict[type[nodes.Node], Callable[[Any], Attempt]] = {
    nodes.Name: lambda node: combine.attempt_name(node.name),
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.CondExpr: _conditional,
    nodes.Filter: _filter,
}

_EXPRESSIONS: dict[type[nodes.Node], Callable[[Any], Expression]] = {
    nodes.Name: lambda node: combine.name(node.name),
    nodes.Const: lambda node: combine.constant(node.value),
    nodes.List: _sequence,
    nodes.Tuple: _sequence,
    nodes.Dict: _dict,
    nodes.Concat: _concat,
    nodes.Compare: _compare,
    nodes.Test: _test,
    nodes.Call: _call,
    nodes.Not: _unary(combine.opposite),
    nodes.Neg: _unary(combine.negative),
    nodes.Pos: _unary(combine.positive),
    **{sign: _binary(build) for sign, build in combine.BINARY.items()},
}

LOOP: dict[str, Callable[[Loop], JSONValue | Missing]] = {
    "index": lambda loop: loop.index0 + 1,
    "index0": lambda loop: loop.index0,
    "revindex": lambda loop: len(loop.items) - loop.index0,
    "revindex0": lambda loop: len(loop.items) - loop.index0 - 1,
    "first": lambda loop: loop.index0 == 0,
    "last": lambda loop: loop.index0 + 1 == len(loop.items),
    "length": lambda loop: len(loop.items),
    "previtem": lambda loop: loop.items[loop.index0 - 1] if loop.index0 else _NO_PREVIOUS,
    "nextitem": lambda loop: item(loop.items, loop.index0 + 1, "loop.nextitem"),
}
