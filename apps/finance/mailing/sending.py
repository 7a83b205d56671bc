"""One letter to the mail server."""

from email.utils import formatdate, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from apps.finance.mailing.stopping import stop_url
from apps.finance.models import Letter


def send(letter: Letter) -> None:
    """The same message at each try: its id and date are those of the letter, so that a mail store
    that knows it already keeps one. Raises `OSError`, which every error of SMTP is too, and
    `ValueError` where the address is none."""
    written_at = letter.written_at or letter.next_try_at
    headers = {
        "Message-ID": f"<costs.{letter.pk}@{_host()}>",
        "Date": formatdate(written_at.timestamp()),
        "Auto-Submitted": "auto-generated",
    }
    if letter.recipient:  # one click in the mail program itself: RFC 8058
        headers |= {
            "List-Unsubscribe": f"<{stop_url(letter.recipient)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    message = EmailMultiAlternatives(
        letter.subject, letter.text, None, [letter.to], headers=headers
    )
    message.attach_alternative(letter.html, "text/html")
    message.send()


def _host() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
