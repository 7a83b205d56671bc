"""The link that stops a letter, for whom it was sent to: it needs no account, since a reader may
have none, and cannot be guessed."""

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from apps.finance.models import Recipient

_SALT = "finance.mail.stop"


def stop_url(recipient: Recipient) -> str:
    token = Signer(salt=_SALT).sign(str(recipient.pk))
    return f"{settings.WEB_URL}{reverse('admin:costs_mail_stop', args=[token])}"


def recipient_of(token: str) -> Recipient | None:
    """Whose link it is; None where it is nobody's, or its plan is gone."""
    try:
        pk = int(Signer(salt=_SALT).unsign(token))
    except BadSignature:
        return None
    found = Recipient.objects.filter(pk=pk).select_related("plan__view", "user", "address")
    return found.first()
