from apps.reconciliation.admin import lines, sources, statements  # noqa: F401
