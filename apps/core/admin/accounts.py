"""Users and groups of the stock admin, with the platform's lists and palette."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from apps.core.admin.base import PlatformAdminMixin

admin.site.unregister([User, Group])


@admin.register(User)
class PlatformUserAdmin(PlatformAdminMixin, UserAdmin):  # type: ignore[type-arg]
    palette_fields = ("username",)


@admin.register(Group)
class PlatformGroupAdmin(PlatformAdminMixin, GroupAdmin):
    palette_fields = ("name",)
