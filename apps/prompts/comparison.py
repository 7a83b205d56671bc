"""What differs between two versions, part by part, as the compare page shows it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.prompts.edits import Work, best_pairs
from apps.prompts.fragments import find_fragments, included
from apps.prompts.sides import Sides, likeness, side_by_side, vocabulary
from apps.prompts.validation import Content
from apps.prompts.validation.tools import functions_of


@dataclass(frozen=True, slots=True)
class Setting:
    """One value on both sides; None: that side has none."""

    name: str
    old: str | None
    new: str | None

    @property
    def differs(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Text:
    """A text of both sides, or of one."""

    title: str
    sides: Sides
    old_at: int | None = None
    new_at: int | None = None
    """Of a message its number on each side, from 1."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable on both sides, setting by setting."""

    name: str
    settings: tuple[Setting, ...]
    in_old: bool
    in_new: bool

    @property
    def differs(self) -> bool:
        return any(one.differs for one in self.settings)


@dataclass(frozen=True, slots=True)
class Comparison:
    settings: tuple[Setting, ...]
    messages: tuple[Text, ...]
    variables: tuple[Declared, ...]
    fragments: tuple[Setting, ...]
    texts: tuple[Text, ...]
    """What else is long: the response schema, tools, and how it may be shortened."""

    @property
    def is_empty(self) -> bool:
        return not any((self.settings, self.messages, self.variables, self.fragments, self.texts))


def compare_contents(
    old: Content, new: Content, work: Work, *, everything: bool = False
) -> Comparison:
    """Of what differs, or of all. Four queries where fragments are included, else none."""
    return Comparison(
        settings=_kept(_settings(old, new), everything),
        messages=compare_messages(old.messages, new.messages, work, everything=everything),
        variables=tuple(
            one for one in _variables(old.variables, new.variables) if everything or one.differs
        ),
        fragments=_kept(_both(_pins(old), _pins(new)), everything),
        texts=tuple(_long_texts(old, new, work, everything=everything)),
    )


def compare_messages(
    old: Any, new: Any, work: Work, *, everything: bool = False
) -> tuple[Text, ...]:
    """Message by message: those of one role that are most alike belong together."""
    before, after = _messages(old), _messages(new)
    texts = _texts(before, after, work, everything=everything)
    return tuple(text for text in texts if everything or text.sides.differ)


def _kept(settings: Iterator[Setting], everything: bool) -> tuple[Setting, ...]:
    return tuple(one for one in settings if everything or one.differs)


def _settings(old: Content, new: Content) -> Iterator[Setting]:
    yield Setting("model", old.model, new.model)
    if old.tools or new.tools:
        yield Setting("tools", _names(old.tools), _names(new.tools))
    yield from _both(_values(old.parameters), _values(new.parameters))


def _both(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Setting]:
    for name in sorted({*old, *new}):
        yield Setting(name, old.get(name), new.get(name))


def _values(found: Any) -> dict[str, str]:
    """A draft's parameters may be anything."""
    if not isinstance(found, Mapping):
        return {"parameters": _short(found)}
    return {name: _short(value) for name, value in found.items()}


def _variables(old: Any, new: Any) -> Iterator[Declared]:
    before, after = _declarations(old), _declarations(new)
    for name in sorted({*before, *after}):
        given = before.get(name), after.get(name)
        settings = tuple(_both(*(_values(one) if one is not None else {} for one in given)))
        yield Declared(name, settings, in_old=name in before, in_new=name in after)


def _declarations(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _pins(content: Content) -> dict[str, str]:
    """Fragment → the version that it is put in with."""
    found = find_fragments(content)
    pins: dict[str, str] = {}
    for include in included(content):
        number = include.number or (found[include].number if include in found else 0)
        says = f"v{number}" if include.number else f"newest, now v{number}"
        known = include in found
        pins[include.name] = says if known else "missing"
    return pins


def _long_texts(old: Content, new: Content, work: Work, *, everything: bool) -> Iterator[Text]:
    pairs = {
        "Response schema": (old.response_schema, new.response_schema),
        "When it is too long": (old.fit, new.fit),
    }
    before_tools, after_tools = _functions(old.tools), _functions(new.tools)
    for name in dict.fromkeys([*before_tools, *after_tools]):
        pairs[name] = before_tools.get(name), after_tools.get(name)
    for title, (before, after) in pairs.items():
        if before != after or (everything and before):
            old_text, new_text = (_long(value) if value else "" for value in (before, after))
            yield Text(title, side_by_side(old_text, new_text, work, everything=everything))


def _names(tools: Any) -> str | None:
    """In their order."""
    return ", ".join(str(function.get("name")) for _, function in functions_of(tools)) or None


def _functions(tools: Any) -> dict[str, Any]:
    """Each by its name; a draft's that are something else stand together."""
    found = {f"Tool {function.get('name')}": function for _, function in functions_of(tools)}
    is_whole = isinstance(tools, list) and len(found) == len(tools)
    return found if is_whole else {"Tools": tools}


def _messages(found: Any) -> list[tuple[str, str]]:
    """Role and text of each."""
    rows = found if isinstance(found, Sequence) and not isinstance(found, str) else []
    return [_message(row) for row in rows]


def _message(row: Any) -> tuple[str, str]:
    if not isinstance(row, Mapping):
        return "unreadable", _short(row)
    if "placeholder" in row:
        return "placeholder", str(row["placeholder"])
    content = row.get("content")
    return str(row.get("role")), content if isinstance(content, str) else _long(content)


def _texts(
    old: list[tuple[str, str]], new: list[tuple[str, str]], work: Work, *, everything: bool
) -> Iterator[Text]:
    words = [[vocabulary(text) for _, text in side] for side in (old, new)]

    def alike(i: int, j: int) -> float:
        """Any likeness will do within a role, so that a rewritten message is shown as one."""
        return (1 + likeness(words[0][i], words[1][j])) if old[i][0] == new[j][0] else 0.0

    def text(title: str, a: int | None, b: int | None) -> Text:
        before, after = old[a][1] if a is not None else "", new[b][1] if b is not None else ""
        sides = side_by_side(before, after, work, everything=everything)
        return Text(title, sides, *(None if at is None else at + 1 for at in (a, b)))

    i = j = 0
    pairs = best_pairs(len(old), len(new), alike, work) if old and new else []
    for a, b in (*pairs, (len(old), len(new))):
        yield from (text(f"{at + 1} · {old[at][0]}, removed", at, None) for at in range(i, a))
        yield from (text(f"{at + 1} · {new[at][0]}, added", None, at) for at in range(j, b))
        if a < len(old):
            place = f"{a + 1}" if a == b else f"{a + 1} → {b + 1}"
            yield text(f"{place} · {old[a][0]}", a, b)
        i, j = a + 1, b + 1


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _long(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
