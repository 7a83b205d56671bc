"""What a draft would send, however unfinished it is. Calls nobody, stores nothing.

The engine bounds every rendering, whatever is typed: that is why a web process may do it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from apps.gateway.config import Config
from apps.playground.services.figures import (
    NoFigures,
    counter_for,
    deployment_of,
    figures,
    tokens_of,
    tokens_of_tool,
    without_tools,
)
from apps.playground.services.places import marks_of, uses_of
from apps.playground.types import LivePreview, Offered, Part, Use
from apps.prompts.conversation import said
from apps.prompts.fragments import find_fragments, inlined
from apps.prompts.rendering import render
from apps.prompts.types import PromptKind, Variable, VariableFaults, VersionFacts
from apps.prompts.validation import Content, examine
from apps.prompts.validation.shape import messages_faults, variables_faults
from apps.prompts.validation.tools import functions_of
from apps.prompts.variables import fill, value_faults

Message = Mapping[str, Any]


def live_preview(
    *,
    content: Content,
    config: Config,
    now: datetime,
    kind: str = PromptKind.TASK,
    values: Mapping[str, Any] | None = None,
) -> LivePreview:
    """Never raises, whatever the content. `values` stand in for the variables' samples."""
    fragments = find_fragments(content)
    known = {*config.registry.models, *config.routes}
    findings = examine(
        content,
        known_models=known,
        kind=kind,
        fragments=fragments,
        without_tools=without_tools(config),
    )
    if any(not fault.pointer for fault in findings.faults) or messages_faults(content.messages):
        return LivePreview(findings)
    whole = inlined(content, fragments)
    used, complete = uses_of(whole.messages)
    variables = declared(content.variables)
    facts = _facts(whole, _with_undeclared(variables, used))
    filled, missing = _values(facts, values or {})
    rendered = [_render(facts, filled, index) for index in range(len(facts.messages))]
    preview = LivePreview(
        findings=findings,
        parts=tuple(part for parts, _ in rendered for part in parts),
        tools=tuple(_offered(function) for _, function in functions_of(content.tools)),
        marks=(
            *marks_of(content.messages, findings.faults, "error"),
            *marks_of(content.messages, findings.warnings, "warning"),
        ),
        used=used,
        complete=complete,
        missing=missing,
    )
    messages = [message for _, found in rendered for message in found]
    return _with_figures(preview, content, messages, config, now)


def _with_figures(
    preview: LivePreview,
    content: Content,
    messages: list[Message],
    config: Config,
    now: datetime,
) -> LivePreview:
    if not content.model:
        return preview  # a finding says so
    try:
        deployment = deployment_of(content.model, config)
    except NoFigures as error:
        return replace(preview, no_figures=str(error))
    tools = content.tools if isinstance(content.tools, list) else []
    size = sum(len(said(one)) for one in messages) + len(str(tools))
    counter = counter_for(deployment, size)
    found = figures(
        messages=messages,
        parameters=content.parameters if isinstance(content.parameters, dict) else {},
        schema=content.response_schema if isinstance(content.response_schema, dict) else None,
        tools=tools,
        deployment=deployment,
        counter=counter,
        at=now,
    )
    parts = tuple(
        part if part.fault else replace(part, tokens=tokens_of(_message(part), counter))
        for part in preview.parts
    )
    offered = tuple(
        _offered(function, tokens_of_tool(function, counter)) for _, function in functions_of(tools)
    )
    return replace(preview, parts=parts, tools=offered, figures=found)


def _offered(function: Mapping[str, Any], tokens: int | None = None) -> Offered:
    name, description = (str(function.get(key, "")) for key in ("name", "description"))
    return Offered(name, description, tokens)


def _message(part: Part) -> Message:
    return {"role": part.role, "content": part.text}


def declared(variables: Any) -> dict[str, Variable]:
    """Those whose declaration is sound; of the others `examine` tells."""
    items = variables.items() if isinstance(variables, dict) else ()
    return {
        name: Variable(name=name, **given)
        for name, given in items
        if not variables_faults({name: given})
    }


def _with_undeclared(
    variables: Mapping[str, Variable], used: tuple[Use, ...]
) -> tuple[Variable, ...]:
    more = [
        Variable(name=use.name, type=use.type)  # type: ignore[arg-type]  # one of its literals
        for use in used
        if use.name not in variables
    ]
    return (*variables.values(), *more)


def _facts(content: Content, variables: tuple[Variable, ...]) -> VersionFacts:
    return VersionFacts(
        id=0,
        prompt="",
        number=0,
        status="draft",
        messages=tuple(content.messages),
        variables=variables,
        model=content.model,
        parameters={},
        response_schema=None,
        content_hash="",
    )


def _values(
    facts: VersionFacts, given: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A value for each variable, and the required ones whose value had to be made up."""
    found: dict[str, Any] = {}
    missing = []
    for variable in facts.variables:
        value = given.get(variable.name, variable.sample)
        if value is None or any(value_faults(variable, value, "")):
            value = fill(variable, {})
            if variable.required:
                missing.append(variable.name)
                value = f"[{variable.name}]" if variable.type == "string" else value
        found[variable.name] = value
    return found, tuple(missing)


def _render(
    facts: VersionFacts, values: Mapping[str, Any], index: int
) -> tuple[list[Part], tuple[Message, ...]]:
    """One message alone, so that a fault in it hides no other."""
    others = set(range(len(facts.messages))) - {index}
    role = str(facts.messages[index].get("role", "placeholder"))
    try:
        messages = render(facts, values, without=others)
    except VariableFaults as error:
        return [Part(role, fault=error.faults[0].detail)], ()
    return [Part(str(one["role"]), said(one)) for one in messages], messages
