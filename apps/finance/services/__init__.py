from apps.finance.services.anomalies import acknowledge, plan_days, withdraw_plan
from apps.finance.services.mail_outbox import deliver_letters, put_due_letters, send_once
from apps.finance.services.mail_plans import save_plan, stop_for, stop_plan
from apps.finance.services.views import save_view

__all__ = [
    "acknowledge",
    "deliver_letters",
    "plan_days",
    "put_due_letters",
    "save_plan",
    "save_view",
    "send_once",
    "stop_for",
    "stop_plan",
    "withdraw_plan",
]
