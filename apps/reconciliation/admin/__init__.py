from apps.reconciliation.admin import lines, sources, statements, waivers  # noqa: F401
