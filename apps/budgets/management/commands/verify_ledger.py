"""Check that budgets agree with the ledger and that no entry is broken. Exit 1 when they don't."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.budgets.selectors import verify_windows
from apps.core.money import exact_usd
from apps.ledger.selectors import broken_entries


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, **options: Any) -> None:
        faults = [f"Entry {entry.entry_id}: {entry.fault}." for entry in broken_entries()]
        faults += [
            f"{difference.what}: {exact_usd(difference.recorded_pico)} USD recorded, "
            f"{exact_usd(difference.computed_pico)} USD computed."
            for difference in verify_windows()
        ]
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write("The ledger and all budget windows agree to the last pico-dollar.")
