"""What is wrong with a version's way to be shortened (`apps.prompts.fitting`)."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from apps.core.faults import Fault
from apps.prompts.validation.content import Content

_NAME = {"type": "string", "maxLength": 64}
_KEEP = {"type": "integer", "minimum": 0}
_SHAPES: dict[str, dict[str, Any]] = {
    "drop": {"drop": {"type": "integer", "minimum": 1}},
    "trim": {"trim": _NAME, "keep": _KEEP},
    "truncate": {"truncate": _NAME, "keep": _KEEP},
}
_MIXED = "A step is one of {“drop”: number}, {“trim”: name} or {“truncate”: name}."
_outside = jsonschema_rs.validator_for(
    {
        "type": "object",
        "properties": {
            "max_input_tokens": {"type": "integer", "minimum": 1},
            "steps": {"type": "array", "maxItems": 50},
        },
        "additionalProperties": False,
    }
)
_steps = {
    kind: jsonschema_rs.validator_for(
        {"type": "object", "properties": shape, "additionalProperties": False}
    )
    for kind, shape in _SHAPES.items()
}
_OF_TYPE = {"trim": "messages", "truncate": "string"}


def fit_faults(content: Content) -> Iterator[Fault]:
    """Every fault, with its place."""
    wrong = list(_outside.iter_errors(content.fit))
    yield from (_fault(error, "/fit") for error in wrong)
    if wrong:
        return
    seen: set[tuple[str, str]] = set()
    for index, step in enumerate(content.fit.get("steps", ())):
        at = f"/fit/steps/{index}"
        kinds = [kind for kind in _SHAPES if isinstance(step, Mapping) and kind in step]
        if len(kinds) != 1:
            yield Fault(at, _MIXED, "invalid")
            continue
        yield from _step_faults(content, kinds[0], step, at)
        key = (kinds[0], str(step[kinds[0]]))
        if key in seen:
            yield Fault(at, "Is said twice.", "twice")
        seen.add(key)
    yield from _nothing_left(content)


def _step_faults(content: Content, kind: str, step: Mapping[str, Any], at: str) -> Iterator[Fault]:
    wrong = [_fault(error, at) for error in _steps[kind].iter_errors(dict(step))]
    yield from wrong
    if wrong:
        return
    if kind == "drop":
        yield from _drop_faults(content.messages, step["drop"], f"{at}/drop")
        return
    variables = content.variables if isinstance(content.variables, dict) else {}
    name, wanted = step[kind], _OF_TYPE[kind]
    declared = variables.get(name)
    if not isinstance(declared, dict) or declared.get("type") != wanted:
        detail = f"Name a declared variable of type {wanted}; “{name}” is none."
        yield Fault(f"{at}/{kind}", detail, "undeclared_variable")


def _drop_faults(messages: Any, number: int, at: str) -> Iterator[Fault]:
    count = len(messages) if isinstance(messages, list) else 0
    if number > count:
        yield Fault(at, f"There is no message {number}; the last is {count}.", "no_message")
    elif isinstance(messages[number - 1], dict) and "placeholder" in messages[number - 1]:
        yield Fault(at, "Is a placeholder: trim its variable instead.", "placeholder")


def _nothing_left(content: Content) -> Iterator[Fault]:
    steps = content.fit.get("steps", ())
    dropped = {step.get("drop") for step in steps if isinstance(step, Mapping)}
    messages = content.messages if isinstance(content.messages, list) else []
    kept = [
        number
        for number, message in enumerate(messages, 1)
        if number not in dropped and isinstance(message, dict) and "placeholder" not in message
    ]
    if dropped - {None} and not kept:
        yield Fault("/fit/steps", "One written message must always be sent.", "nothing_left")


def _fault(error: "jsonschema_rs.ValidationError", at: str) -> Fault:
    place = "".join(f"/{part}" for part in error.instance_path)
    return Fault(at + place, error.message.splitlines()[0][:300], "invalid")
