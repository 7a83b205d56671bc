"""`/v1/models`: the routes and models that a caller may name."""

from typing import Any

from apps.gateway.config import Config

_CREATED = 1_767_225_600  # 2026-01-01; OpenAI's clients need a number, ours have no such date


def list_models(config: Config) -> dict[str, Any]:
    active = {d.model.slug for d in config.registry.deployments.values() if d.active}
    names = sorted(active | set(config.routes))
    return {"object": "list", "data": [_item(name) for name in names]}


def one_model(config: Config, name: str) -> dict[str, Any] | None:
    return next((item for item in list_models(config)["data"] if item["id"] == name), None)


def _item(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "llmplatform"}
