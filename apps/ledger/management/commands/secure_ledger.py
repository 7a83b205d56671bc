"""Let the role of the processes only read and add to the ledger. Run it after each `migrate`, as
the owner of the tables, and connect the processes as that role (DATABASE_ROLE)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.ledger.grants import Unsuitable, secure_ledger


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", metavar="ROLE", help="Made, without login, if missing.")

    def handle(self, *, role: str, **_: Any) -> None:
        try:
            secure_ledger(role=role)
        except Unsuitable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{role} can read and add to the ledger, and change nothing in it.")
