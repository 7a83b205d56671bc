"""Releases that go back by themselves, where their channel says so."""

from datetime import datetime

import structlog
from django.db import transaction

from apps.prompts import services as prompts
from apps.prompts.errors import PromptError
from apps.prompts.models import Release, ReleaseKind
from apps.results.guarding import WATCHED, sums_before, sums_since, what_is_worse
from apps.results.models import GuardFinding

log = structlog.get_logger(__name__)


def guard_releases(*, now: datetime) -> int:
    """Look at each young release of such channels; how many there are. Safe to run twice, also at
    once: only what is live can be rolled back, and only once."""
    watched = Release.objects.filter(
        ended_at=None,
        kind=ReleaseKind.PROMOTE,
        released_at__gt=now - WATCHED,
        channel__auto_rollback=True,
    ).exclude(pk__in=GuardFinding.objects.values("release_id"))
    rows = list(watched.select_related("prompt", "channel", "version__prompt"))
    for release in rows:
        _guard(release, now)
    return len(rows)


def _guard(release: Release, now: datetime) -> None:
    target = prompts.version_before(prompt=release.prompt, channel=release.channel)
    if target is None:
        return
    found = what_is_worse(sums_before(release, target), sums_since(release))
    if found is None:
        return
    worse, is_bad_itself = found
    if is_bad_itself:
        because = f"{release.version} does worse ({worse}), but v{target.number} did badly itself."
        _keep(release, f"{because} Nobody went back: look at both.", now, rolled_back=False)
        return
    because = f"{release.version} did worse: {worse}. Back to v{target.number} by guardrail."
    try:
        with transaction.atomic():
            prompts.roll_back_by_guardrail(release=release, reason=because, now=now)
            _keep(release, because, now, rolled_back=True)
    except PromptError as error:  # somebody released something else meanwhile
        log.info("release_not_rolled_back", release=str(release), error=str(error))


def _keep(release: Release, because: str, now: datetime, *, rolled_back: bool) -> None:
    _, is_new = GuardFinding.objects.get_or_create(
        release=release,
        defaults={"at": now, "because": because[:500], "rolled_back": rolled_back},
    )
    if is_new:
        log.error("release_guardrail", release=str(release), because=because, back=rolled_back)
