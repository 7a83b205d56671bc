"""`manage.py check_focus FILE`: does a file keep the rules of FOCUS 1.4?"""

from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.exports.focus_check import check

SHOWN = 100


class Command(BaseCommand):
    help = "Checks a CSV file against the rules of FOCUS 1.4, dataset Cost and Usage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="A CSV file, UTF-8.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with file.open(encoding="utf-8", newline="") as lines:
                faults = list(islice(check(lines), SHOWN + 1))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        for fault in faults[:SHOWN]:
            self.stdout.write(str(fault))
        if faults:
            more = f"More than {SHOWN}" if len(faults) > SHOWN else str(len(faults))
            raise CommandError(f"{more} faults.")
        self.stdout.write("It keeps the rules that a file can be checked for.")
