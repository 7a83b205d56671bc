"""Pages of teams, cost centres, tiers, services and their keys."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.access.models import ApiKey, CostCenter, Service, Team, Tier
from apps.access.services import issue_key, revoke_key
from apps.audit.history import note_reason
from apps.core.admin import PlatformAdmin, confirmed_action, pill, short_time


@admin.register(Team, CostCenter)
class NamedAdmin(PlatformAdmin):
    list_display = ("slug", "name", "created")
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    palette_fields = ("slug",)

    @admin.display(ordering="created_at")
    def created(self, row: Team) -> SafeString:
        return short_time(row.created_at)


@admin.register(Tier)
class TierAdmin(PlatformAdmin):
    list_display = ("slug", "name", "requests", "burst", "tokens", "concurrent", "importance")
    search_fields = ("slug__startswith", "name__istartswith")
    palette_fields = ("slug",)

    @admin.display(description="Requests a second", ordering="requests_per_second")
    def requests(self, tier: Tier) -> str:
        return _limit(tier.requests_per_second)

    @admin.display(description="Tokens a minute", ordering="tokens_per_minute")
    def tokens(self, tier: Tier) -> str:
        return _limit(tier.tokens_per_minute)

    @admin.display(description="Calls at once", ordering="concurrent_calls")
    def concurrent(self, tier: Tier) -> str:
        return _limit(tier.concurrent_calls)


def _limit(value: int) -> str:
    return f"{value:,}" if value else "unlimited"


@admin.register(Service)
class ServiceAdmin(PlatformAdmin):
    list_display = ("slug", "name", "team", "cost_center", "tier", "state")
    list_select_related = ("team", "cost_center", "tier")
    list_filter = ("active", "team", "cost_center", "tier")
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    autocomplete_fields = ("team", "cost_center", "tier")
    palette_fields = ("slug",)

    @admin.display(description="State", ordering="active")
    def state(self, service: Service) -> SafeString:
        return pill("active", "ok") if service.active else pill("switched off", "warn")


class KeyStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Usable"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        if self.value() == "revoked":
            return queryset.exclude(revoked_at=None)
        if self.value() == "usable":
            return queryset.filter(revoked_at=None).exclude(expires_at__lte=timezone.now())
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(PlatformAdmin):
    """Keys are issued and revoked. The key itself is shown once, on the page after it was made."""

    list_display = ("shown", "name", "service", "state", "created", "expires")
    list_select_related = ("service",)
    list_filter = (KeyStateFilter, "service")
    search_fields = ("prefix__startswith", "name__istartswith", "service__slug__startswith")
    search_help_text = "Beginning of the key (after llmp_), its name or its service."
    autocomplete_fields = ("service",)
    palette_fields = ("prefix",)
    actions = ("revoke",)
    object_actions = ("revoke",)

    @admin.display(description="Key", ordering="prefix")
    def shown(self, key: ApiKey) -> str:
        return f"llmp_{key.prefix}_…"

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked_at is not None:
            return pill("revoked", "bad")
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return pill("expired", "warn")
        return pill("usable", "ok")

    @admin.display(ordering="created_at")
    def created(self, key: ApiKey) -> SafeString:
        return short_time(key.created_at)

    @admin.display(ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString:
        return short_time(key.expires_at)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ("service", "name", "expires_at")
        return ("shown", "service", "name", "state", "created_at", "expires_at", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(name for name in self.get_fields(request, obj) if obj and name != "name")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a revoked key stays, so that its past calls keep a name

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        row, key = issue_key(service=obj.service, name=obj.name, expires_at=obj.expires_at)
        obj.pk, obj.prefix, obj.issued_key = row.pk, row.prefix, key

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The only page that ever shows the key. It is the answer itself, not a redirect: the key
        is kept nowhere between two requests."""
        context = self.admin_site.each_context(request) | {
            "title": "API key issued",
            "opts": self.opts,
            "row": obj,
            "key": obj.issued_key,
            "gateway_url": settings.GATEWAY_URL,
        }
        response = TemplateResponse(request, "admin/access/apikey/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @confirmed_action(
        description="Revoke",
        question="Revoke these keys? Calls with them are refused within a second.",
        button="Revoke",
    )
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey], reason: str) -> str:
        note_reason(reason)
        keys = list(queryset)
        for key in keys:
            revoke_key(key=key, now=timezone.now())
        return f"Revoked: {', '.join(str(key) for key in keys)}."
