"""Run django-migration-linter over our own apps, without making it a part of the product.

Started as `python -m llmplatform.embedded.migration_lint`; exit code 1 when a migration would break
the code that still runs while it is applied.
"""

import sys

import django
from django.apps import apps
from django_migration_linter import MigrationLinter

# Looked at by a person, because the linter cannot see what makes them safe.
SAFE: dict[str, str] = {}  # name of a migration: why it is safe


def main() -> int:
    django.setup()
    ours = [config.label for config in apps.get_app_configs() if config.name.startswith("apps.")]
    # An app's first migration makes tables that no running code knows yet.
    linter = MigrationLinter(
        include_apps=ours, no_cache=True, ignore_initial_migrations=True, ignore_name=list(SAFE)
    )
    linter.lint_all_migrations()
    linter.print_summary()
    return 1 if linter.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
