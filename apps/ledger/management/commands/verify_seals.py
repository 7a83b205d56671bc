"""Compare the seals of all closed months with their entries. Ends with 1 where one differs: an
entry was changed, added, removed or dated elsewhere, or a month is missing."""

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.one_view import one_view
from apps.ledger.models import Period
from apps.ledger.sealing import verify_seals


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--last",
            default="",
            metavar="SEAL",
            help="The newest seal, as you keep it outside of this database: without it, months "
            "that were cut off at the end together with their rows would not be missed.",
        )

    def handle(self, *, last: str, **_: Any) -> None:
        if last and not re.fullmatch("[0-9a-f]{64}", last):
            raise CommandError("--last: a seal is 64 digits of 0-9 and a-f.")
        with one_view():
            faults = verify_seals(last_seal=last)
            newest = Period.objects.exclude(seal="").order_by("month").last()
        if faults:
            raise CommandError("\n".join(map(str, faults)))
        if newest is None:
            self.stdout.write("No month is closed yet.")
        else:
            self.stdout.write(f"All seals hold. The newest, of {newest}, is {newest.seal}.")
