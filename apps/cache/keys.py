"""Names: of a request, of the deployment that answered it, and of what can invalidate it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from apps.cache.types import EVERY_SERVICE, CacheRequest, Handle, Scope
from apps.core import strict_json
from apps.registry.types import DeploymentFacts, ModelFacts

_FORMAT = 2  # part of the key: raise it when what is stored changes its shape


def request_key(*, tenant: str, shape: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of the tenant and everything in `shape`.

    Equal values give equal keys: the order of names does not count, nor whether a whole number was
    written as 1 or 1.0.
    """
    return _digest([_FORMAT, tenant, _with_plain_numbers(shape)])


def source_of(deployment: DeploymentFacts) -> str:
    """Identifies what gives the answers: where the call goes, and the model's row. Whether it is
    switched on, its limits and its prices don't count: they shape no answer."""
    place = (deployment.slug, deployment.provider, deployment.vendor, deployment.base_url)
    return _source((*place, deployment.api_version, deployment.upstream_name), deployment.model)


@lru_cache(maxsize=1024)
def _source(place: tuple[str, ...], model: ModelFacts) -> str:
    facts = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(model).items()
        if name != "active"
    }
    return _digest([*place, facts])


def scopes_of(
    *, tenant: str, key: str, tags: Iterable[str], prompt: str, models: Iterable[str]
) -> tuple[Scope, ...]:
    """Everything whose invalidation drops the answer, in a fixed order. Prompts and models are
    shared by all services, so that operators can drop them for every service at once."""
    scopes = [Scope(tenant, Handle.SERVICE, ""), Scope(tenant, Handle.KEY, key)]
    scopes += [Scope(tenant, Handle.TAG, tag) for tag in sorted(set(tags))]
    for owner in (tenant, EVERY_SERVICE):
        scopes += [Scope(owner, Handle.PROMPT, prompt)] if prompt else []
        scopes += [Scope(owner, Handle.MODEL, model) for model in sorted(set(models))]
    return tuple(scopes)


def with_key(request: CacheRequest, key: str) -> CacheRequest:
    """The same tenant's request for another answer, with all that can invalidate that one."""
    own = Scope(request.tenant, Handle.KEY, key)
    scopes = tuple(own if scope.handle is Handle.KEY else scope for scope in request.scopes)
    return replace(request, key=key, scopes=scopes)


def _digest(value: Any) -> str:
    return hashlib.sha256(strict_json.canonical(value)).hexdigest()


def _with_plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _with_plain_numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_plain_numbers(item) for item in value]
    return value
