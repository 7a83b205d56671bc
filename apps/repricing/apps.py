from django.apps import AppConfig


class RepricingConfig(AppConfig):
    name = "apps.repricing"

    def ready(self) -> None:
        from apps.ledger.checklist import register_check
        from apps.repricing.month_check import recosts_decided

        register_check(recosts_decided)
