"""Bring the database up to date and load the sample data, in one start of Django.

Started as `python -m llmplatform.embedded.prepare --credentials FILE`.
"""

import argparse
from pathlib import Path

import django
from django.core.management import call_command, get_commands


def main() -> None:
    parser = argparse.ArgumentParser(description="Migrate, and load the sample data once.")
    parser.add_argument("--credentials", type=Path, required=True)
    credentials = parser.parse_args().credentials
    django.setup()
    call_command("migrate", interactive=False)
    if not credentials.exists() and "load_samples" in get_commands():
        call_command("load_samples", credentials=str(credentials))


if __name__ == "__main__":
    main()
