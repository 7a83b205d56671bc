"""Requests: a version goes live when enough other people approved exactly what they looked at."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.core.faults import Fault
from apps.prompts.errors import NotPermitted, PromptError, refused
from apps.prompts.models import (
    OPEN_STATES,
    Approval,
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
from apps.prompts.services.freezes import freeze_at
from apps.prompts.services.gates import GateFinding, gate_faults, gate_findings
from apps.prompts.services.locks import lock_prompt
from apps.prompts.services.releases import (
    PROTECTED,
    may_release,
    open_release,
    reason_faults,
    switch,
    version_faults,
)

LIFETIME = timedelta(days=30)
"""After so long nobody remembers what they were asked; ask again."""


@transaction.atomic
def request_release(
    *,
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    reason: str,
    by: User,
    now: datetime,
    go_live_at: datetime | None = None,
    kind: RequestKind = RequestKind.RELEASE,
) -> ReleaseRequest:
    """Ask that a version goes live on a channel, at once when it is approved or not before
    `go_live_at`; or (`kind`) that experiments there may use it.

    Where the channel asks for nobody's approval, it goes live at once if `by` may release there;
    else somebody who may has to approve.

    Raises `PromptError` with all faults: no reason, a version that isn't sealed, of another prompt
    or live already, a time in the past, beyond the request's lifetime or in a freeze, the same
    request being open, or a gate that finds it worse than what is live. Missing evidence is shown
    to those who decide.
    """
    needed = channel.approvals or int(not may_release(channel=channel, by=by))
    lock_prompt(prompt.pk)
    version = PromptVersion.objects.get(pk=version.pk)
    base = open_release(prompt, channel)
    faults = [*reason_faults(reason), *version_faults(prompt, channel, version, base)]
    faults += [*_time_faults(channel, go_live_at, now), *_twin_faults(channel, version, kind)]
    if not faults:
        faults += _gate_faults(prompt, channel, version, base, decided=needed > 0)
    if faults:
        raise PromptError(faults)
    row = ReleaseRequest.objects.create(
        prompt=prompt,
        channel=channel,
        version=version,
        content_hash=version.content_hash,
        base=base,
        kind=kind,
        reason=reason.strip(),
        requester=by,
        needed=needed,
        go_live_at=go_live_at,
        expires_at=now + LIFETIME,
    )
    return _settled(row, now)


@transaction.atomic
def approve_request(
    *, request: ReleaseRequest, by: User, now: datetime, comment: str = ""
) -> ReleaseRequest:
    """Say yes to what the request shows. With the last one needed it goes live, or waits for its
    time or for the end of a freeze.

    Raises `NotPermitted` for its requester, the version's author and whoever lacks
    `prompts.release_protected`; `PromptError` when it isn't waiting or approved by them already.
    """
    row = _locked(request)
    _check_may_decide(row, by)
    _check_state(row, now, RequestState.WAITING)
    if row.approvals.filter(approver=by).exists():
        raise refused(f"You have approved {row} already.", code="approved")
    Approval.objects.create(request=row, approver=by, comment=comment.strip(), at=now)
    return _settled(row, now)


@transaction.atomic
def reject_request(
    *, request: ReleaseRequest, by: User, reason: str, now: datetime
) -> ReleaseRequest:
    """Say no, with a reason. Raises as `approve_request` does; one that is approved and waits for
    its time can be rejected too."""
    row = _locked(request)
    _check_may_decide(row, by)
    _check_state(row, now, *OPEN_STATES)
    if faults := reason_faults(reason):
        raise PromptError(faults)
    return _ended(row, RequestState.REJECTED, f"{by}: {reason.strip()}")


@transaction.atomic
def withdraw_request(*, request: ReleaseRequest, by: User, now: datetime) -> ReleaseRequest:
    """Its requester has changed their mind. Raises `NotPermitted` for anybody else, and
    `PromptError` when it has ended."""
    row = _locked(request)
    if row.requester_id != by.pk:
        raise _not_permitted(f"Only {row.requester} can withdraw {row}; others can reject it.")
    _check_state(row, now, *OPEN_STATES)
    return _ended(row, RequestState.WITHDRAWN, "")


def release_due(*, now: datetime) -> list[ReleaseRequest]:
    """Let go live what is approved and whose time has come, each in a transaction of its own, and
    end what has expired. Those that a freeze holds back are left."""
    return [row for pk in _due(now) if (row := _release_if_due(pk, now)).state not in OPEN_STATES]


def _due(now: datetime) -> list[int]:
    ripe = Q(go_live_at=None) | Q(go_live_at__lte=now)
    approved = Q(state=RequestState.APPROVED, kind=RequestKind.RELEASE) & ripe
    undecided = Q(state=RequestState.WAITING, expires_at__lte=now)
    rows = ReleaseRequest.objects.filter(approved | undecided)
    return list(rows.order_by("id").values_list("pk", flat=True))


@transaction.atomic
def _release_if_due(pk: int, now: datetime) -> ReleaseRequest:
    row = _locked(ReleaseRequest.objects.get(pk=pk))
    is_late = row.expires_at <= now
    if is_late and row.state == RequestState.WAITING:
        return _ended(row, RequestState.VOID, "Nobody decided in time.")
    if is_late and row.state == RequestState.APPROVED and row.kind == RequestKind.RELEASE:
        return _ended(row, RequestState.VOID, "A freeze outlasted it.")
    return _settled(row, now)


def _settled(row: ReleaseRequest, now: datetime) -> ReleaseRequest:
    """What follows from the approvals that there are. The prompt is locked."""
    if row.state == RequestState.WAITING and row.approvals.count() >= row.needed:
        row.state = RequestState.APPROVED
        row.save()
    if row.state != RequestState.APPROVED or row.kind != RequestKind.RELEASE:
        return row
    if why := _stale(row):
        return _ended(row, RequestState.VOID, why)
    decided = row.needed > 0
    if faults := _gate_faults(row.prompt, row.channel, row.version, row.base, decided=decided):
        return _ended(row, RequestState.VOID, faults[0].detail)
    if (row.go_live_at and row.go_live_at > now) or freeze_at(channel=row.channel, at=now):
        return row
    return _released(row, now)


def _gate_faults(
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    base: Release | None,
    *,
    decided: bool,
) -> list[Fault]:
    """`decided`: people look at it, who may know better than missing evidence."""
    return gate_faults(
        prompt=prompt,
        channel=channel,
        version=version,
        base=base.version if base else None,
        unsure_is_fine=decided,
    )


def _released(row: ReleaseRequest, now: datetime) -> ReleaseRequest:
    """The request ends first, so that going live doesn't void it with the others."""
    made = switch(
        open_release(row.prompt, row.channel),
        row.prompt,
        row.channel,
        row.version,
        ReleaseKind.PROMOTE,
        row.reason,
        row.requester,
        now,
        request=row,
    )
    row.refresh_from_db()
    assert made.pk == row.release_id  # noqa: S101 -- what `switch` promises
    return row


def _stale(row: ReleaseRequest) -> str:
    """Why nobody approved what would go live now; empty while it is the same. Where nobody had to,
    its requester's right to release stands for that, until it does."""
    if row.version.status != VersionStatus.SEALED or row.version.content_hash != row.content_hash:
        return f"{row.version} was {row.version.status} meanwhile."
    if row.kind != RequestKind.RELEASE:
        return ""  # an experiment follows nothing: it stands beside whatever is live
    base = open_release(row.prompt, row.channel)
    if (base and base.pk) != row.base_id:
        return f"{base.version if base else 'Nothing'} is live on {row.channel} meanwhile."
    if not row.needed and _others_decide(row.channel, row.requester):
        return f"{row.requester} may not release on {row.channel} alone any more."
    return ""


def _others_decide(channel: Channel, by: User) -> bool:
    return channel.approvals > 0 or not may_release(channel=channel, by=by)


def _locked(request: ReleaseRequest) -> ReleaseRequest:
    lock_prompt(request.prompt_id)
    rows: QuerySet[ReleaseRequest] = ReleaseRequest.objects.select_related(
        "prompt", "channel", "version__prompt", "requester"
    )
    return rows.get(pk=request.pk)


def _check_may_decide(row: ReleaseRequest, by: User) -> None:
    if by.pk == row.requester_id:
        raise _not_permitted(f"You asked for {row}; somebody else must decide.")
    if by.pk == row.version.author_id:
        raise _not_permitted(f"You wrote {row.version}; somebody else must decide.")
    if not by.has_perm(PROTECTED):
        raise _not_permitted(f"Deciding needs the permission {PROTECTED}.")


def _check_state(row: ReleaseRequest, now: datetime, *allowed: str) -> None:
    if row.state not in allowed:
        detail = f"{row} is {row.get_state_display().lower()}. {row.outcome}".strip()
        raise refused(detail, code="not_open")
    if row.expires_at <= now:
        raise refused(f"{row} has expired; ask again.", code="expired")
    if why := _stale(row):
        raise refused(f"{why} Ask again.", code="stale")


def _ended(row: ReleaseRequest, state: RequestState, why: str) -> ReleaseRequest:
    row.state, row.outcome = state, why[:500]
    row.save()
    return row


def _time_faults(channel: Channel, at: datetime | None, now: datetime) -> Iterator[Fault]:
    if at is None:
        return
    if not now < at < now + LIFETIME:
        detail = f"Must be in the future and within {LIFETIME.days} days."
        yield Fault("/go_live_at", detail, "bad_time")
    elif freeze := freeze_at(channel=channel, at=at):
        detail = f"{channel} is frozen then: {freeze.reason}. Choose a time from {freeze.ends_at}."
        yield Fault("/go_live_at", detail, "frozen")


def _twin_faults(channel: Channel, version: PromptVersion, kind: RequestKind) -> Iterator[Fault]:
    twins = ReleaseRequest.objects.filter(
        channel=channel, version=version, kind=kind, state__in=OPEN_STATES
    )
    if twins.exists():
        yield Fault("/version", f"This is asked for already: {twins.first()}.", "asked")


def _not_permitted(detail: str) -> NotPermitted:
    return NotPermitted([Fault("", detail, "not_permitted")])


def findings_of(row: ReleaseRequest) -> list[GateFinding]:
    """What the checks of its channel say now; none once it has ended. They are asked again when it
    goes live."""
    if row.state not in OPEN_STATES:
        return []
    return gate_findings(
        prompt=row.prompt,
        channel=row.channel,
        version=row.version,
        base=row.base.version if row.base else None,
    )


def waits_for(row: ReleaseRequest, now: datetime) -> str:
    """What stands between it and its going live: approvals, time or freeze; empty for nothing."""
    if row.state == RequestState.WAITING:
        return "approvals"
    if row.state != RequestState.APPROVED or row.kind != RequestKind.RELEASE:
        return ""
    if row.go_live_at is not None and row.go_live_at > now:
        return "time"
    return "freeze" if freeze_at(channel=row.channel, at=now) else ""


def approved_for_experiments(*, channel: Channel, version: PromptVersion) -> bool:
    """Was it live there, or did enough people approve that experiments use it?"""
    if Release.objects.filter(channel=channel, version=version).exists():
        return True
    return ReleaseRequest.objects.filter(
        channel=channel,
        version=version,
        kind=RequestKind.EXPERIMENT,
        state=RequestState.APPROVED,
    ).exists()
