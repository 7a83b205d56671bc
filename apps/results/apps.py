from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "apps.results"
    verbose_name = "Results"

    def ready(self) -> None:
        from apps.prompts.use import register_use
        from apps.results import prompt_use

        register_use(prompt_use)
