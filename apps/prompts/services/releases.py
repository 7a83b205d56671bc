"""Releases: a channel of a prompt points at a sealed version, and can point back."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.audit.history import with_reason
from apps.core.faults import Fault
from apps.prompts.errors import NotPermitted, PromptError, refused
from apps.prompts.models import (
    OPEN_STATES,
    Channel,
    Prompt,
    PromptVersion,
    Release,
    ReleaseKind,
    ReleaseRequest,
    RequestKind,
    RequestState,
    VersionStatus,
)
from apps.prompts.services.freezes import freeze_faults
from apps.prompts.services.gates import gate_faults
from apps.prompts.services.locks import lock_prompt
from apps.prompts.types import PromptKind

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
    """Make a sealed version live. `by` is None for an operator at the console, who needs nobody.

    Raises `NotPermitted` on a protected channel without `prompts.release_protected`, and
    `PromptError` with all faults: no reason, not sealed, another prompt's, live already, a freeze,
    a channel whose releases others must approve (see `requests`), or a gate that finds it worse
    than what is live or without the evidence that the channel wants (see `gates`).
    """
    check_permitted(channel=channel, by=by)
    lock_prompt(prompt.pk)
    version = PromptVersion.objects.get(pk=version.pk)
    current = open_release(prompt, channel)
    faults = [*reason_faults(reason), *version_faults(prompt, channel, version, current)]
    faults += [*freeze_faults(channel, now), *_approval_faults(channel, by)]
    if by is not None and not faults:
        faults += gate_faults(
            prompt=prompt,
            channel=channel,
            version=version,
            base=current.version if current else None,
        )
    if faults:
        raise PromptError(faults)
    return switch(current, prompt, channel, version, ReleaseKind.PROMOTE, reason, by, now)


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
    current = open_release(prompt, channel)
    return switch(current, prompt, channel, target, ReleaseKind.ROLLBACK, reason, by, now)


@transaction.atomic
def roll_back_by_guardrail(*, release: Release, reason: str, now: datetime) -> Release:
    """Make live what was live before this release, since its calls say so.

    Raises `PromptError` when it is not what is live any more, or nothing was live before.
    """
    lock_prompt(release.prompt_id)
    current = open_release(release.prompt, release.channel)
    if current is None or current.pk != release.pk:
        raise refused(f"{release} is not live any more.", code="not_live")
    target = version_before(prompt=release.prompt, channel=release.channel)
    if target is None:
        raise refused(f"Nothing was live before {release}.", code="nothing_before")
    ends = current, release.prompt, release.channel, target
    with with_reason(reason):
        return switch(*ends, ReleaseKind.GUARDRAIL, reason[:500], None, now)


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
    if not may_release(channel=channel, by=by):
        detail = f"{channel} is protected: it needs the permission {PROTECTED}."
        raise NotPermitted([Fault("/channel", detail, "not_permitted")])


def may_release(*, channel: Channel, by: User | None) -> bool:
    return not channel.protected or by is None or by.has_perm(PROTECTED)


def open_release(prompt: Prompt, channel: Channel) -> Release | None:
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


def version_faults(
    prompt: Prompt, channel: Channel, version: PromptVersion, current: Release | None
) -> list[Fault]:
    if version.prompt_id != prompt.pk:
        return [Fault("/version", f"{version} belongs to another prompt.", "other_prompt")]
    if prompt.kind == PromptKind.FRAGMENT:
        detail = f"{prompt} is a fragment: prompts include a version of it, channels don't."
        return [Fault("/version", detail, "fragment")]
    if version.status != VersionStatus.SEALED:
        detail = f"{version} is {version.status}; only sealed versions can be released."
        return [Fault("/version", detail, "not_sealed")]
    if current is not None and current.version_id == version.pk:
        return [Fault("/version", f"{version} is live on {channel} already.", "live")]
    return []


def _approval_faults(channel: Channel, by: User | None) -> list[Fault]:
    if by is None or not channel.approvals:
        return []
    people = "1 person" if channel.approvals == 1 else f"{channel.approvals} people"
    detail = f"On {channel}, {people} must approve each release. Request it instead."
    return [Fault("/channel", detail, "needs_approval")]


def switch(
    current: Release | None,
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    kind: ReleaseKind,
    reason: str,
    by: User | None,
    now: datetime,
    *,
    request: ReleaseRequest | None = None,
) -> Release:
    """End the open release and begin the next at the same instant, never before it began.

    `request` asked for it, and ends with it; what others asked for on the same ground is void.
    """
    if current is not None:
        now = max(now, current.released_at)
        current.ended_at = now
        current.save(update_fields=["ended_at"])
    made = Release.objects.create(
        prompt=prompt,
        channel=channel,
        version=version,
        kind=kind,
        reason=reason.strip(),
        actor=by,
        released_at=now,
    )
    open_ones = ReleaseRequest.objects.filter(
        prompt=prompt, channel=channel, kind=RequestKind.RELEASE, state__in=OPEN_STATES
    )
    if request is not None:
        open_ones.filter(pk=request.pk).update(state=RequestState.RELEASED, release=made)
    open_ones.update(state=RequestState.VOID, outcome=f"{version} went live meanwhile.")
    return made
