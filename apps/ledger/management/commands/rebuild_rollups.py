"""Make the sums that reports read anew from the ledger's entries, for some days or for all time."""

from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.ledger.posting import rebuild_all, rebuild_days


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", type=date.fromisoformat, dest="first", metavar="DAY")
        parser.add_argument("--to", type=date.fromisoformat, dest="last", metavar="DAY")
        parser.add_argument(
            "--after-restore",
            action="store_true",
            help="After pg_restore into another cluster, whose transactions have other numbers. "
            "Runs as the owner of the tables; calls wait meanwhile.",
        )

    def handle(self, *, first: date | None, last: date | None, **options: Any) -> None:
        zone, restored = settings.REPORTING_TIME_ZONE, options["after_restore"]
        if first is None and last is None:
            count = rebuild_all(zone=zone, after_restore=restored)
            self.stdout.write(f"{count:,} entries posted, days of {zone}.")
        elif first is None or last is None or last < first or restored:
            raise CommandError("Give --from and --to, in order, or neither.")
        else:
            rebuild_days(first=first, last=last, zone=zone)
            self.stdout.write(f"The days from {first} to {last} of {zone} are made anew.")
