from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "apps.routing"

    def ready(self) -> None:
        from apps.prompts.services.gates import register_gate
        from apps.routing.gate import model_gate

        register_gate("model", model_gate, also_of_arms=True)
