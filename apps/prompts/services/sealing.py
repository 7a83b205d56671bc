"""Sealing makes a version immutable; retiring takes it out of use without touching it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.faults import Fault
from apps.prompts.errors import PromptError, refused
from apps.prompts.fragments import find_fragments, inlined, pinned
from apps.prompts.models import (
    OPEN_STATES,
    Arm,
    ExperimentStatus,
    Inclusion,
    PromptVersion,
    Release,
    RequestState,
    VersionStatus,
)
from apps.prompts.services.drafts import content_of, validate_version
from apps.prompts.services.locks import lock_prompt
from apps.prompts.types import Fragments
from apps.prompts.validation import Content


@transaction.atomic
def seal_version(
    *,
    version: PromptVersion,
    note: str,
    now: datetime,
    by: User | None = None,
    expected_hash: str = "",
) -> PromptVersion:
    """Freeze a draft for ever. The database refuses every later change of it.

    `expected_hash` is the content's hash that the person was shown; empty: don't compare.
    Raises `PromptError` with all faults: of the content, a missing note, or content that equals
    the latest sealed version.
    """
    lock_prompt(version.prompt_id)
    row = PromptVersion.objects.select_for_update().get(pk=version.pk)
    if row.status != VersionStatus.DRAFT:
        raise refused(f"{row} is sealed already.", code="sealed")
    content = content_of(row)
    fragments = find_fragments(content)
    if faults := _faults(row, note, inlined(content, fragments), expected_hash):
        raise PromptError(faults)
    _freeze(row, content, fragments)
    row.status, row.note, row.sealed_at = VersionStatus.SEALED, note.strip(), now
    row.author = row.author or by
    row.save()
    _include(row, fragments)
    return row


def _freeze(row: PromptVersion, content: Content, fragments: Fragments) -> None:
    """Fill in what is sent, its hash, and which versions of fragments it was made of."""
    whole = inlined(content, fragments)
    row.messages, row.content_hash = whole.messages, whole.hash
    row.written = pinned(content, fragments).messages if fragments else None


def _include(row: PromptVersion, fragments: Fragments) -> None:
    ids = {fragment.version_id for fragment in fragments.values()}
    Inclusion.objects.bulk_create(Inclusion(version=row, fragment_id=pk) for pk in sorted(ids))


@transaction.atomic
def retire_version(*, version: PromptVersion) -> PromptVersion:
    """No new release may use it; jobs that are pinned to it still can. Retiring twice is fine.

    Raises `PromptError` while it is live on a channel, in a running experiment, or a draft.
    """
    lock_prompt(version.prompt_id)
    row = PromptVersion.objects.select_for_update().get(pk=version.pk)
    if row.status == VersionStatus.DRAFT:
        raise refused(f"{row} is a draft; delete it instead.", code="draft")
    if Release.objects.filter(version=row, ended_at=None).exists():
        raise refused(f"{row} is live; release another version first.", code="live")
    running = Arm.objects.filter(version=row, experiment__status=ExperimentStatus.RUNNING)
    if running.exists():
        raise refused(f"{row} is in a running experiment; stop it first.", code="in_experiment")
    row.status = VersionStatus.RETIRED
    row.save(update_fields=["status", "updated_at"])
    row.release_requests.filter(state__in=OPEN_STATES).update(
        state=RequestState.VOID, outcome=f"{row} was retired."
    )
    return row


def _faults(row: PromptVersion, note: str, whole: Content, expected_hash: str) -> list[Fault]:
    faults = list(validate_version(row).faults)
    if not note.strip():
        faults.append(Fault("/note", "Say what changed, and why.", "missing"))
    if len(note) > 500:
        faults.append(Fault("/note", "Has more than 500 characters.", "too_long"))
    if faults:
        return faults
    found = whole.hash
    if expected_hash and found != expected_hash:
        return [
            Fault(
                "",
                "The draft, or a fragment in it, was changed since you looked at it.",
                "conflict",
            )
        ]
    latest = PromptVersion.objects.filter(prompt=row.prompt).exclude(status=VersionStatus.DRAFT)
    newest = latest.order_by("-sealed_at", "-number").first()
    if newest is not None and newest.content_hash == found:
        return [Fault("", f"Nothing differs from {newest}.", "identical")]
    return []
