"""What the explorer's filters offer: the slugs of today, and whatever is chosen already."""

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from apps.access.models import CostCenter, Service, Team
from apps.finance.dimensions import DIMENSIONS
from apps.finance.query import UNATTRIBUTED, Query
from apps.ledger.models import Purpose
from apps.prompts.models import Arm, Channel, Prompt
from apps.registry.models import Deployment, Model, Provider

_SOURCES = {
    "cost_center": CostCenter,
    "team": Team,
    "service": Service,
    "prompt": Prompt,
    "provider": Provider,
    "model": Model,
    "deployment": Deployment,
    "channel": Channel,
}


@dataclass(frozen=True)
class Choice:
    name: str
    label: str
    options: list[tuple[str, str, bool]]  # value, what it is called, whether it is chosen

    @property
    def size(self) -> int:
        return min(6, max(2, len(self.options)))


def choices(*, query: Query) -> list[Choice]:
    """One read, whatever the number of dimensions."""
    found: dict[str, set[str]] = {name: set() for name in DIMENSIONS}
    for name, slug in _slugs():
        found[name].add(slug)
    found["purpose"] = {str(value) for value in Purpose.values}
    chosen = {name: set(values) for name, values in query.filters}
    return [
        Choice(name, dimension.label, _options(name, found[name], chosen.get(name, set())))
        for name, dimension in DIMENSIONS.items()
        if found[name] or name in chosen
    ]


def _slugs() -> QuerySet[Any, tuple[str, str]]:
    slug = Concat("experiment__slug", Value("/"), "slug", output_field=CharField())
    arms = Arm.objects.order_by().values_list(_text("arm"), slug)
    each = [
        model._default_manager.order_by().values_list(_text(name), Cast("slug", CharField()))
        for name, model in _SOURCES.items()
    ]
    return arms.union(*each, all=True)


def _text(name: str) -> Value:
    return Value(name, output_field=CharField())


def _options(name: str, known: set[str], chosen: set[str]) -> list[tuple[str, str, bool]]:
    values = sorted((known | chosen) - {""})
    label_of = DIMENSIONS[name].label_of
    nothing = (UNATTRIBUTED, label_of(""), "" in chosen)
    return [nothing, *((value, label_of(value), value in chosen) for value in values)]
