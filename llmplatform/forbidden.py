"""403 with the admin's look: which right is missing, who has it, and whom to ask."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views import defaults

from apps.access.roles import ROLES
from apps.core.rights import RightMissing

_NAMED = 5  # people
_OF_ADMIN = {"add": "add", "delete": "delete"}  # what other pages of a model need is to see it


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler403`. The REST API answers its refusals itself."""
    user = request.user
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return defaults.permission_denied(request, exception)
    missing = exception.permission if isinstance(exception, RightMissing) else _of_model(request)
    context = admin.site.each_context(request) | {
        "title": "This page is not for your role",
        "missing": _in_words(missing) if missing else "",
        "roles": [name for name, rights in ROLES.items() if missing in rights],
        "mine": user.groups.order_by("name"),
        "people": _who_gives_roles(),
    }
    return render(request, "admin/403.html", context, status=403)


def _of_model(request: HttpRequest) -> str:
    """The right that a page of a model needs at least. Empty: it is none of a model, or who asks
    has that one, and lacks another."""
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    for model in admin.site._registry:
        app, of = model._meta.app_label, model._meta.model_name
        if name.startswith(f"{app}_{of}_"):
            action = _OF_ADMIN.get(name.removeprefix(f"{app}_{of}_"), "view")
            needed = f"{app}.{action}_{of}"
            return "" if request.user.has_perm(needed) else needed
    return ""


def _in_words(permission: str) -> str:
    app, _, codename = permission.partition(".")
    found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    return found.name if found else permission


def _who_gives_roles() -> list[str]:
    people: Any = get_user_model()._default_manager.filter(is_superuser=True, is_active=True)
    return list(people.order_by("username").values_list("username", flat=True)[:_NAMED])
