"""Base classes of every admin page: bounded lists, read-only records, confirmed actions, cells."""

from apps.core.admin import accounts  # noqa: F401 - registers users and groups
from apps.core.admin.base import EmptyState, PlatformAdmin, PlatformAdminMixin, ReadOnlyAdmin
from apps.core.admin.cells import money, pill, short_time
from apps.core.admin.confirm import confirmed_action, decide_each
from apps.core.admin.reloading import reloaded

__all__ = [
    "EmptyState",
    "PlatformAdmin",
    "PlatformAdminMixin",
    "ReadOnlyAdmin",
    "confirmed_action",
    "decide_each",
    "money",
    "pill",
    "reloaded",
    "short_time",
]
