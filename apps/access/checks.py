"""System checks: what would otherwise only be noticed as a missing right."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage, Error, register

from apps.access.roles import ROLES


@register("security")
def roles_name_real_permissions(**kwargs: Any) -> list[CheckMessage]:
    """Every permission in the table of roles is declared by a model."""
    declared = set(_declared())
    return [
        Error(
            f"Role “{role}” names the permission “{name}”, which does not exist.", id="access.E001"
        )
        for role, names in ROLES.items()
        for name in sorted(names - declared)
    ]


def _declared() -> Iterator[str]:
    for model in apps.get_models():
        options = model._meta
        for action in options.default_permissions:
            yield f"{options.app_label}.{get_permission_codename(action, options)}"
        for codename, _ in options.permissions:
            yield f"{options.app_label}.{codename}"
