"""Makes a prompt fit a budget of tokens, by the steps that its author chose, in their order.

Each step is taken only as far as needed: an optional message is dropped, the oldest messages of a
conversation are trimmed (a tool's answer goes with the message that asked for it), a text is cut
at a border of tokens and marked. What no step names is never touched, and the same version, values
and budget give the same messages for ever.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.prompts.rendering import render
from apps.prompts.types import VersionFacts
from apps.registry.tokens import Counter

MARK = " […]"
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """`tokens`: what the messages have now. `left_out`: in words, e.g. “history: 4 messages”."""

    messages: tuple[Message, ...]
    tokens: int
    saved_tokens: int
    left_out: tuple[str, ...]


def fit(
    version: VersionFacts,
    values: Mapping[str, Any],
    *,
    budget: int,
    tokens_of: Callable[[Message], int],
    counter: Counter,
) -> Fitted:
    """As far as the steps allow: the result may still have more than `budget` tokens.

    `values` come from `check_variables`. Raises `VariableFaults` as rendering does.
    """
    work = _Work(version, dict(values), budget, tokens_of, counter)
    before = work.tokens
    for step in version.fit.get("steps", ()):
        if work.over <= 0:
            break
        kind = next(name for name in _STEPS if name in step)
        _STEPS[kind](work, step[kind], step.get("keep", 0))
    return Fitted(work.messages, work.tokens, before - work.tokens, tuple(work.left_out))


@dataclass(slots=True)
class _Work:
    version: VersionFacts
    values: dict[str, Any]
    budget: int
    tokens_of: Callable[[Message], int]
    counter: Counter
    dropped: set[int] = field(default_factory=set)  # positions
    left_out: list[str] = field(default_factory=list)
    messages: tuple[Message, ...] = ()
    tokens: int = 0

    def __post_init__(self) -> None:
        self.render()

    @property
    def over(self) -> int:
        return self.tokens - self.budget

    def render(self) -> None:
        self.messages = render(self.version, self.values, without=self.dropped)
        self.tokens = self.sum(self.messages)

    def sum(self, messages: Iterable[Message]) -> int:
        return sum(map(self.tokens_of, messages))


def _drop(work: _Work, number: int, keep: int) -> None:
    work.dropped.add(number - 1)
    work.left_out.append(f"message {number}")
    work.render()


def _trim(work: _Work, name: str, keep: int) -> None:
    """The oldest first, and `keep` of the newest never."""
    given, gone, removed = work.values[name], 0, 0
    for group in _groups(given):
        if removed >= work.over or len(given) - gone - len(group) < keep:
            break
        gone, removed = gone + len(group), removed + work.sum(group)
    if gone:
        work.values[name] = given[gone:]
        work.left_out.append(f"{name}: {gone} message{'s' if gone > 1 else ''}")
        work.render()


def _truncate(work: _Work, name: str, keep: int) -> None:
    """To the tokens that fit beside the rest, at least `keep`. A template may use a text twice, or
    not at all: each round takes at least twice as much as the one before."""
    text = work.values[name]
    total = kept = work.counter.count(text)
    cut = work.counter.count(MARK)
    while work.over > 0 and kept > keep:
        cut = max(work.over + cut, 2 * cut)
        kept = max(keep, kept - cut)
        work.values[name] = work.counter.head(text, kept) + MARK
        work.render()
    if kept < total:
        work.left_out.append(f"{name}: {total - kept} tokens")


def _groups(messages: Sequence[Message]) -> list[list[Message]]:
    """Messages that only make sense together: what asked for tools, and the tools' answers."""
    groups: list[list[Message]] = []
    for message in messages:
        if message["role"] == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


_STEPS: Mapping[str, Callable[[_Work, Any, int], None]] = {
    "drop": _drop,
    "trim": _trim,
    "truncate": _truncate,
}
