"""Two people saved one draft: what each has, part by part, and whose part is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import slugify

from apps.prompts.diff import Section, compare
from apps.prompts.validation import Content

# Titles of `compare` → fields of a draft.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "Messages": ("messages",),
    "Variables": ("variables",),
    "Model and parameters": ("model", "parameters"),
    "Response schema": ("response_schema",),
    "Tools": ("tools",),
    "When it is too long": ("fit",),
}


@dataclass(frozen=True, slots=True)
class Contested:
    """One part in which both sides differ. `take_theirs`: only they changed it."""

    name: str
    section: Section
    take_theirs: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """`saved_at`: what a save must say that it has seen, so that a third editor is seen too."""

    saved_at: datetime
    parts: tuple[Contested, ...]


def contested(*, base: Content | None, theirs: Content, yours: Content) -> Iterator[Contested]:
    """Each part that differs, from theirs to yours; `base` is what both began with, if known."""
    untouched = set(FIELDS) if base is not None else set()
    if base is not None:
        untouched -= {section.title for section in compare(base, yours)}
    for section in compare(theirs, yours):
        yield Contested(_name(section.title), section, section.title in untouched)


def fields_of_theirs(data: Mapping[str, Any]) -> set[str]:
    """Fields for which the person chose the other side."""
    chosen = (title for title in FIELDS if data.get(_name(title)) == "theirs")
    return {field for title in chosen for field in FIELDS[title]}


def _name(title: str) -> str:
    return f"keep-{slugify(title)}"
