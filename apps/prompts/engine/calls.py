"""Which filters, tests and methods exist, and whether they are called with arguments they take."""

import difflib
import inspect
from collections.abc import Iterable

from jinja2 import nodes

from apps.prompts.engine.filters import FILTERS
from apps.prompts.engine.lookup import Missing
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.methods import METHODS
from apps.prompts.engine.predicates import PREDICATES, PRESENCE
from apps.prompts.engine.values import JSONValue

# Filters that take the name of a test, and the position of that name among their arguments.
TESTING = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_MAX_WORD = 100
DEFAULT_FILTERS = frozenset(("default", "d"))


def _default(
    meter: Meter,
    value: JSONValue | Missing,
    default_value: JSONValue = "",
    boolean: JSONValue = False,
) -> None:
    """Only the signature of the filter: the compiler evaluates it."""


_Signature = inspect.Signature
_FILTER_SIGNATURES: dict[str, _Signature] = {
    **{name: inspect.signature(function) for name, function in FILTERS.items()},
    **dict.fromkeys(DEFAULT_FILTERS, inspect.signature(_default)),
}
_TEST_SIGNATURES: dict[str, _Signature] = {
    **{name: inspect.signature(function) for name, function in PREDICATES.items()},
    **dict.fromkeys(PRESENCE, inspect.signature(lambda meter, value: None)),
}
_METHOD_SIGNATURES = {name: inspect.signature(method) for name, (_, method) in METHODS.items()}
_RANGE_SIGNATURE = inspect.signature(lambda meter, value, stop=None, step=None: None)


def problem(node: nodes.Filter | nodes.Test | nodes.Call) -> str | None:
    """What is wrong with calling this filter, test or method with these arguments."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return "arguments cannot be spread with `*` or `**`: write each one"
    if isinstance(node, nodes.Filter):
        return _filter_problem(node)
    if isinstance(node, nodes.Test):
        return _unknown("test", node.name, _TEST_SIGNATURES) or _arguments_problem(
            node, f"`is {node.name}`", _TEST_SIGNATURES[node.name], given=2
        )
    return _call_problem(node)


def _filter_problem(node: nodes.Filter) -> str | None:
    name = node.name
    return (
        _unknown("filter", name, _FILTER_SIGNATURES)
        or _arguments_problem(node, f"`|{name}`", _FILTER_SIGNATURES[name], given=2)
        or (_tested_problem(node, TESTING[name]) if name in TESTING else None)
    )


def _tested_problem(node: nodes.Filter, position: int) -> str | None:
    if len(node.args) <= position:
        return None
    name = node.args[position]
    if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
        return f"the test of `|{node.name}` must be written as text, like 'defined'"
    unknown = _unknown("test", name.value, _TEST_SIGNATURES)
    if unknown is not None:
        return unknown
    count = len(node.args) - position - 1
    return _bind(_TEST_SIGNATURES[name.value], 2 + count, [], f"`is {name.value}`")


def _call_problem(node: nodes.Call) -> str | None:
    function = node.node
    if isinstance(function, nodes.Name) and function.name == "range":
        if node.kwargs:
            return "the arguments of `range` have no names"
        return _arguments_problem(node, "`range()`", _RANGE_SIGNATURE, given=1)
    if not isinstance(function, nodes.Getattr):
        return "only `range(…)` and methods of values, like `name.upper()`, can be called"
    return (
        word_problem(function.attr)
        or _unknown("method", function.attr, _METHOD_SIGNATURES)
        or _arguments_problem(
            node, f"`.{function.attr}()`", _METHOD_SIGNATURES[function.attr], given=2
        )
    )


def _arguments_problem(
    node: nodes.Filter | nodes.Test | nodes.Call, what: str, signature: _Signature, *, given: int
) -> str | None:
    return _bind(signature, given + len(node.args), [str(pair.key) for pair in node.kwargs], what)


def _bind(signature: _Signature, positional: int, names: list[str], what: str) -> str | None:
    if len(set(names)) < len(names):
        return f"{what} has the same argument twice"
    try:
        signature.bind(*range(positional), **dict.fromkeys(names))
    except TypeError as error:
        return f"{what} does not take these arguments: {error}"
    return None


def _unknown(what: str, name: str, known: Iterable[str]) -> str | None:
    if name in known:
        return None
    close = difflib.get_close_matches(name[:40], known, n=1)
    hint = f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(sorted(known))}"
    return f"the {what} `{name[:40]}` does not exist here. {hint}"


def word_problem(name: str) -> str | None:
    """Refuse names that are doors into Python (none would open, but the author hears of it early),
    and those too long for messages.
    """
    if len(name) > _MAX_WORD:
        return f"`{name[:40]}…` is too long for a name"
    if name.startswith("__"):
        return f"`{name[:40]}` cannot be used: names must not begin with two underscores"
    return None
