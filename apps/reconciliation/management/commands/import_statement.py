"""Import what a provider bills, from its export of costs. Says what it holds and how it compares;
--dry-run keeps nothing."""

from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.core.clock import db_now
from apps.core.money import exact_usd
from apps.reconciliation.errors import FileRefused, ReconciliationRefused
from apps.reconciliation.models import Statement
from apps.reconciliation.selectors import found_in
from apps.reconciliation.services.importing import Upload, draft_statement, import_statement
from apps.reconciliation.types import ABOUT
from apps.registry.models import Provider


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV of costs.")
        parser.add_argument("--provider", required=True, metavar="SLUG")
        parser.add_argument("--usage", type=Path, help="OpenAI's CSV of usage of the same days.")
        parser.add_argument("--from", type=date.fromisoformat, dest="first", metavar="DAY")
        parser.add_argument("--to", type=date.fromisoformat, dest="last", metavar="DAY")
        parser.add_argument("--dry-run", action="store_true", help="Keep nothing.")

    def handle(self, *, provider: str, dry_run: bool, **options: Any) -> None:
        found = Provider.objects.filter(slug=provider).first()
        if found is None:
            raise CommandError(f"There is no provider “{provider}”.")
        try:
            with transaction.atomic():
                self.stdout.write(self._imported(found, options))
                transaction.set_rollback(dry_run)
        except (FileRefused, ReconciliationRefused, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Nothing was kept." if dry_run else "Imported.")

    def _imported(self, provider: Provider, options: dict[str, Any]) -> str:
        with ExitStack() as stack:
            draft = draft_statement(
                provider=provider,
                costs=_opened(stack, options["file"]),
                usage=_opened(stack, options["usage"]) if options["usage"] else None,
                first=options["first"],
                last=options["last"],
                by=None,
                now=db_now(),
            )
        return _said(import_statement(statement_id=draft.pk, now=db_now()))


def _opened(stack: ExitStack, path: Path) -> Upload:
    return Upload(path.name, stack.enter_context(path.open("rb")))


def _said(statement: Statement) -> str:
    found = found_in(statement, {})
    sums = [("Ours", statement.ours_pico)]
    sums += [(ABOUT[column][0], amount) for column, amount in found.columns.items() if amount]
    sums += [("Theirs", statement.theirs_pico)]
    lines = [f"{label:15} {exact_usd(amount):>24}" for label, amount in sums]
    return "\n".join([f"{statement}: {found.compared:,} lines compared.", *lines])
