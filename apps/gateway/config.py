"""Everything that a call needs to know, as one immutable value in process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from apps.access.snapshot import read_callers, read_keys
from apps.access.types import Caller, KeyRecord
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import BudgetFacts
from apps.cache.snapshot import read_cache
from apps.cache.types import CacheFacts
from apps.core.snapshot import SnapshotHolder
from apps.prompts.snapshot import PromptSnapshot, read_prompts
from apps.registry.snapshot import read_registry
from apps.registry.types import RegistrySnapshot
from apps.routing.snapshot import read_rest_ends, read_routes
from apps.routing.types import RouteFacts


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration at one epoch."""

    keys: Mapping[str, KeyRecord]
    callers: Mapping[int, Caller]
    registry: RegistrySnapshot
    routes: Mapping[str, RouteFacts]
    prompts: PromptSnapshot
    budgets: tuple[BudgetFacts, ...]
    cache: CacheFacts
    rest_ends: Mapping[str, int]  # operators' orders that a rest end: subject → the newest's number


def read_config() -> Config:
    registry = read_registry()
    return Config(
        keys=read_keys(),
        callers=read_callers(),
        registry=registry,
        routes=read_routes(),
        prompts=read_prompts(),
        budgets=read_budgets(),
        cache=read_cache(),
        rest_ends=read_rest_ends(registry),
    )


def new_holder() -> SnapshotHolder[Config]:
    return SnapshotHolder(read_config)


@cache
def web_config() -> SnapshotHolder[Config]:
    """The configuration for processes without a pipeline (web), read at first use."""
    holder = new_holder()
    holder.start()
    return holder
