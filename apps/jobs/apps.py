from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "apps.jobs"

    def ready(self) -> None:
        from apps.jobs.services.callers import callers_gate
        from apps.prompts.services.gates import register_gate

        register_gate("callers", callers_gate)
