"""Releases: a channel of a prompt points at a sealed version, and can point back."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.problems import Fault
from apps.prompts.errors import NotPermitted, PromptError, refused
from apps.prompts.models import (
    Channel,
    Prompt,
    PromptVersion,
    Release,
    ReleaseKind,
    VersionStatus,
)
from apps.prompts.services.locks import lock_prompt

PROTECTED = "prompts.release_protected"


@transaction.atomic
def release(
    *,
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    reason: str,
    by: User | None,
    now: datetime,
) -> Release:
    """Make a sealed version live. `by` is None for an operator at the console, who may all.

    Raises `NotPermitted` on a protected channel without `prompts.release_protected`, and
    `PromptError` with all faults: no reason, not sealed, another prompt's, or live already.
    """
    check_permitted(channel=channel, by=by)
    lock_prompt(prompt.pk)
    version = PromptVersion.objects.get(pk=version.pk)
    current = _open_release(prompt, channel)
    if faults := [*reason_faults(reason), *_version_faults(prompt, channel, version, current)]:
        raise PromptError(faults)
    return _switch(current, prompt, channel, version, ReleaseKind.PROMOTE, reason, by, now)


@transaction.atomic
def rollback(
    *, prompt: Prompt, channel: Channel, reason: str, by: User | None, now: datetime
) -> Release:
    """Make live what was live before. A second rollback goes one further back, not forth again.

    Raises as `release` does, and `PromptError` when nothing was live before.
    """
    check_permitted(channel=channel, by=by)
    lock_prompt(prompt.pk)
    if faults := reason_faults(reason):
        raise PromptError(faults)
    target = version_before(prompt=prompt, channel=channel)
    if target is None:
        detail = f"No earlier version of {prompt} was live on {channel}."
        raise refused(detail, code="nothing_before")
    current = _open_release(prompt, channel)
    return _switch(current, prompt, channel, target, ReleaseKind.ROLLBACK, reason, by, now)


def version_before(*, prompt: Prompt, channel: Channel) -> PromptVersion | None:
    """Where a rollback would go: releases pile up, rollbacks take from the pile. Retired versions
    are passed over."""
    rows = Release.objects.filter(prompt=prompt, channel=channel).select_related("version")
    pile: list[PromptVersion] = []
    for row in rows.order_by("id"):
        if row.kind == ReleaseKind.PROMOTE:
            pile.append(row.version)
        else:
            while pile and pile[-1].pk != row.version_id:
                pile.pop()
    current = pile.pop() if pile else None
    usable = [
        version for version in pile if version.status == VersionStatus.SEALED and version != current
    ]
    return usable[-1] if usable else None


def check_permitted(*, channel: Channel, by: User | None) -> None:
    """Raises `NotPermitted` when `by` may not change what a protected channel serves."""
    if channel.protected and by is not None and not by.has_perm(PROTECTED):
        detail = f"{channel} is protected: it needs the permission {PROTECTED}."
        raise NotPermitted([Fault("/channel", detail, "not_permitted")])


def _open_release(prompt: Prompt, channel: Channel) -> Release | None:
    return (
        Release.objects.filter(prompt=prompt, channel=channel, ended_at=None)
        .select_related("version")
        .first()
    )


def reason_faults(reason: str) -> list[Fault]:
    if not reason.strip():
        return [Fault("/reason", "Say why.", "missing")]
    if len(reason) > 500:
        return [Fault("/reason", "Has more than 500 characters.", "too_long")]
    return []


def _version_faults(
    prompt: Prompt, channel: Channel, version: PromptVersion, current: Release | None
) -> list[Fault]:
    if version.prompt_id != prompt.pk:
        return [Fault("/version", f"{version} belongs to another prompt.", "other_prompt")]
    if version.status != VersionStatus.SEALED:
        detail = f"{version} is {version.status}; only sealed versions can be released."
        return [Fault("/version", detail, "not_sealed")]
    if current is not None and current.version_id == version.pk:
        return [Fault("/version", f"{version} is live on {channel} already.", "live")]
    return []


def _switch(
    current: Release | None,
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    kind: ReleaseKind,
    reason: str,
    by: User | None,
    now: datetime,
) -> Release:
    """End the open release and begin the next at the same instant, never before it began."""
    if current is not None:
        now = max(now, current.released_at)
        current.ended_at = now
        current.save(update_fields=["ended_at"])
    return Release.objects.create(
        prompt=prompt,
        channel=channel,
        version=version,
        kind=kind,
        reason=reason.strip(),
        actor=by,
        released_at=now,
    )
