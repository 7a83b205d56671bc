from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "apps.reconciliation"

    def ready(self) -> None:
        from apps.ledger.checklist import register_check
        from apps.reconciliation.month_check import reconciled, unchanged

        register_check(reconciled)
        register_check(unchanged, is_long=True)
