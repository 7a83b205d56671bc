"""Prompts as every process keeps them in memory.

A sealed version never changes, so its content is read once per process and kept in a bounded
cache; moving the epoch costs only the small rows: slugs, numbers, open releases, running arms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.prompts.memory import VersionCache
from apps.prompts.models import Experiment, Prompt, PromptVersion, Release
from apps.prompts.types import (
    ArmFacts,
    ExperimentFacts,
    OnUnknown,
    PhaseFacts,
    PromptKind,
    PromptNotFound,
    Variable,
    VersionFacts,
    VersionNotLoaded,
)

SERVED = ("sealed", "retired")
_cache = VersionCache()


@dataclass(frozen=True, slots=True)
class PromptSnapshot:
    """Prompts that aren't archived, no fragments, and which version answers where."""

    prompts: frozenset[str] = frozenset()
    unrepeatable: frozenset[str] = frozenset()
    """Those whose requests are not sent again when their outcome is unknown."""
    numbers: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Prompt → number → id of every sealed or retired version."""
    releases: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(prompt, channel) → id of the version that is live there."""
    experiments: Mapping[tuple[str, str], tuple[ExperimentFacts, ...]] = field(default_factory=dict)
    """(prompt, channel) → those that run there."""
    loaded: Mapping[int, VersionFacts] = field(default_factory=dict)
    """Content of every version that is live or in a running experiment."""

    def version(self, version_id: int) -> VersionFacts:
        """From memory only, so it is safe on an event loop. Raises `VersionNotLoaded`."""
        facts = self.loaded.get(version_id) or _cache.get(version_id)
        if facts is None:
            raise VersionNotLoaded(version_id)
        return facts

    def channels(self, prompt: str) -> tuple[str, ...]:
        """Channels on which the prompt is live."""
        return tuple(sorted(channel for slug, channel in self.releases if slug == prompt))


def read_prompts(*, prompt: str | None = None) -> PromptSnapshot:
    """Read all prompts, or one. A constant number of queries, however many versions there are."""
    choices = _choices(prompt)
    slugs = frozenset(choices)
    releases = _open_releases(slugs)
    experiments = _running_experiments(slugs)
    arms = (arm for beside in experiments.values() for one in beside for arm in one.arms)
    loaded = _load({*releases.values(), *(arm.version_id for arm in arms)})
    if prompt is None:
        _cache.keep(loaded)
    return PromptSnapshot(
        prompts=slugs,
        unrepeatable=frozenset(s for s, choice in choices.items() if choice == OnUnknown.FAIL),
        numbers=_numbers(slugs),
        releases=releases,
        experiments=experiments,
        loaded=loaded,
    )


def load_version(version_id: int) -> VersionFacts:
    """A sealed or retired version, from memory or the database (so never on an event loop).

    Raises `PromptNotFound` for a draft or an unknown id, and `django.db.DatabaseError`.
    """
    facts = _load({version_id}).get(version_id)
    if facts is None:
        raise PromptNotFound(f"There is no sealed prompt version with id {version_id}.")
    return facts


def facts_of(version: PromptVersion) -> VersionFacts:
    """A row as a value. Its content must have passed `validation` once; sealed content has."""
    return VersionFacts(
        id=version.pk,
        prompt=version.prompt.slug,
        number=version.number,
        status=version.status,
        messages=tuple(version.messages),
        variables=tuple(variable_of(*item) for item in version.variables.items()),
        model=version.model,
        parameters=version.parameters,
        response_schema=version.response_schema,
        content_hash=version.content_hash,
        fit=version.fit,
        tools=tuple(version.tools),
    )


def variable_of(name: str, declaration: Mapping[str, Any]) -> Variable:
    return Variable(name=name, **declaration)


def _choices(prompt: str | None) -> dict[str, str]:
    """Prompt → what follows a request of it whose outcome is unknown."""
    prompts = Prompt.objects.filter(archived=False, kind=PromptKind.TASK)
    if prompt is not None:
        prompts = prompts.filter(slug=prompt)
    return dict(prompts.order_by().values_list("slug", "on_unknown"))


def _numbers(slugs: frozenset[str]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {slug: {} for slug in slugs}
    rows = PromptVersion.objects.filter(prompt__slug__in=slugs, status__in=SERVED).order_by()
    for slug, number, version_id in rows.values_list("prompt__slug", "number", "id"):
        found[slug][number] = version_id
    return found


def _open_releases(slugs: frozenset[str]) -> dict[tuple[str, str], int]:
    rows = Release.objects.filter(prompt__slug__in=slugs, ended_at=None).order_by()
    return {
        (prompt, channel): version_id
        for prompt, channel, version_id in rows.values_list(
            "prompt__slug", "channel__slug", "version_id"
        )
    }


def _running_experiments(
    slugs: frozenset[str],
) -> dict[tuple[str, str], tuple[ExperimentFacts, ...]]:
    rows = (
        Experiment.objects.filter(prompt__slug__in=slugs, status="running")
        .select_related("prompt", "channel")
        .prefetch_related("arms", "phases")
        .order_by("share_from")
    )
    found: dict[tuple[str, str], tuple[ExperimentFacts, ...]] = {}
    for row in rows:
        where = (row.prompt.slug, row.channel.slug)
        found[where] = (*found.get(where, ()), _experiment_of(row))
    return found


def _experiment_of(row: Experiment) -> ExperimentFacts:
    arms = sorted(row.arms.all(), key=lambda arm: arm.position)
    return ExperimentFacts(
        slug=row.slug,
        salt=row.salt,
        arms=tuple(
            ArmFacts(arm.slug, arm.version_id, arm.weight, arm.paused_at is not None)
            for arm in arms
        ),
        share_from=row.share_from,
        share=row.share,
        testers=row.testers,
        phases=tuple(
            PhaseFacts(phase.pk, phase.share, tuple(phase.weights))
            for phase in sorted(row.phases.all(), key=lambda phase: phase.pk)
        ),
    )


def _load(ids: Iterable[int]) -> dict[int, VersionFacts]:
    found = {pk: facts for pk in ids if (facts := _cache.get(pk)) is not None}
    missing = [pk for pk in ids if pk not in found]
    rows = PromptVersion.objects.filter(pk__in=missing, status__in=SERVED).select_related("prompt")
    read = {row.pk: facts_of(row) for row in rows} if missing else {}
    _cache.put(read)
    return found | read
