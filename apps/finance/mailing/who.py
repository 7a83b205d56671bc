"""Who may get letters: what a letter says, its reader may see on the cost report, too."""

from django.contrib.auth.models import User
from django.db.models import QuerySet

from apps.finance.models import Letter

SEES_COSTS = "ledger.view_entry"
_BACKEND = "django.contrib.auth.backends.ModelBackend"


def people() -> QuerySet[User]:
    """Who may see costs, and can be written to."""
    found: QuerySet[User] = User.objects.with_perm(SEES_COSTS, backend=_BACKEND)
    return found.filter(is_staff=True).exclude(email="").order_by("username")


def why_not_to(letter: Letter) -> str:
    """Empty, or why this letter must not be sent. Asked again at each try: rights come and go."""
    if letter.asked_by:
        return _why_not(letter.asked_by, "They")
    recipient = letter.recipient
    if recipient is None or recipient.stopped_at:
        return "They stopped it for themselves."
    # whoever lets costs go out must be allowed to see them
    fault = _why_not(letter.view.owner, f"The view’s owner, {letter.view.owner},")
    return fault or (_why_not(recipient.user, "They") if recipient.user else "")


def email_of(letter: Letter) -> str:
    if letter.recipient:
        return letter.recipient.email
    return letter.asked_by.email if letter.asked_by else ""


def _why_not(user: User, name: str) -> str:
    if not (user.is_active and user.is_staff and user.has_perm(SEES_COSTS)):
        return f"{name} may not see costs any more."
    return ""
