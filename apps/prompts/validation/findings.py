"""What is wrong with a version's content, and what deserves a second look."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from apps.core import strict_json
from apps.core.faults import Fault
from apps.prompts import engine
from apps.prompts.pointers import pointer
from apps.prompts.types import NO_FRAGMENTS, Findings, Fragments, PromptKind, Variable
from apps.prompts.validation import shape
from apps.prompts.validation.content import Content
from apps.prompts.validation.fitting import fit_faults
from apps.prompts.validation.tools import strict_warnings, tools_faults
from apps.prompts.variables import value_faults

DOCUMENT_BYTES = 500_000  # of the whole content as JSON


def examine(
    content: Content,
    *,
    known_models: Iterable[str] | None = None,
    kind: str = PromptKind.TASK,
    fragments: Fragments = NO_FRAGMENTS,
    without_tools: Iterable[str] = (),
) -> Findings:
    """Faults forbid sealing; warnings don't. Never raises for content of whatever shape.

    `known_models` are all routes and models; None: they are not known here, a release asks.
    `fragments` are those that `find_fragments` found for it; `without_tools` are models that
    cannot call tools.
    """
    if faults := _storage_faults(content):
        return Findings(tuple(faults))
    faults = [
        *shape.messages_faults(content.messages),
        *shape.variables_faults(content.variables),
        *(
            _fragment_faults(content)
            if kind == PromptKind.FRAGMENT
            else _model_faults(content.model)
        ),
        *shape.parameters_faults(content.parameters),
        *shape.schema_faults(content.response_schema),
        *fit_faults(content),
        *tools_faults(content, without_tools),
    ]
    used: dict[str, set[int]] = {}
    variables = _declared(content.variables)
    for index, message in enumerate(_list(content.messages)):
        faults.extend(_message_faults(index, message, variables, used, fragments))
    for variable in variables.values():
        faults.extend(_sample_faults(variable))
    warnings = [*_warnings(content, variables, used, known_models), *_behind(content, fragments)]
    return Findings(tuple(faults), tuple(warnings))


def _storage_faults(content: Content) -> list[Fault]:
    try:
        document = strict_json.canonical(content.as_json())
        strict_json.loads(document)  # refuses NUL and too deep nesting
    except (TypeError, ValueError, RecursionError) as error:
        return [Fault("", f"Cannot be stored as JSON: {str(error)[:200]}", "not_json")]
    if (size := len(document)) > DOCUMENT_BYTES:
        detail = f"Has {size:,} bytes; at most {DOCUMENT_BYTES:,} are allowed."
        return [Fault("", detail, "too_long")]
    return []


def _model_faults(model: str) -> Iterator[Fault]:
    if not model:
        yield Fault("/model", "Name the route or model that answers.", "missing")


def _kind_faults(content: Content, kind: str) -> Iterator[Fault]:
    return (
        _fragment_faults(content) if kind == PromptKind.FRAGMENT else _model_faults(content.model)
    )


def _fragment_faults(content: Content) -> Iterator[Fault]:
    """A fragment is one text; whoever includes it says the rest."""
    messages = _list(content.messages)
    if len(messages) != 1 or not isinstance(messages[0], dict) or "placeholder" in messages[0]:
        yield Fault("/messages", "A fragment is one message with a text.", "fragment")
    for name in ("model", "parameters", "response_schema", "fit", "tools"):
        if getattr(content, name):
            detail = "Leave it empty: the prompts that include the fragment say it."
            yield Fault(f"/{name}", detail, "fragment")


def _declared(variables: Any) -> dict[str, Variable]:
    """The declarations whose shape is right; the others are reported as such already."""
    items = variables.items() if isinstance(variables, dict) else ()
    return {
        name: Variable(name=name, **declaration)
        for name, declaration in items
        if not shape.variables_faults({name: declaration})
    }


def _list(messages: Any) -> list[Any]:
    return messages[: shape.MESSAGES] if isinstance(messages, list) else []


def _message_faults(
    index: int,
    message: Any,
    variables: dict[str, Variable],
    used: dict[str, set[int]],
    fragments: Fragments,
) -> Iterator[Fault]:
    if not isinstance(message, dict):
        return
    if isinstance(placeholder := message.get("placeholder"), str):
        used.setdefault(placeholder, set()).add(index)
        yield from _placeholder_faults(index, placeholder, variables)
    elif isinstance(content := message.get("content"), str):
        at = f"/messages/{index}/content"
        yield from _missing_fragments(at, content, fragments)
        yield from _template_faults(at, index, Text.of(content, fragments), variables, used)


def _placeholder_faults(index: int, name: str, variables: dict[str, Variable]) -> Iterator[Fault]:
    variable = variables.get(name)
    if variable is None or variable.type != "messages":
        detail = f"Declare “{name[:100]}” as a variable of type messages."
        yield Fault(f"/messages/{index}/placeholder", detail, "undeclared_variable")


def _missing_fragments(at: str, content: str, fragments: Fragments) -> Iterator[Fault]:
    for include in engine.includes(content):
        if include not in fragments:
            detail = f"No fragment “{include}” is sealed."
            yield Fault(at, detail, "no_fragment")


class Text(NamedTuple):
    """A template by itself, whose lines are those its author sees, and with its fragments."""

    own: str
    whole: str

    @classmethod
    def of(cls, content: str, fragments: Fragments) -> "Text":
        texts = {include: fragment.text for include, fragment in fragments.items()}
        whole = engine.put_in(content, lambda include: texts.get(include, ""))
        return cls(engine.put_in(content, lambda _: ""), whole)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Detail and code of each; those that only fragments make, if there is no other."""
        own = engine.inspect(self.own)
        yield from zip(own.faults, own.codes, strict=True)
        if not own.faults and self.whole != self.own:
            for problem in engine.problems(self.whole):
                yield f"With its fragments: {problem.message}", problem.code


def _template_faults(
    at: str, index: int, text: Text, variables: dict[str, Variable], used: dict[str, set[int]]
) -> Iterator[Fault]:
    if not text.whole.strip():
        yield Fault(at, "Is empty.", "empty")
        return
    if problems := [*text.problems()]:
        yield from (Fault(at, detail, code) for detail, code in problems)
        return
    own = engine.inspect(text.own).variables
    for name in sorted(engine.inspect(text.whole).variables):
        used.setdefault(name, set()).add(index)
        if name not in variables:
            whose = "Uses" if name in own else "A fragment uses"
            yield Fault(at, f"{whose} “{name}”, which is not declared.", "undeclared_variable")
        elif variables[name].type == "messages":
            detail = f"“{name}” holds messages; insert it with a placeholder."
            yield Fault(at, detail, "messages_in_template")


def _sample_faults(variable: Variable) -> Iterator[Fault]:
    for key in ("default", "sample"):
        value = getattr(variable, key)
        if value is not None:
            yield from value_faults(variable, value, pointer("variables", variable.name, key))


def _warnings(
    content: Content,
    variables: dict[str, Variable],
    used: dict[str, set[int]],
    known_models: Iterable[str] | None,
) -> Iterator[Fault]:
    if content.model and known_models is not None and content.model not in set(known_models):
        detail = f"No route or model is called “{content.model}”; it could not be released."
        yield Fault("/model", detail, "unknown_model")
    yield from strict_warnings(content.tools)
    for name, variable in variables.items():
        at = pointer("variables", name)
        if name not in used:
            yield Fault(at, f"“{name}” is declared but not used.", "unused_variable")
        if variable.required and variable.default is not None:
            yield Fault(at, f"“{name}” is required, so its default is never used.", "idle_default")
        if variable.trust == "end_user":
            yield from _trust_warnings(name, used.get(name, set()), _list(content.messages))


def _trust_warnings(name: str, places: set[int], messages: list[Any]) -> Iterator[Fault]:
    for index in sorted(places):
        if messages[index].get("role") == "system":
            detail = f"“{name}” comes from an end user; in a system message it reads as an order."
            yield Fault(f"/messages/{index}/content", detail, "untrusted_in_system")


def _behind(content: Content, fragments: Fragments) -> Iterator[Fault]:
    for index, message in enumerate(_list(content.messages)):
        text = message.get("content") if isinstance(message, dict) else None
        for include in engine.includes(text) if isinstance(text, str) else ():
            found = fragments.get(include)
            if found is not None and found.number < found.newest:
                detail = f"“{include}” is behind: {found.slug} v{found.newest} is sealed."
                yield Fault(f"/messages/{index}/content", detail, "fragment_behind")
