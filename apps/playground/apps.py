from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "apps.playground"
    verbose_name = "Playground"

    def ready(self) -> None:
        from apps.playground.services.forecast import cost_gate
        from apps.prompts.services.gates import register_gate

        register_gate("cost", cost_gate)
