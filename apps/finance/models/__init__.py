from apps.finance.models.anomalies import Acknowledgement, PlannedDays
from apps.finance.models.mail import Every, Letter, MailAddress, MailPlan, Recipient
from apps.finance.models.savings import SavedCursor, SavedDay, SavedSum
from apps.finance.models.views import SavedView

__all__ = [
    "Acknowledgement",
    "Every",
    "Letter",
    "MailAddress",
    "MailPlan",
    "PlannedDays",
    "Recipient",
    "SavedCursor",
    "SavedDay",
    "SavedSum",
    "SavedView",
]
