"""Base of the commands that scripts use to make configuration."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.core.upsert import fault_lines


class ConfigCommand(BaseCommand):
    """Does one thing in one transaction, prints what came of it as text or, with `--json`, as one
    JSON object, and fails with all faults at once."""

    @abstractmethod
    def run(self, **options: Any) -> Mapping[str, Any]:
        """The change. What it returns is printed. May raise `ValidationError`, `ValueError`."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, **options: Any) -> None:
        try:
            with transaction.atomic():
                result = self.run(**options)
        except ValidationError as error:
            raise CommandError("\n".join(fault_lines(error))) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result) if options["json"] else self.as_text(result))

    def as_text(self, result: Mapping[str, Any]) -> str:
        return "\n".join(f"{name}: {value}" for name, value in result.items())
