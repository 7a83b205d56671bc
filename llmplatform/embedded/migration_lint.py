"""Run django-migration-linter over our own apps, without making it a part of the product.

Started as `python -m llmplatform.embedded.migration_lint`; exit code 1 when a migration would break
the code that still runs while it is applied.
"""

import sys

import django
from django.apps import apps
from django_migration_linter import MigrationLinter

# Looked at by a person, because the linter cannot see what makes them safe.
SAFE = {
    "0005_batch_indexes": "unique over columns that are new and empty; built concurrently, alone",
    "0005_monthly_partitions": "the table that goes comes back, under lock, with the same columns "
    "and rights; what still runs writes the same rows, and a trigger their keys",
    "0008_conflicting_usage": "the kind of an entry gets longer: Postgres only notes it, rewrites "
    "nothing, and what still runs writes the shorter ones",
    "0005_price_tiers_and_steps": "a unique key of more columns takes the place of a stricter one, "
    "on proposals of prices: a small table that no call touches",
    "0003_wide_sums": "older code would fail on the wider numbers, but none was ever released: "
    "stop the processes of an earlier build first",
}


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
