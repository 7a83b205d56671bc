"""Which names a template takes from its values.

Jinja's own `meta.find_undeclared_variables` is never used: it compiles the template, which runs
its constant parts.
"""

from collections.abc import Iterable

from jinja2 import nodes

from apps.prompts.engine.policy import is_loop


def free(tree: nodes.Template) -> frozenset[str]:
    """Names that are looked up in the values on at least one way through the template."""
    found: set[str] = set()
    _block(tree.body, set(), found)
    return frozenset(found)


def targets(target: nodes.Node) -> list[str]:
    """Names that an assignment or a loop sets."""
    if isinstance(target, nodes.Tuple):
        return [name for item in target.items for name in targets(item)]
    return [target.name] if isinstance(target, nodes.Name) else []


def assigned(body: Iterable[nodes.Node]) -> set[str]:
    """Names that a body may set for what follows: in its branches too, not in its loops."""
    found: set[str] = set()
    for node in body:
        if isinstance(node, nodes.Assign):
            found.update(targets(node.target))
        elif isinstance(node, nodes.If):
            found |= assigned(node.body) | assigned(node.elif_) | assigned(node.else_)
    return found


def _block(body: Iterable[nodes.Node], bound: set[str], found: set[str]) -> None:
    """Walk statements in their order; `bound` gains the names that are surely set after them."""
    for node in body:
        if isinstance(node, nodes.If):
            _branches(node, bound, found)
        elif isinstance(node, nodes.For):
            _loop(node, bound, found)
        elif isinstance(node, nodes.Assign):
            _expression(node.node, bound, found)
            bound.update(targets(node.target))
        else:
            _expression(node, bound, found)


def _branches(node: nodes.If, bound: set[str], found: set[str]) -> None:
    _expression(node.test, bound, found)
    ways: list[set[str]] = []
    for body in (node.body, *(branch.body for branch in node.elif_), node.else_):
        ways.append(set(bound))
        _block(body, ways[-1], found)
    for branch in node.elif_:
        _expression(branch.test, bound, found)
    bound.update(set.intersection(*ways))


def _loop(node: nodes.For, bound: set[str], found: set[str]) -> None:
    _expression(node.iter, bound, found)
    inside = bound | set(targets(node.target))
    if node.test is not None:
        _expression(node.test, inside, found)
    _block(node.body, inside, found)
    _block(node.else_, set(bound), found)


def _expression(node: nodes.Node, bound: set[str], found: set[str]) -> None:
    if isinstance(node, nodes.Name):
        if node.name not in bound:
            found.add(node.name)
        return
    if isinstance(node, nodes.Getattr) and is_loop(node.node):
        return
    skipped = (
        node.node if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) else None
    )
    for child in node.iter_child_nodes():
        if child is not skipped:
            _expression(child, bound, found)
