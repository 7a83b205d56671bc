from django.apps import AppConfig


class EvalsConfig(AppConfig):
    name = "apps.evals"
    verbose_name = "Evaluation"

    def ready(self) -> None:
        from apps.evals.services.gate import requirement_gate
        from apps.prompts.services.gates import register_gate

        register_gate("evaluation", requirement_gate)
