"""What people are told about thresholds: forecasts looked at now and then, messages delivered."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from apps.budgets.admission import Room
from apps.budgets.earlier import days_of_calls
from apps.budgets.models import Alert, Basis, Budget, ThresholdCrossing
from apps.budgets.outlook import first_day_needed, outlook
from apps.budgets.rolling import is_rolling
from apps.budgets.selectors import rooms_now, state_of
from apps.budgets.thresholds import Crossing, reached, record
from apps.budgets.windows import bounds_now
from apps.core.money import Pico, short_usd
from apps.core.tasks import for_a_round

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
log = structlog.get_logger(__name__)


@transaction.atomic
def record_forecasts(*, now: datetime) -> int:
    """Record thresholds that the forecast has reached, of calendar windows. How many were new."""
    budgets = [
        budget
        for budget in Budget.objects.filter(active=True, bases__contains=[Basis.FORECAST])
        if not is_rolling(budget)
    ]
    if not budgets:
        return 0
    rooms, bounds = rooms_now(budgets=budgets, now=now), bounds_now(budgets, now)
    known = days_of_calls(budgets=budgets, since=first_day_needed(now), now=now)
    found: list[Crossing] = []
    for budget in budgets:
        room = rooms[budget.pk]
        state = state_of(budget, room, bounds[budget.pk])
        days = known.get(budget.pk, {})
        expected = outlook(state=state, zone=budget.time_zone, known=days, now=now).total
        found += _forecast_crossings(room, expected)
    return record(found, now)


def _forecast_crossings(room: Room, expected: Pico | None) -> list[Crossing]:
    if not room.window_id or expected is None:
        return []
    return [
        Crossing(
            room.window_id,
            room.period_at,
            percent,
            Basis.FORECAST,
            expected,
            room.limit,
        )
        for percent in room.thresholds
        if reached(used=expected, limit=room.limit, percent=percent)
    ]


def deliver_alerts(*, now: datetime, limit: int = 100) -> int:
    """Send at most `limit` messages that are due, for a round, each in a transaction of its own.
    How many were delivered. A message whose delivery was sent but not recorded, because this
    process died in between, is sent again: better twice than never."""
    due = Alert.objects.filter(delivered_at=None, next_try_at__lte=now).order_by("next_try_at")
    ids = for_a_round(due.values_list("pk", flat=True)[:limit])
    return sum(_deliver(pk, now) for pk in ids)


@transaction.atomic
def _deliver(pk: int, now: datetime) -> bool:
    """Whoever else has it locked delivers it."""
    due = Alert.objects.filter(pk=pk, delivered_at=None, next_try_at__lte=now)
    alert = due.select_for_update(of=("self",), skip_locked=True).first()
    if alert is None:
        return False
    try:
        _send(alert.crossing)
    except (OSError, ValueError) as error:  # also every error of SMTP; an address that is none
        alert.error = str(error)[:500]
        alert.next_try_at = now + min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(alert.tries, 20))
        log.warning("budget_alert_not_delivered", alert=pk, error=alert.error)
    else:
        alert.delivered_at, alert.sent_to = now, alert.crossing.window.budget.notify
    alert.tries += 1
    alert.save()
    return alert.delivered_at is not None


def _send(crossing: ThresholdCrossing) -> None:
    """To the budget's addresses, and always to the log. Raises `OSError`, and `ValueError` where an
    address is none."""
    budget = crossing.window.budget
    if budget.notify:
        subject = f"Budget {budget.slug}: {crossing.percent} % reached"
        send_mail(subject, message_of(crossing), None, budget.notify)
    log.warning(
        "budget_threshold",
        budget=budget.slug,
        percent=crossing.percent,
        basis=crossing.basis,
        used_pico=crossing.used_pico,
        limit_pico=crossing.limit_pico,
    )


def message_of(crossing: ThresholdCrossing) -> str:
    budget, window = crossing.window.budget, crossing.window
    until = f" to {window.ends_at:%Y-%m-%d %H:%M}" if window.ends_at else ""
    return (
        f"Budget “{budget.name}” has reached {crossing.percent} % of "
        f"{short_usd(crossing.limit_pico)}.\n\n"
        f"{crossing.get_basis_display()}: {short_usd(crossing.used_pico)}\n"
        f"At: {crossing.at:%Y-%m-%d %H:%M} UTC\n"
        f"Window: from {crossing.period_at:%Y-%m-%d %H:%M}{until} UTC\n\n"
        f"{settings.WEB_URL}/admin/budgets/budget/{budget.pk}/change/\n"
    )
