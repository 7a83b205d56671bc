"""Reads of prompts that more than one edge needs."""

import re
from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.postgres.search import SearchQuery
from django.db.models import F, Max, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from apps.prompts.models import (
    OPEN_STATES,
    Experiment,
    Inclusion,
    Prompt,
    PromptVersion,
    PromptWords,
    Release,
    ReleaseRequest,
    RequestState,
    VersionStatus,
)
from apps.prompts.types import PromptKind

WORD = "[a-zA-Z0-9\u0080-\U0010ffff]+"  # as `models.words` parts them


def prompts_with_state() -> QuerySet[Prompt]:
    """Prompts with `live` (open releases), `drafts` and `running` (experiments): four queries for
    any number of prompts, without the content of any version."""
    version = PromptVersion.objects.only("id", "prompt_id", "number", "status", "author__username")
    return Prompt.objects.prefetch_related(
        Prefetch("releases", open_releases(), to_attr="live"),
        Prefetch(
            "versions",
            version.filter(status="draft").select_related("author").order_by("number"),
            to_attr="drafts",
        ),
        Prefetch("experiments", Experiment.objects.filter(status="running"), to_attr="running"),
    )


def last_changes(prompts: Collection[int]) -> dict[int, datetime]:
    """Prompt → when it, a version of it or what is live of it last changed; one query."""
    rows = Prompt.objects.filter(pk__in=prompts).order_by()
    return dict(rows.values_list("pk", changed_last()))


def changed_last() -> Greatest:
    """The same as an expression, to sort by: it reads the dates of all versions."""
    mine = {"prompt": OuterRef("pk")}
    versions = PromptVersion.objects.filter(**mine).order_by().values("prompt")
    releases = Release.objects.filter(**mine).order_by().values("prompt")
    return Greatest(
        F("updated_at"),
        Subquery(versions.annotate(at=Max("updated_at")).values("at")),
        Subquery(releases.annotate(at=Max("released_at")).values("at")),
    )


def releases_with_people(rows: QuerySet[Release]) -> QuerySet[Release]:
    """With who asked for each and who approved it; so many queries whatever their number."""
    return rows.select_related("actor", "request").prefetch_related("request__approvals__approver")


def open_requests(rows: QuerySet[ReleaseRequest]) -> QuerySet[ReleaseRequest]:
    """Those that nobody decided, or that wait for their time; oldest first."""
    return rows.filter(state__in=OPEN_STATES).select_related("channel").order_by("id")


def open_releases() -> QuerySet[Release]:
    """What is live, by channel, with the numbers but not the content of the versions."""
    return (
        Release.objects.filter(ended_at=None)
        .select_related("channel", "version")
        .defer(
            "version__messages",
            "version__variables",
            "version__response_schema",
            "version__tools",
        )
        .order_by("channel__slug")
    )


def prompts_saying(text: str) -> QuerySet[PromptWords]:
    """Those whose messages, live or newest, have every word of `text`, the last one as a beginning:
    so a search finds while somebody types."""
    words = re.findall(WORD, text)
    if not words:
        return PromptWords.objects.none()
    query = SearchQuery(" & ".join(words) + ":*", search_type="raw", config="simple")
    return PromptWords.objects.filter(words=query)


def requests_to_decide(user: User) -> QuerySet[ReleaseRequest]:
    """Open requests that this person could approve and has not, oldest first; none without the
    permission."""
    if not user.has_perm("prompts.release_protected"):
        return ReleaseRequest.objects.none()
    waiting = ReleaseRequest.objects.filter(state=RequestState.WAITING)
    others = waiting.exclude(Q(requester=user) | Q(version__author=user))
    left = others.exclude(approvals__approver=user)
    return left.select_related("version__prompt", "channel").order_by("id")


def dependents(fragment: Prompt) -> list[Inclusion]:
    """The versions in use that include this fragment: of each prompt what is live on production,
    else on another channel, else the newest sealed one."""
    rows = (
        Inclusion.objects.filter(fragment__prompt=fragment, version__status=VersionStatus.SEALED)
        .select_related("version__prompt", "fragment")
        .order_by("version__prompt__slug")
    )
    in_use = _in_use({row.version.prompt_id for row in rows})
    return [row for row in rows if in_use.get(row.version.prompt_id) == row.version_id]


def versions_in_use(prompts: QuerySet[Prompt]) -> list[PromptVersion]:
    """Of each prompt what is live on production, else on another channel, else the newest sealed
    version, in order of their names."""
    ids = _in_use(prompts.values_list("pk", flat=True)).values()
    rows = PromptVersion.objects.filter(pk__in=ids).select_related("prompt")
    return list(rows.order_by("prompt__slug"))


def _in_use(prompts: Collection[int] | QuerySet[Prompt, int]) -> dict[int, int]:
    """Prompt → the id of its version in use."""
    versions = PromptVersion.objects.filter(prompt__in=prompts, status=VersionStatus.SEALED)
    newest = versions.order_by("prompt_id", "number").values_list("prompt_id", "id")
    live = Release.objects.filter(prompt__in=prompts, ended_at=None)
    rows = live.order_by("channel__slug").values_list("prompt_id", "version_id", "channel__slug")
    by_channel = sorted(rows, key=lambda row: row[2] == "production")
    return dict(newest) | {prompt: version for prompt, version, _ in by_channel}


def live_version(prompt: Prompt) -> PromptVersion | None:
    """The version in force: on production, else on the first channel that has one; of a fragment
    the newest sealed one."""
    if prompt.kind == PromptKind.FRAGMENT:
        return prompt.versions.filter(status=VersionStatus.SEALED).order_by("-number").first()
    rows = Release.objects.filter(prompt=prompt, ended_at=None).select_related("channel", "version")
    found = sorted(rows, key=lambda row: (row.channel.slug != "production", row.channel.slug))
    return found[0].version if found else None
