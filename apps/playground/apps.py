from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "apps.playground"
    verbose_name = "Playground"
