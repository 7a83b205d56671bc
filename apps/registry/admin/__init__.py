"""Pages of the registry."""

from apps.registry.admin import catalogue, prices, proposals  # noqa: F401 - they register
