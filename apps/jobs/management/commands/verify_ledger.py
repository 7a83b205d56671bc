"""Check every equality of the books: entries = their price lines = rollups by day and month = what
reports say = what budgets and jobs counted. Prints what differs; exit 1 when anything does."""

from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.budgets.selectors import verify_windows
from apps.core.money import exact_usd
from apps.jobs.verifying import verify_costs
from apps.ledger.months import end_of_month
from apps.ledger.reports import Days
from apps.ledger.verifying import verify_books


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--month",
            metavar="YYYY-MM",
            help="Entries and jobs of this month of the reporting time zone; default: all. "
            "Budgets are always checked whole.",
        )

    def handle(self, *, month: str | None, **_: Any) -> None:
        zone = settings.REPORTING_TIME_ZONE
        days = Days(*_month(month), zone) if month else None
        start, end = days.bounds if days else (None, None)
        first, last = (days.first, days.last) if days else (None, None)
        faults = [str(fault) for fault in verify_books(zone=zone, first=first, last=last)]
        faults += [
            f"{difference.what}: {exact_usd(difference.recorded_pico)} USD recorded, "
            f"{exact_usd(difference.computed_pico)} USD computed."
            for difference in verify_windows()
        ]
        faults += [str(mismatch) for mismatch in verify_costs(start=start, end=end)]
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write(
            "Entries, lines, rollups, reports, budgets and jobs agree to the last pico-dollar."
        )


def _month(text: str) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise CommandError("--month takes a month such as 2026-05.") from error
    return first, end_of_month(first)
