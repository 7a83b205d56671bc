"""`{% include "name" %}`: text of another prompt, put in before the template is checked.

Only Jinja's lexer decides what is an include, so one in a comment, a text or `raw` is none.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jinja2

from apps.prompts.engine.limits import DEFAULT
from apps.prompts.engine.source import ENVIRONMENT

_MOST_CHARS = 10 * DEFAULT.source_chars  # no template: 5,000 times a fragment is half a gigabyte
_NAME = re.compile(r"^['\"]([A-Za-z0-9_-]{1,50})(?:@([1-9][0-9]{0,8}))?['\"]$")


class Include(NamedTuple):
    """A fragment that a template names: `"name@3"`, or `"name"` for its newest version."""

    name: str
    number: int | None

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}@{self.number}"


def includes(source: str) -> tuple[Include, ...]:
    """What a source includes, each once, in its order; nothing where it cannot be read."""
    if "include" not in source:  # nearly always: reading it all takes hundreds of times as long
        return ()
    found: dict[Include, None] = {}
    put_in(source, lambda include: found.setdefault(include) or "")
    return tuple(found)


def put_in(source: str, text_of: Callable[[Include], str]) -> str:
    """The source with each include replaced; as it was where it cannot be read, and from where it
    is far too long for a template.

    Spaces that `{%-` and `-%}` take away around an include are taken away.
    """
    try:
        return "".join(_replaced(source, text_of))
    except jinja2.TemplateSyntaxError:
        return source


def _replaced(source: str, text_of: Callable[[Include], str]) -> Iterator[str]:
    block: list[tuple[str, str]] = []
    size = 0
    for _, token, value in ENVIRONMENT.lexer.tokeniter(source, None):
        if block or token == "block_begin":  # noqa: S105  # no password
            block.append((token, value))
        else:
            yield value
        if token == "block_end":  # noqa: S105
            include = _include(block) if size <= _MOST_CHARS else None
            text = text_of(include) if include else "".join(text for _, text in block)
            size += len(text)
            yield text
            block = []
    yield "".join(text for _, text in block)


def _include(block: list[tuple[str, str]]) -> Include | None:
    words = [text for token, text in block[1:-1] if token != "whitespace"]  # noqa: S105
    if len(words) != 2 or words[0] != "include":
        return None
    match = _NAME.match(words[1])
    return Include(match[1], int(match[2]) if match[2] else None) if match else None
