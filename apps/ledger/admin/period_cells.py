"""What a month's page says of it: a cell for each field."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import pill, short_time
from apps.core.admin.cells import NOTHING, Kind, exact_money
from apps.ledger.checklist import days_of_month, quick_checks
from apps.ledger.models import ClosingStatus, Period, PeriodStatus
from apps.ledger.reports import Days, total_spent

_STATUS: dict[str, Kind] = {
    PeriodStatus.OPEN: "quiet",
    PeriodStatus.SOFT_CLOSED: "warn",
    PeriodStatus.CLOSED: "ok",
}
_DAYS = "admin/ledger/period/days.html"
_CHECKS = "admin/ledger/period/checklist.html"
_CLOSING = "admin/ledger/period/closing.html"
_NAMED = 5  # people


class PeriodCells:
    """Of `PeriodAdmin`, whose rows know whether they are being closed."""

    @admin.display(description="Month", ordering="month")
    def name(self, row: Period) -> str:
        return str(row)

    @admin.display(description="State", ordering="status")
    def state(self, row: Period) -> SafeString:
        if row.is_being_closed:  # type: ignore[attr-defined]
            return pill(ClosingStatus.ASKED.label, "info")
        return pill(row.get_status_display(), _STATUS[PeriodStatus(row.status)])

    @admin.display(description="From and to")
    def bounds(self, row: Period) -> SafeString:
        """As its own zone's calendar has it, whatever zone times are shown in."""
        zone = ZoneInfo(row.zone)
        last = (row.end - timedelta(microseconds=1)).astimezone(zone)
        return format_html(
            '<span title="{} to {}">{} – {}</span>, days of {}',
            *(row.start.isoformat(), row.end.isoformat()),
            *(f"{day:%-d %B %Y}" for day in (row.start.astimezone(zone), last)),
            row.zone,
        )

    @admin.display(description="Soft-closed")
    def softly_closed(self, row: Period) -> SafeString:
        return format_html("{} {}", row.soft_closed_by or "", short_time(row.soft_closed_at))

    @admin.display(description="Closed")
    def closed(self, row: Period) -> SafeString:
        return format_html("{} {}", row.closed_by or "", short_time(row.closed_at))

    @admin.display(description="Why it was closed")
    def reason(self, row: Period) -> str:
        done = row.closings.filter(status=ClosingStatus.DONE).first()
        return done.reason if done else NOTHING

    @admin.display(description="Booked so far, USD")
    def booked(self, row: Period) -> SafeString:
        first, last = days_of_month(row)
        question = urlencode({"from": first, "to": last})
        return format_html(
            '{} · <a href="{}?{}">Cost report</a>',
            exact_money(total_spent(days=Days(first, last, row.zone))),
            *(reverse("admin:costs"), question),
        )

    @admin.display(description="Who closes it")
    def who_closes(self, row: Period) -> str:
        others = _who_may_close().exclude(pk=row.soft_closed_by_id)[: _NAMED + 1]
        names = [user.get_username() for user in others]
        who = ", ".join([*names[:_NAMED], *(["and others"] if len(names) > _NAMED else [])])
        return (
            f"Somebody other than {row.soft_closed_by}, who closed it softly: "
            f"{who or 'nobody else may; an administrator gives the role finance'}."
        )

    @admin.display(description="Closing it")
    def last_try(self, row: Period) -> SafeString:
        closing = row.closings.select_related("asked_by").first()
        return render_to_string(_CLOSING, {"closing": closing})

    @admin.display(description="Entries")
    def sealed_entries(self, row: Period) -> SafeString:
        return format_html(
            '<span class="l-num">{}</span>', f"{row.entries:,}" if row.seal else NOTHING
        )

    @admin.display(description="Amount, USD")
    def sealed_amount(self, row: Period) -> SafeString:
        return exact_money(int(row.amount_pico) if row.seal else None)

    @admin.display(description="Seal")
    def short_seal(self, row: Period) -> SafeString:
        return format_html("<code>{}</code>", row.seal[:12]) if row.seal else SafeString(NOTHING)

    @admin.display(description="Days")
    def day_table(self, row: Period) -> SafeString:
        days = [
            (day, f"{int(entries):,}", exact_money(int(amount)), digest)
            for day, entries, amount, digest in row.days
        ]
        return render_to_string(_DAYS, {"days": days})

    @admin.display(description="To do")
    def checklist(self, row: Period) -> SafeString:
        return render_to_string(_CHECKS, {"checks": quick_checks(row)})


def _who_may_close() -> QuerySet[Any]:
    people: QuerySet[Any] = get_user_model()._default_manager.with_perm("ledger.close_period")
    return people.filter(is_staff=True).order_by("username")
