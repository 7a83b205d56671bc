"""What is wrong with the tools that a version declares, and with how they are chosen."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jsonschema_rs

from apps.core import strict_json
from apps.core.faults import Fault
from apps.core.json_schema import BadSchema, schema_validator
from apps.core.schema_work import TooMuchWork, bound_patterns
from apps.prompts.pointers import pointer
from apps.prompts.validation.content import Content
from apps.prompts.validation.shape import faults_of

TOOLS = 128  # of one version, as OpenAI's API has it
TOOLS_BYTES = 100_000  # of all of them as JSON
DESCRIPTION = 1_024  # characters of what one says of itself
NAME = "^[a-zA-Z0-9_-]{1,64}$"
SHAPE = '{"type": "function", "function": {"name": …, "description": …, "parameters": …}}'
_EXPLAINED = {
    "name": "A name has 1 to 64 letters, digits, dashes and underscores.",
    "type": "Must be “function”: other kinds are not known here.",
    "description": f"Must be a text of at most {DESCRIPTION:,} characters.",
    "parameters": "Must be an object: the JSON Schema of the arguments.",
    "strict": "Must be true or false.",
}
_CHOICES = ("tool_choice", "parallel_tool_calls")
_validator = jsonschema_rs.validator_for(
    {
        "type": "array",
        "maxItems": TOOLS,
        "items": {
            "type": "object",
            "properties": {
                "type": {"const": "function"},
                "function": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "pattern": NAME},
                        "description": {"type": "string", "maxLength": DESCRIPTION},
                        "parameters": {"type": "object"},
                        "strict": {"type": "boolean"},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                },
            },
            "required": ["type", "function"],
            "additionalProperties": False,
        },
    }
)


def tools_faults(content: Content, unable: Iterable[str]) -> Iterator[Fault]:
    """Every fault, with its place. `unable`: models that cannot call tools."""
    yield from faults_of(_validator, content.tools, "/tools", explained=_EXPLAINED)
    tools = content.tools if isinstance(content.tools, list) else []
    if tools and content.model in set(unable):
        detail = f"“{content.model}” cannot call tools; name a model that can."
        yield Fault("/tools", detail, "no_tools")
    if (size := len(strict_json.canonical(tools))) > TOOLS_BYTES:
        detail = f"Have {size:,} bytes; at most {TOOLS_BYTES:,} are allowed."
        yield Fault("/tools", detail, "too_long")
        return
    functions = functions_of(tools)
    yield from _said_twice(functions)
    yield from _schema_faults(functions)
    names = {name for _, one in functions if isinstance(name := one.get("name"), str)}
    yield from _choice_faults(content.parameters, names)


def functions_of(tools: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Position and function of each tool that has one."""
    rows = tools[:TOOLS] if isinstance(tools, list) else []
    found = ((at, row.get("function")) for at, row in enumerate(rows) if isinstance(row, Mapping))
    return [(at, function) for at, function in found if isinstance(function, Mapping)]


def strict_warnings(tools: Any) -> Iterator[Fault]:
    """What providers refuse of a strict tool."""
    for at, function in functions_of(tools):
        place = f"/tools/{at}/function/parameters"
        if function.get("strict") is True and not _is_strict(function.get("parameters")):
            detail = (
                "With “strict”, each object needs additionalProperties: false and every property "
                "among required; providers refuse others."
            )
            yield Fault(place, detail, "not_strict")


def _said_twice(functions: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, function in functions:
        name = function.get("name")
        if isinstance(name, str) and name in seen:
            yield Fault(f"/tools/{at}/function/name", f"“{name[:64]}” is declared twice.", "twice")
        seen.add(str(name))


def _schema_faults(functions: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Fault]:
    """Each is bounded by itself; patterns together, as their work adds up."""
    schemas = {at: one["parameters"] for at, one in functions if _has_schema(one)}
    try:
        bound_patterns(list(schemas.values()))
    except TooMuchWork as error:
        yield Fault("/tools", f"The schema of all tools together {error}.", "bad_schema")
        return
    for at, schema in schemas.items():
        place = f"/tools/{at}/function/parameters"
        if schema.get("type") != "object":
            detail = 'Must say {"type": "object", …}: arguments are always an object.'
            yield Fault(place, detail, "bad_schema")
        try:
            schema_validator(schema, linear=False)
        except BadSchema as error:
            yield Fault(place, str(error), "bad_schema")


def _has_schema(function: Mapping[str, Any]) -> bool:
    return isinstance(function.get("parameters"), dict)


def _choice_faults(parameters: Any, names: set[Any]) -> Iterator[Fault]:
    given = parameters if isinstance(parameters, Mapping) else {}
    for key in _CHOICES:
        if key in given and not names:
            yield Fault(f"/parameters/{key}", "There is no tool to choose from.", "no_tools")
    wanted = chosen(given.get("tool_choice"))
    if names and wanted is not None and wanted not in names:
        detail = f"No tool is called “{wanted[:64]}”."
        yield Fault("/parameters/tool_choice" + pointer("function", "name"), detail, "no_tool")


def chosen(tool_choice: Any) -> str | None:
    """The tool that must be called; None when none is named."""
    function = tool_choice.get("function") if isinstance(tool_choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else None


def _is_strict(schema: Any) -> bool:
    waiting = [{} if schema is None else schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, Mapping):
            continue
        waiting += part.values()
        properties = part.get("properties")
        if isinstance(properties, Mapping) and "type" in part:
            required = part.get("required")
            if part.get("additionalProperties") is not False or not isinstance(required, list):
                return False
            if not set(properties) <= set(map(str, required)):
                return False
    return isinstance(schema, Mapping)
