from apps.finance.models.mail import Every, Letter, MailAddress, MailPlan, Recipient
from apps.finance.models.views import SavedView

__all__ = ["Every", "Letter", "MailAddress", "MailPlan", "Recipient", "SavedView"]
