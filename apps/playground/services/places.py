"""Where in a text a finding is, and which names a text uses."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.core.faults import Fault
from apps.playground.types import Mark, Use
from apps.prompts import engine

_MESSAGE = re.compile(r"/messages/(\d+)/(?:content|placeholder)")
_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)  # as engine.TemplateError writes itself
_QUOTED = re.compile(r"[“`']([^”`']{1,64})[”`']")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def marks_of(messages: Any, faults: tuple[Fault, ...], severity: str) -> Iterator[Mark]:
    """Of the faults that lie in a message's text."""
    for fault in faults:
        found = _MESSAGE.fullmatch(fault.pointer)
        if found is None or int(found[1]) >= len(messages):
            continue
        index = int(found[1])
        yield _mark(index, _text(messages[index]), fault.detail, severity)


def uses_of(messages: Any) -> tuple[tuple[Use, ...], bool]:
    """Every name with its likely type, in order of appearance; whether all texts could be read."""
    found: dict[str, str] = {}
    complete = True
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, Mapping):
            continue
        text = _text(message)
        if "placeholder" in message:
            found.setdefault(text, "messages")
            continue
        inspected = engine.inspect(text)
        complete = complete and not inspected.faults
        for name in sorted(inspected.variables, key=text.find):
            found[name] = _wider(found.get(name), _likely_type(text, name))
    return tuple(Use(name, kind) for name, kind in found.items() if name), complete


def _wider(known: str | None, guess: str) -> str:
    """What one text shows of a name counts more than that another only prints it."""
    return guess if known in (None, "string") else str(known)


def _likely_type(text: str, name: str) -> str:
    tags = " ".join(_TAG.findall(text))
    word = rf"(?<![\w.]){name}"
    if re.search(rf"\bin\s+{word}\b(?!\.|\s*\()", tags):
        return "list"
    return "object" if re.search(rf"{word}\.\w", tags) else "string"


def _text(message: Mapping[str, Any]) -> str:
    return str(message.get("placeholder", message.get("content", "")))


def _mark(index: int, text: str, detail: str, severity: str) -> Mark:
    lines = text.split("\n")
    if at := _LINE.fullmatch(detail):
        number, detail = min(int(at[1]), len(lines)), at[2]
        column, length = _column(lines[number - 1], detail)
        return Mark(index, number, column, length, severity, detail)
    quoted = _QUOTED.search(detail)
    number, column, length = _named(text, quoted[1]) if quoted else (1, 1, 0)
    return Mark(index, number, column, length, severity, detail)


def _column(line: str, detail: str) -> tuple[int, int]:
    for quoted in _QUOTED.finditer(detail):
        if (at := line.find(quoted[1])) >= 0:
            return at + 1, len(quoted[1])
    return len(line) - len(line.lstrip()) + 1, 0


def _named(text: str, name: str) -> tuple[int, int, int]:
    """Line, column and length of the first use of a name inside a tag."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}\b")
    for tag in _TAG.finditer(text):
        if use := word.search(text, tag.start(), tag.end()):
            line = text.count("\n", 0, use.start()) + 1
            return line, use.start() - text.rfind("\n", 0, use.start()), len(name)
    return 1, 1, 0
