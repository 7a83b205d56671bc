"""A version and values become messages, each rendered on its own in the bounded engine.

A value can never become a template, a role or a message of its own, except through a placeholder,
whose messages are data and may not be of the system.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any

from apps.core.faults import Fault
from apps.prompts import engine
from apps.prompts.pointers import pointer
from apps.prompts.types import Variable, VariableFaults, VersionFacts
from apps.prompts.variables import fill, value_faults

# Work of all messages together, shared out evenly, but each may do a long text's worth: with 50
# messages at most, one rendering stays below a second. Part of what a sealed version means.
FUEL = engine.DEFAULT.fuel
FUEL_OF_ONE = 20_000
COMPILED = 512  # templates kept compiled in a process
FAULTS = 100  # reported at once; a request with more is beyond help

# Keyed by the source itself: equal text compiles alike, whichever version or draft holds it.
_compile = lru_cache(maxsize=COMPILED)(engine.compile)


def check_variables(version: VersionFacts, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Each declared variable with its value or default. Raises `VariableFaults` with all faults."""
    faults = [*islice(_unknown(version, values), FAULTS)]
    for variable in version.variables:
        faults.extend(islice(_faults_of(variable, values), FAULTS))
    if faults:
        raise VariableFaults(faults[:FAULTS])
    return {variable.name: fill(variable, values) for variable in version.variables}


def render(
    version: VersionFacts, values: Mapping[str, Any], *, without: Collection[int] = ()
) -> tuple[Mapping[str, Any], ...]:
    """The messages for the model. `values` come from `check_variables`; messages at the positions
    `without` are left out.

    The same version and values give the same messages for ever. Raises `VariableFaults` when a
    template cannot be rendered with these values or a limit of the engine is reached.
    """
    data = {
        variable.name: values[variable.name]
        for variable in version.variables
        if variable.type != "messages"
    }
    limits = replace(engine.DEFAULT, fuel=max(FUEL_OF_ONE, FUEL // max(1, len(version.messages))))
    messages: list[Mapping[str, Any]] = []
    for index, message in enumerate(version.messages):
        if index in without:
            continue
        if "placeholder" in message:
            messages.extend(dict(given) for given in values[message["placeholder"]])
        else:
            text = _render_one(message["content"], data, index, limits)
            messages.append({"role": message["role"], "content": text})
    return tuple(messages)


def _render_one(source: str, data: Mapping[str, Any], index: int, limits: engine.Limits) -> str:
    try:
        template = _compile(source)
        used = {name: data[name] for name in template.variables & data.keys()}
        return template.render(used, limits=limits)
    except engine.TemplateError as error:
        fault = Fault(f"/messages/{index}", str(error), error.code)
        raise VariableFaults([fault], permanent=error.permanent) from error


def _faults_of(variable: Variable, values: Mapping[str, Any]) -> Iterator[Fault]:
    at = pointer("variables", variable.name)
    given = values.get(variable.name)
    if given is not None:
        yield from value_faults(variable, given, at)
    elif variable.required:
        what = (variable.description or "this prompt needs it").rstrip(".")
        yield Fault(at, f"Missing: {what}.", "missing")


def _unknown(version: VersionFacts, values: Mapping[str, Any]) -> Iterator[Fault]:
    declared = {variable.name for variable in version.variables}
    known = ", ".join(sorted(declared)) or "none"
    for name in values:
        if name not in declared:
            detail = f"This prompt has no such variable. It has: {known}."
            yield Fault(pointer("variables", name), detail, "unknown_variable")
