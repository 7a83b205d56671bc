"""From statements to steps: functions that write, set names and loop."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from jinja2 import nodes

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.expressions import expression
from apps.prompts.engine.lookup import elements
from apps.prompts.engine.names import assigned, targets
from apps.prompts.engine.run import Loop, Run, Step
from apps.prompts.engine.text import to_text
from apps.prompts.engine.values import JSONValue, kind

_Assign = Callable[[Run, JSONValue], None]


def block(body: Iterable[nodes.Node]) -> list[Step]:
    """Compile statements in their order."""
    return [step for node in body for step in _STATEMENTS[type(node)](node)]


def _output(node: nodes.Output) -> list[Step]:
    return [_part(part) for part in node.nodes]


def _part(node: nodes.Node) -> Step:
    if isinstance(node, nodes.TemplateData):
        text = node.data
        return lambda run: run.write(text)
    value, line = expression(node), node.lineno

    def step_print(run: Run) -> None:
        run.line = line
        run.write(to_text(run.meter, value(run)))

    return step_print


def _set(node: nodes.Assign) -> list[Step]:
    value, assign, line = expression(node.node), _target(node.target), node.lineno

    def step_set(run: Run) -> None:
        run.line = line
        assign(run, value(run))

    return [step_set]


def _target(node: nodes.Node) -> _Assign:
    if isinstance(node, nodes.Tuple):
        return _unpack([_target(part) for part in node.items])
    name = cast(nodes.Name, node).name

    def assign(run: Run, value: JSONValue) -> None:
        run.names[name] = value

    return assign


def _unpack(parts: list[_Assign]) -> _Assign:
    def assign(run: Run, value: JSONValue) -> None:
        if type(value) is not list or len(value) != len(parts):
            found = f"a list of {len(value)}" if type(value) is list else kind(value)
            raise RenderError(f"{len(parts)} names cannot take {found}", code="type")
        for part, item in zip(parts, value, strict=True):
            part(run, item)

    return assign


def _if(node: nodes.If) -> list[Step]:
    ways = [
        (expression(branch.test), branch.lineno, block(branch.body))
        for branch in (node, *node.elif_)
    ]
    otherwise = block(node.else_)

    def step_if(run: Run) -> None:
        for test, line, body in ways:
            run.line = line
            if test(run):
                return _perform(run, body)
        return _perform(run, otherwise)

    return [step_if]


def _perform(run: Run, steps: list[Step]) -> None:
    for step in steps:
        step(run)


def _for(node: nodes.For) -> list[Step]:
    """A loop. Names set inside are its own: each round begins without them, nothing stays."""
    source, keep = expression(node.iter), _condition(node)
    assign, body, otherwise = _target(node.target), block(node.body), block(node.else_)
    own = assigned(node.body) | set(targets(node.target))
    fuel, line = _weight(node), node.lineno

    def step_for(run: Run) -> None:
        run.line = line
        items = _items(run, source(run))
        outer = {name: run.names[name] for name in own if name in run.names}
        if keep is not None:
            items = [item for item in items if keep(run, item)]
            _restore(run, own, outer)
        surrounding, run.loop = run.loop, Loop(items)
        for position, item in enumerate(items):
            run.meter.charge(fuel)
            run.loop.index0 = position
            run.line = line
            assign(run, item)
            _perform(run, body)
            _restore(run, own, outer)
        run.loop = surrounding
        if not items:
            _perform(run, otherwise)

    return [step_for]


def _condition(node: nodes.For) -> Callable[[Run, JSONValue], bool] | None:
    if node.test is None:
        return None
    test, assign, fuel = expression(node.test), _target(node.target), _weight(node.test)

    def keep(run: Run, item: JSONValue) -> bool:
        run.meter.charge(fuel)
        assign(run, item)
        return bool(test(run))

    return keep


def _items(run: Run, value: JSONValue) -> list[JSONValue]:
    if type(value) is str:
        raise RenderError(
            "`for` needs a list, not text; `|list` makes a list of its characters", code="type"
        )
    return elements(run.meter, value, "`for`")


def _restore(run: Run, own: set[str], outer: dict[str, JSONValue]) -> None:
    for name in own:
        run.names.pop(name, None)
    run.names.update(outer)


def _weight(node: nodes.Node) -> int:
    """Nodes below, which is what one round costs at most; what depends on sizes pays for itself."""
    return 1 + sum(_weight(child) for child in node.iter_child_nodes())


_STATEMENTS: dict[type[nodes.Node], Callable[[Any], list[Step]]] = {
    nodes.Output: _output,
    nodes.Assign: _set,
    nodes.If: _if,
    nodes.For: _for,
}
