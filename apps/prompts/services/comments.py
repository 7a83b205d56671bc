"""Comments on lines of a version: to write, answer, resolve and open again."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.faults import Fault
from apps.prompts.errors import DraftConflict, NotPermitted, PromptError, refused
from apps.prompts.models import LineComment, PromptVersion
from apps.prompts.services.drafts import content_of
from apps.prompts.threads import lines_of, mark_of, quoted

MAY_COMMENT = "prompts.add_linecomment"
LONGEST = 2_000  # characters of one
MOST = 1_000  # of one version, answers included


@transaction.atomic
def comment_on(
    *,
    version: PromptVersion,
    message: int,
    line: int,
    text: str,
    by: User,
    now: datetime,
    seen: str | None = None,
) -> LineComment:
    """Begin a thread. Message and line count from 1. `seen` is the mark of the line that the person
    saw (`threads.mark_of`).

    Raises `NotPermitted`, `DraftConflict` when the line says something else by now, and
    `PromptError` with all faults: no such line, a blank one, an empty or long text.
    """
    _check_permission(by)
    row = _locked(version)
    lines = lines_of(content_of(row).messages)
    faults = _text_faults(text)
    there = lines[message - 1] if 0 < message <= len(lines) else []
    if not 0 < line <= len(there):
        faults.append(Fault("/line", f"There is no line {line} in message {message}.", "no_line"))
    elif not there[line - 1].strip():
        faults.append(Fault("/line", "Is blank; choose a line with a text.", "blank"))
    elif seen is not None and mark_of(there[line - 1]) != seen:
        detail = "The draft was saved meanwhile, and this line says something else now."
        raise DraftConflict([Fault("/line", detail, "conflict")])
    if faults:
        raise PromptError(faults)
    return LineComment.objects.create(
        version=row,
        message=message,
        line=line,
        quote=quoted(there[line - 1]),
        text=text.strip(),
        author=by,
        written_at=now,
    )


@transaction.atomic
def answer_comment(*, comment: LineComment, text: str, by: User, now: datetime) -> LineComment:
    """Also to one that is resolved. Raises `NotPermitted` and `PromptError`."""
    _check_permission(by)
    row = _locked(comment.version)
    if comment.parent_id is not None:
        raise refused("Answer the first comment of the thread.", code="no_thread")
    if faults := _text_faults(text):
        raise PromptError(faults)
    return LineComment.objects.create(
        version=row, parent=comment, text=text.strip(), author=by, written_at=now
    )


@transaction.atomic
def resolve_comment(*, comment: LineComment, by: User, now: datetime) -> LineComment:
    """Doing it twice changes nothing. Raises `NotPermitted` and `PromptError`."""
    row = _thread(comment, by)
    if row.resolved_at is None:
        row.resolved_at, row.resolved_by = now, by
        row.save(update_fields=["resolved_at", "resolved_by"])
    return row


@transaction.atomic
def reopen_comment(*, comment: LineComment, by: User) -> LineComment:
    """Doing it twice changes nothing. Raises `NotPermitted` and `PromptError`."""
    row = _thread(comment, by)
    if row.resolved_at is not None:
        row.resolved_at = row.resolved_by = None
        row.save(update_fields=["resolved_at", "resolved_by"])
    return row


def _check_permission(by: User) -> None:
    if not by.has_perm(MAY_COMMENT):
        detail = f"Commenting needs the permission {MAY_COMMENT}."
        raise NotPermitted([Fault("", detail, "no_permission")])


def _locked(version: PromptVersion) -> PromptVersion:
    """The lock keeps the lines where they are, and the count true."""
    row = PromptVersion.objects.select_for_update().get(pk=version.pk)
    if row.comments.count() >= MOST:
        detail = f"{row} has {MOST:,} comments and answers; no more fit."
        raise refused(detail, code="too_many")
    return row


def _thread(comment: LineComment, by: User) -> LineComment:
    _check_permission(by)
    row = LineComment.objects.select_for_update().get(pk=comment.pk)
    if row.parent_id is not None:
        raise refused("Only the first comment of a thread is resolved.", code="no_thread")
    return row


def _text_faults(text: str) -> list[Fault]:
    if not text.strip():
        return [Fault("/text", "Say what you think of the line.", "missing")]
    if len(text.strip()) > LONGEST:
        return [Fault("/text", f"Has more than {LONGEST:,} characters.", "too_long")]
    if "\0" in text:
        return [Fault("/text", "Has a NUL.", "invalid")]
    return []
