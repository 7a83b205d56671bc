"""Fragments: texts that prompts include, always of a certain version.

A draft may name a fragment's newest version; sealing writes down which that was and puts the text
in. So a fragment that gets a new version changes no sealed prompt.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Max, Q

from apps.prompts.engine import Include, includes, put_in
from apps.prompts.models import PromptVersion
from apps.prompts.types import Fragment, Fragments, PromptKind
from apps.prompts.validation.content import Content


def included(content: Content) -> tuple[Include, ...]:
    """What the messages include, each once."""
    found = (include for _, text in _texts(content) for include in includes(text))
    return tuple(dict.fromkeys(found))


def find_fragments(content: Content) -> dict[Include, Fragment]:
    """The sealed versions that the content includes; those that do not exist are missing.

    Two queries, and none for content without includes.
    """
    wanted = included(content)
    if not wanted:
        return {}
    newest = _newest({include.name for include in wanted})
    pins = {each: each.number or newest.get(each.name, 0) for each in wanted}
    rows = {(row.prompt.slug, row.number): row for row in _rows(pins)}
    return {
        include: _fragment(row, newest)
        for include, number in pins.items()
        if (row := rows.get((include.name, number))) is not None
    }


def inlined(content: Content, found: Fragments) -> Content:
    """The content with the text of each fragment in its place."""
    return _with_includes(content, lambda include: found[include].text, found)


def pinned(content: Content, found: Fragments) -> Content:
    """The content with the number of each fragment's version written down."""
    return _with_includes(content, lambda each: include_text(found[each].pin), found)


def repinned(content: Content, fragment: Include) -> Content:
    """The content with every include of this fragment naming this version."""
    mine = {each: each for each in included(content) if each.name == fragment.name}
    return _with_includes(content, lambda _: include_text(fragment), mine)


def include_text(include: Include) -> str:
    """As a template says it."""
    return f'{{% include "{include}" %}}'


def _with_includes(
    content: Content, text_of: Callable[[Include], str], found: Mapping[Include, Any]
) -> Content:
    """Includes that are not found stay as they are written."""

    def instead(include: Include) -> str:
        return text_of(include) if include in found else include_text(include)

    if not found:
        return content
    messages = list(content.messages)
    for index, text in _texts(content):
        messages[index] = {**messages[index], "content": put_in(text, instead)}
    return replace(content, messages=messages)


def _texts(content: Content) -> Iterator[tuple[int, str]]:
    """Position and template of each message that has one."""
    messages = content.messages if isinstance(content.messages, list) else []
    for index, message in enumerate(messages):
        text = message.get("content") if isinstance(message, dict) else None
        if isinstance(text, str):
            yield index, text


def _newest(names: set[str]) -> dict[str, int]:
    rows = PromptVersion.objects.filter(
        prompt__kind=PromptKind.FRAGMENT, prompt__slug__in=names, status="sealed"
    )
    return dict(rows.order_by().values_list("prompt__slug").annotate(Max("number")))


def _rows(pins: Mapping[Include, int]) -> Iterator[PromptVersion]:
    each = (Q(prompt__slug=include.name, number=number) for include, number in pins.items())
    sealed = PromptVersion.objects.filter(reduce(or_, each), prompt__kind=PromptKind.FRAGMENT)
    yield from sealed.exclude(status="draft").select_related("prompt")


def _fragment(row: PromptVersion, newest: Mapping[str, int]) -> Fragment:
    return Fragment(
        version_id=row.pk,
        slug=row.prompt.slug,
        number=row.number,
        content_hash=row.content_hash,
        text=row.messages[0]["content"],
        newest=newest.get(row.prompt.slug, row.number),
    )
