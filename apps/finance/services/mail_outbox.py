"""The outbox of letters: put in once for each period and recipient, written once, sent until a mail
server took them (docs/adr/0161)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from apps.core.tasks import for_a_round
from apps.finance.mailing.content import Content, Unanswerable, content, question_of
from apps.finance.mailing.sending import send
from apps.finance.mailing.stopping import stop_url
from apps.finance.mailing.when import last_due, next_due
from apps.finance.mailing.who import email_of, why_not_to
from apps.finance.mailing.writing import words
from apps.finance.models import Letter, MailPlan, SavedView

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
_OVERTAKEN = "A newer letter took its place before a mail server took it."
log = structlog.get_logger(__name__)


def put_due_letters(*, now: datetime, zone: str) -> int:
    """The newest period of each plan that is due, in a transaction for each plan: whoever else
    does the same finds it locked, or moved on. How many letters."""
    due = MailPlan.objects.filter(next_at__lte=now).values_list("pk", flat=True)
    return sum(_put(pk, now, zone) for pk in due)


@transaction.atomic
def _put(pk: int, now: datetime, zone: str) -> int:
    due = MailPlan.objects.filter(pk=pk, next_at__lte=now)
    plan = due.select_for_update(of=("self",), skip_locked=True).first()
    if plan is None:
        return 0
    day = last_due(plan, zone=zone, now=now).astimezone(ZoneInfo(zone)).date()
    _open(Letter.objects.filter(recipient__plan=plan)).update(dropped_at=now, error=_OVERTAKEN)
    letters = [
        Letter(view_id=plan.view_id, recipient=recipient, day=day, next_try_at=now)
        for recipient in plan.recipients.filter(stopped_at=None)
    ]
    made = Letter.objects.bulk_create(letters, ignore_conflicts=True)
    plan.next_at = next_due(plan, zone=zone, after=now)
    plan.save(update_fields=["next_at"])
    return len(made)


def send_once(*, view: SavedView, to: User, now: datetime, zone: str) -> Letter:
    """A letter of today to somebody who asks for it, tried at once."""
    day = now.astimezone(ZoneInfo(zone)).date()
    letter = Letter.objects.create(view=view, asked_by=to, day=day, next_try_at=now)
    _deliver(letter.pk, now, _contents(zone))
    letter.refresh_from_db()
    return letter


def deliver_letters(*, now: datetime, zone: str, limit: int = 20) -> int:
    """Write and send at most `limit` that are due, for a round. How many a mail server took.

    A process that dies after the server took one and before that is written down leaves it due: it
    is sent again, the same message with the same Message-ID. Better twice than never.
    """
    due = _open(Letter.objects.filter(next_try_at__lte=now)).order_by("next_try_at", "pk")
    contents = _contents(zone)
    ids = for_a_round(due.values_list("pk", flat=True)[:limit])
    return sum(_deliver(pk, now, contents) for pk in ids)


Contents = Callable[[str, date], Content]


def _contents(zone: str) -> Contents:
    """Each question is asked once for all who get its answer."""

    @lru_cache(maxsize=8)
    def found(address: str, day: date) -> Content:
        return content(query=question_of(address=address, day=day, zone=zone), day=day)

    return found


def _deliver(pk: UUID, now: datetime, contents: Contents) -> bool:
    """Committed in between, so that each try sends what was written first."""
    with transaction.atomic():
        letter = _locked(pk, now)
        if letter and not letter.written_at:
            _write(letter, now, contents)
    with transaction.atomic():
        letter = _locked(pk, now)
        return bool(letter and letter.written_at) and _send(letter, now)  # type: ignore[arg-type]


def _locked(pk: UUID, now: datetime) -> Letter | None:
    """Whoever else has it locked delivers it. One that must not be sent any more is dropped."""
    due = _open(Letter.objects.filter(pk=pk, next_try_at__lte=now))
    rows = due.select_for_update(of=("self",), skip_locked=True)
    letter = rows.select_related(
        "view__owner", "recipient__user", "recipient__address", "recipient__plan", "asked_by"
    ).first()
    fault = why_not_to(letter) if letter else ""
    if letter and fault:
        _drop(letter, now, fault)
    return None if fault else letter


def _write(letter: Letter, now: datetime, contents: Contents) -> None:
    view = letter.view
    try:
        found = contents(view.address, letter.day)
    except Unanswerable as error:
        _drop(letter, now, f"The view cannot be answered any more. {error}")
        return
    written = words(
        name=view.name,
        address=view.address,
        found=found,
        now=now,
        why=_why(letter),
        stop_url=stop_url(letter.recipient) if letter.recipient else "",
    )
    letter.subject, letter.text, letter.html = written.subject, written.text, written.html
    letter.written_at = now
    letter.save()


def _why(letter: Letter) -> str:
    if letter.recipient is None:
        return "You get this letter because you asked for it just now."
    plan = str(letter.recipient.plan)
    return f"You get it because {letter.view.owner} chose you to ({plan})."


def _send(letter: Letter, now: datetime) -> bool:
    letter.tries += 1
    letter.to = email_of(letter)
    try:
        send(letter)
    except (OSError, ValueError) as error:  # also every error of SMTP; an address that is none
        letter.error = str(error)[:500]
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(letter.tries - 1, 20))
        letter.next_try_at = now + wait
        log.warning("cost_letter_not_sent", letter=str(letter.pk), error=letter.error)
    else:
        letter.sent_at, letter.error = now, ""
        letter.text = letter.html = ""  # nobody needs the words any more
    letter.save()
    return letter.sent_at is not None


def _drop(letter: Letter, now: datetime, why: str) -> None:
    letter.dropped_at, letter.error = now, why[:500]
    letter.text = letter.html = ""
    letter.save()
    log.warning("cost_letter_dropped", letter=str(letter.pk), error=letter.error)


def _open(letters: QuerySet[Letter]) -> QuerySet[Letter]:
    return letters.filter(sent_at=None, dropped_at=None)
