"""Check, compile and render: the way in."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import nodes

from apps.prompts.engine import names, policy
from apps.prompts.engine.errors import RenderError, TemplateError
from apps.prompts.engine.limits import DEFAULT, Limits
from apps.prompts.engine.meter import Clock, Meter
from apps.prompts.engine.run import Run, Step
from apps.prompts.engine.source import parse
from apps.prompts.engine.statements import block
from apps.prompts.engine.values import JSONValue, freeze


@dataclass(frozen=True, slots=True)
class Checked:
    """A source that may be saved, and the names that it takes from its values."""

    source: str
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Inspected:
    """All faults of a source, in words with the line and by code, or the names that it takes."""

    faults: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. Immutable, so it may be cached by its source and shared by threads."""

    source: str
    variables: frozenset[str]
    _steps: tuple[Step, ...] = field(repr=False, compare=False)

    def render(
        self,
        values: Mapping[str, JSONValue],
        *,
        limits: Limits = DEFAULT,
        clock: Clock = time.monotonic,
    ) -> str:
        """The text for these values. Raises RenderError with the line; see its `permanent`.

        `clock` gives seconds. The values are copied first and never change.
        """
        run = Run(freeze(values, limits=limits), Meter(limits, clock))
        try:
            for step in self._steps:
                step(run)
        except RenderError as error:
            error.line = run.line
            raise
        except RecursionError:
            # From comparing lists that the template nested thousands deep.
            raise RenderError("a value is nested too deep", code="depth", line=run.line) from None
        return "".join(run.parts)


def problems(source: str, *, limits: Limits = DEFAULT) -> list[TemplateError]:
    """All faults of a source at once, in the order of its lines; empty if it may be saved."""
    try:
        tree = parse(source, limits=limits)
    except TemplateError as error:
        return [error]
    return list(policy.faults(tree, limits=limits))


@lru_cache(maxsize=256)
def inspect(source: str) -> Inspected:
    """Both at once, remembered: an editor asks again for every text while one of them changes."""
    try:
        tree = parse(source, limits=DEFAULT)
    except TemplateError as error:
        return Inspected((str(error),), (error.code,))
    faults = policy.faults(tree, limits=DEFAULT)
    if faults:
        return Inspected(tuple(map(str, faults)), tuple(fault.code for fault in faults))
    return Inspected(variables=names.free(tree))


def check(source: str, *, limits: Limits = DEFAULT) -> Checked:
    """Accept a source or raise its first fault: PolicyError or TemplateSyntaxError."""
    return Checked(source, names.free(_accepted(source, limits)))


def compile(source: str, *, limits: Limits = DEFAULT) -> Template:  # noqa: A001
    """Check a source and make it ready for rendering. Raises as `check` does."""
    tree = _accepted(source, limits)
    return Template(source, names.free(tree), tuple(block(tree.body)))


def _accepted(source: str, limits: Limits) -> nodes.Template:
    tree = parse(source, limits=limits)
    faults = policy.faults(tree, limits=limits)
    if faults:
        raise faults[0]
    return tree
