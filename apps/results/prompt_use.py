"""How much prompts are used: registered with `apps.prompts.use`."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, Sum

from apps.prompts.use import Use
from apps.results.models import VersionHour


def use_of(prompts: Collection[str], *, since: datetime) -> Mapping[str, Use]:
    hours = VersionHour.objects.filter(prompt__in=prompts, hour__gte=since).order_by()
    rows = hours.values_list("prompt").annotate(Sum("calls"), Sum("failed"), Sum("cost_pico"))
    return {prompt: Use(int(calls), int(failed), int(cost)) for prompt, calls, failed, cost in rows}


def called_since(since: datetime) -> Q:
    return Q(Exists(VersionHour.objects.filter(prompt=OuterRef("slug"), hour__gte=since)))
