"""Comments on a version with their answers, and where what they speak of is now."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import Count

from apps.prompts.models import LineComment, PromptVersion
from apps.prompts.models.comments import QUOTED

Place: TypeAlias = tuple[int, int]
"""Message and line, both counted from 1."""


@dataclass(frozen=True, slots=True)
class Thread:
    """`place`: where its line is now; None when no line says the same any more."""

    comment: LineComment
    replies: tuple[LineComment, ...]
    place: Place | None

    @property
    def was(self) -> Place | None:
        """Where it was, if it is not there now."""
        here = (self.comment.message or 0, self.comment.line or 0)
        return here if self.place != here else None

    @property
    def is_open(self) -> bool:
        return self.comment.resolved_at is None


def threads_of(version: PromptVersion, messages: Any) -> list[Thread]:
    """In the order of their lines, then of their time; those whose line is gone come last.
    `messages` are those of its content, as its author wrote them. One query."""
    return threads_by_version({version.pk: messages})[version.pk]


def threads_by_version(messages: Mapping[int, Any]) -> dict[int, list[Thread]]:
    """The same of several: id of a version → its messages. One query."""
    rows = LineComment.objects.filter(version__in=list(messages)).order_by("id")
    found: dict[int, list[LineComment]] = {pk: [] for pk in messages}
    for row in rows.select_related("author", "resolved_by"):
        found[row.version_id].append(row)
    return {pk: _threads(found[pk], lines_of(said)) for pk, said in messages.items()}


def _threads(rows: Sequence[LineComment], lines: Sequence[Sequence[str]]) -> list[Thread]:
    answers: dict[int, list[LineComment]] = {}
    for row in rows:
        answers.setdefault(row.parent_id or 0, []).append(row)
    threads = [
        Thread(row, tuple(answers.get(row.pk, ())), place_of(row, lines))
        for row in answers.get(0, ())
    ]
    return sorted(threads, key=lambda one: one.place or (10**6, one.comment.pk))


def open_counts(versions: Iterable[int]) -> dict[int, int]:
    """Version → how many of its threads are not resolved; those without any are missing."""
    rows = LineComment.objects.filter(version__in=versions, parent=None, resolved_at=None)
    return dict(rows.order_by().values_list("version").annotate(Count("id")))


def lines_of(messages: Any) -> list[list[str]]:
    """The lines of each message; a placeholder's is the name of its variable."""
    rows = messages if isinstance(messages, list) else []
    return [_text(row).split("\n") for row in rows]


def place_of(comment: LineComment, lines: Sequence[Sequence[str]]) -> Place | None:
    """Where the line stands that says what it said: where it was, else the nearest, in its own
    message first."""
    was = (comment.message or 0, comment.line or 0)
    found = list(_saying(comment.quote, lines))
    if was in found:
        return was
    far = ((place[0] != was[0], abs(place[0] - was[0]), abs(place[1] - was[1])) for place in found)
    return min(zip(far, found, strict=True), default=(None, None))[1]


def _saying(quote: str, lines: Sequence[Sequence[str]]) -> Iterator[Place]:
    for message, texts in enumerate(lines, 1):
        for line, text in enumerate(texts, 1):
            if quoted(text) == quote:
                yield message, line


def quoted(text: str) -> str:
    """What is kept of a line."""
    return text[:QUOTED]


def mark_of(line: str) -> str:
    """Equal for equal lines; a form carries it, so that people comment on what they saw."""
    return hashlib.sha256(line.encode(errors="surrogatepass")).hexdigest()[:16]


def _text(message: Any) -> str:
    if not isinstance(message, Mapping):
        return ""
    found = message.get("placeholder", message.get("content"))
    return found if isinstance(found, str) else ""
