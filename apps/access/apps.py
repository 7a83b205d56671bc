from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "apps.access"

    def ready(self) -> None:
        from apps.access import checks  # noqa: F401 - registers them

        post_migrate.connect(_sync_roles, dispatch_uid="access.sync_roles")


def _sync_roles(sender: AppConfig, **kwargs: Any) -> None:
    """After the last app: only then do the permissions of all of them exist."""
    with_models = [config for config in apps.get_app_configs() if config.models_module]
    if sender == with_models[-1]:
        from apps.access.roles import sync_roles

        sync_roles()
