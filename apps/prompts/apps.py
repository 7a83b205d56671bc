from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PromptsConfig(AppConfig):
    name = "apps.prompts"

    def ready(self) -> None:
        from apps.prompts.channels import ensure_channels

        post_migrate.connect(ensure_channels, sender=self)
