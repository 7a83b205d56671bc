"""Addresses outside the platform that costs may be mailed to."""

from django.contrib import admin

from apps.core.admin import EmptyState, PlatformAdmin
from apps.finance.models import MailAddress


@admin.register(MailAddress)
class MailAddressAdmin(PlatformAdmin):
    list_display = ("address", "note", "updated_at")
    fields = ("address", "note")
    empty_state = EmptyState(
        "Costs are mailed to people of the platform. An address that an administrator adds here "
        "can be chosen, too; whoever reads mail there sees costs without signing in.",
        "Saved views",
        "admin:finance_savedview_changelist",
    )
