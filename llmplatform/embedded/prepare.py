"""Bring the database up to date and load the sample data, in one start of Django.

Started as `python -m llmplatform.embedded.prepare --credentials FILE`.
"""

import argparse
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import timezone


def main() -> None:
    parser = argparse.ArgumentParser(description="Migrate, and load the sample data once.")
    parser.add_argument("--credentials", type=Path, required=True)
    credentials = parser.parse_args().credentials
    django.setup()
    call_command("migrate", interactive=False)
    if not credentials.exists():
        _load_samples(credentials)
    from apps.ledger.partitions import make_months

    make_months(now=timezone.now())


def _load_samples(credentials: Path) -> None:
    """The file gets its name when it is whole: a start that was killed here begins anew."""
    partial = credentials.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    call_command("load_samples", credentials=str(partial))
    partial.replace(credentials)


if __name__ == "__main__":
    main()
