"""What a template may be made of: an allow-list over the syntax tree.

Runs before anything else touches the tree. Walks with a stack of its own, for a tree may be
deeper than Python's.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import nodes

from apps.prompts.engine import calls
from apps.prompts.engine.errors import PolicyError
from apps.prompts.engine.limits import Limits
from apps.prompts.engine.values import storable
from apps.prompts.engine.words import REFUSED

ALLOWED: frozenset[type[nodes.Node]] = frozenset((
    nodes.Template, nodes.Output, nodes.TemplateData,
    nodes.If, nodes.For, nodes.Assign,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.CondExpr,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
    nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Concat,
))  # fmt: skip

LOOP_ATTRIBUTES = frozenset((
    "index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem",
))  # fmt: skip

_RESERVED = frozenset(("loop", "range"))


class _Place(NamedTuple):
    node: nodes.Node
    depth: int
    loops: int
    in_loop: bool  # whether `loop` is known here


def faults(tree: nodes.Template, *, limits: Limits) -> list[PolicyError]:
    """All that the policy has against a template, in the order of its lines; empty if nothing."""
    found: list[PolicyError] = []
    stack = [_Place(tree, 0, 0, in_loop=False)]
    count = 0
    while stack and len(found) < limits.faults:
        place = stack.pop()
        count += 1
        if count > limits.nodes:
            found.append(
                _fault(place.node, "template_size", "the template has too many parts: split it")
            )
            break
        problem = _problem(place, limits)
        if problem is None:
            stack.extend(_inner(place))
        else:
            found.append(problem)
    return sorted(found, key=lambda fault: fault.line or 0)


def _problem(place: _Place, limits: Limits) -> PolicyError | None:
    node = place.node
    if place.depth > limits.depth:
        text = "nested too deep, or too long a chain: use {% set %} for intermediate steps"
        return _fault(node, "depth", text)
    if type(node) not in ALLOWED:
        name, way_out = REFUSED.get(type(node), (type(node).__name__, ""))
        return _fault(node, "not_allowed", f"{name} cannot be used in prompts. {way_out}".strip())
    if isinstance(node, nodes.For):
        return _for_problem(node, place.loops, limits)
    if isinstance(node, nodes.Const):
        return _constant_problem(node, limits)
    message = _message(node, in_loop=place.in_loop)
    return None if message is None else _fault(node, "not_allowed", message)


def _message(node: nodes.Node, *, in_loop: bool) -> str | None:
    if isinstance(node, nodes.Name):
        return _name_problem(node)
    if isinstance(node, nodes.Assign):
        return _target_problem(node.target)
    if isinstance(node, nodes.Getattr):
        return _attribute_problem(node, in_loop=in_loop)
    if isinstance(node, nodes.Getitem):
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return calls.word_problem(key) if isinstance(key, str) else None
    if isinstance(node, (nodes.Filter, nodes.Test, nodes.Call)):
        return calls.problem(node)
    return _sign_problem(node)


def _sign_problem(node: nodes.Node) -> str | None:
    """Python repeats a text with `*` and fills it with `%`; here both are for numbers."""
    if not isinstance(node, (nodes.Mul, nodes.Mod)):
        return None
    for part in (node.left, node.right):
        if isinstance(part, nodes.Const) and isinstance(part.value, str):
            return f"`{node.operator}` calculates with numbers: join texts with `~`"
    return None


def _name_problem(node: nodes.Name) -> str | None:
    if node.name == "loop":
        return "`loop` can only be used as `loop.index`, `loop.first` and so on, inside a loop"
    if node.name == "range":
        return "`range` can only be called: `range(10)`"
    return calls.word_problem(node.name)


def _target_problem(target: nodes.Node) -> str | None:
    if isinstance(target, nodes.Tuple):
        return next(filter(None, map(_target_problem, target.items)), None)
    if isinstance(target, nodes.NSRef):
        return "attributes cannot be set: values never change. Use another name"
    if not isinstance(target, nodes.Name):
        return "only names can be set"
    return (
        f"`{target.name}` cannot be set: it has a meaning here"
        if target.name in _RESERVED
        else None
    )


def _attribute_problem(node: nodes.Getattr, *, in_loop: bool) -> str | None:
    if not is_loop(node.node):
        return calls.word_problem(node.attr)
    if node.attr not in LOOP_ATTRIBUTES:
        known = ", ".join(sorted(LOOP_ATTRIBUTES))
        return f"`loop.{node.attr}` does not exist; there are {known}"
    return None if in_loop else "`loop` is only known inside the body of {% for %}"


def _for_problem(node: nodes.For, loops: int, limits: Limits) -> PolicyError | None:
    if node.recursive:
        return _fault(
            node, "not_allowed", "recursive loops cannot be used: write one loop in another"
        )
    if loops >= limits.loops:
        return _fault(node, "depth", f"more than {limits.loops} loops inside each other")
    message = _target_problem(node.target)
    return None if message is None else _fault(node, "not_allowed", message)


def _constant_problem(node: nodes.Const, limits: Limits) -> PolicyError | None:
    value = node.value
    if isinstance(value, str) and not storable(value):
        return _fault(node, "text", "a text holds a NUL character or half of a surrogate pair")
    if isinstance(value, int) and value.bit_length() > limits.int_bits:
        return _fault(node, "number", f"a number has more than {limits.int_bits} bits")
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return _fault(node, "number", "a number is too large")
    return None


def is_loop(node: nodes.Node) -> bool:
    """Whether the node is the name `loop`, which is not a value."""
    return isinstance(node, nodes.Name) and node.name == "loop"


def _inner(place: _Place) -> Iterator[_Place]:
    """The parts to look at next, without those that are no values, as `loop` and `range`."""
    node, below = place.node, place._replace(depth=place.depth + 1)
    if isinstance(node, nodes.For):
        inside = below._replace(loops=below.loops + 1, in_loop=True)
        yield from (inside._replace(node=child) for child in node.body)
        if node.test is not None:
            yield below._replace(node=node.test, in_loop=False)
        children: list[nodes.Node] = [node.target, node.iter, *node.else_]
    elif isinstance(node, nodes.Getattr) and is_loop(node.node):
        children = []
    elif isinstance(node, nodes.Call):
        receiver = [node.node.node] if isinstance(node.node, nodes.Getattr) else []
        children = [*receiver, *node.args, *node.kwargs]
    else:
        children = list(node.iter_child_nodes())
    yield from (below._replace(node=child) for child in children)


def _fault(node: nodes.Node, code: str, message: str) -> PolicyError:
    return PolicyError(message, code=code, line=node.lineno)
