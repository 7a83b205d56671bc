"""What there is to choose from: versions, models, sets of values, earlier runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.access.models import ServicePurpose
from apps.evals.models import Case, DatasetVersion
from apps.evals.services.past_calls import past_calls
from apps.gateway.config import Config
from apps.jobs.models import Job
from apps.playground.models import Run
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.types import PromptKind
from apps.routing.types import RouteFacts

MAY_SEE_CASES = "evals.view_case"
MAY_TAKE_CALLS = "playground.take_past_call"
OFFERED_CASES = 100  # of a dataset
OFFERED_CALLS = 30
OFFERED_VERSIONS = 50
OFFERED_RUNS = 10
OFFERED_PROMPTS = 50


@dataclass(frozen=True, slots=True)
class Source:
    """A set of values to choose: its key, and what it is called."""

    key: str
    label: str


def sources_of(prompt: Prompt, by: User) -> list[tuple[str, list[Source]]]:
    """Cases of each dataset and past calls, as far as this person may take them."""
    groups = []
    if by.has_perm(MAY_SEE_CASES):
        groups += [(str(version), _cases(version)) for version in _newest_versions(prompt)]
    if by.has_perm(MAY_TAKE_CALLS):
        calls = calls_of(prompt).select_related("service")[:OFFERED_CALLS]
        groups.append(("Past calls, masked", [_call(job) for job in calls]))
    return [group for group in groups if group[1]]


def calls_of(prompt: Prompt) -> QuerySet[Job]:
    """What callers asked: not what evaluations and playgrounds did."""
    return past_calls(prompt).filter(service__purpose=ServicePurpose.SERVING)


def versions_of(prompt: Prompt) -> QuerySet[PromptVersion]:
    """Newest first."""
    rows = PromptVersion.objects.filter(prompt=prompt).select_related("prompt")
    return rows.order_by("-number")


def models_of(config: Config) -> list[str]:
    """Routes and models that can chat, by name."""
    models = [slug for slug, model in config.registry.models.items() if model.kind == "chat"]
    routes = [slug for slug, route in config.routes.items() if _can_chat(route, config)]
    return sorted({*models, *routes})


def _can_chat(route: RouteFacts, config: Config) -> bool:
    """Unless all its deployments are of another kind, as of embeddings."""
    known = [config.registry.deployments.get(target.deployment) for target in route.targets]
    return not known or any(one is None or one.model.kind == "chat" for one in known)


def recent_runs(prompt: Prompt) -> QuerySet[Run]:
    rows = Run.objects.filter(prompt=prompt).select_related("started_by")
    return rows.prefetch_related("trials").order_by("-created_at")[:OFFERED_RUNS]


def latest_runs(by: User) -> QuerySet[Run]:
    """A person's own, of all prompts."""
    rows = Run.objects.filter(started_by=by).select_related("prompt")
    return rows.prefetch_related("trials").order_by("-created_at")[:OFFERED_RUNS]


def runnable_prompts(sought: str) -> QuerySet[Prompt]:
    """Those with a version, by name; `sought` stands in slug, name or folder."""
    named = Q(slug__icontains=sought) | Q(name__icontains=sought) | Q(folder__icontains=sought)
    has_version = Exists(PromptVersion.objects.filter(prompt=OuterRef("pk")))
    rows = Prompt.objects.filter(named, has_version, kind=PromptKind.TASK, archived=False)
    return rows.order_by("slug")[:OFFERED_PROMPTS]


def _newest_versions(prompt: Prompt) -> QuerySet[DatasetVersion]:
    """Of each dataset the draft, or else what was published last."""
    rows = DatasetVersion.objects.filter(dataset__prompt=prompt).select_related("dataset")
    return rows.order_by("dataset__slug", "-number").distinct("dataset__slug")


def _cases(version: DatasetVersion) -> list[Source]:
    rows = Case.objects.filter(version=version).order_by("id")[:OFFERED_CASES]
    return [Source(f"case:{case.pk}", f"{case.key} · {_short(case.variables)}") for case in rows]


def _call(job: Job) -> Source:
    """Without its values: looking at them is written down."""
    when = f"{job.created_at:%d %b %H:%M} UTC"
    return Source(f"call:{job.pk}", f"{when} · {job.service.slug} · v{job.prompt_version}")


def _short(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}: {value}" for name, value in values.items())
    return text if len(text) <= 60 else f"{text[:59]}…"
