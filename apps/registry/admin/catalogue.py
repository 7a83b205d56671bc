"""Providers, models and deployments, with their switches."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import PlatformAdmin, confirmed_action, short_time
from apps.registry.admin.cells import per_million, step, switch, validity
from apps.registry.models import Deployment, Model, Price, Provider
from apps.registry.services import set_active


class SwitchableAdmin(PlatformAdmin):
    """What can be drained: new calls go elsewhere, running ones end."""

    actions = ("drain", "enable")
    object_actions = ("drain", "enable")

    @admin.display(description="State", ordering="active")
    def state(self, row: Provider | Model | Deployment) -> SafeString:
        return switch(row.active)

    @confirmed_action(
        description="Drain",
        question="Drain? New calls go elsewhere within a second, running ones end.",
        button="Drain",
    )
    def drain(self, request: HttpRequest, queryset: QuerySet[Any], reason: str) -> str:
        note_reason(reason)
        return f"{set_active(rows=queryset, active=False)} drained."

    @confirmed_action(
        description="Enable", question="Let new calls go there again?", button="Enable"
    )
    def enable(self, request: HttpRequest, queryset: QuerySet[Any], reason: str) -> str:
        note_reason(reason)
        return f"{set_active(rows=queryset, active=True)} enabled."


class ReadOnlyInline(admin.TabularInline[Any, Any]):
    """Rows to look at; they have pages of their own to work on."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeploymentInline(ReadOnlyInline):
    model = Deployment
    fields = ("slug", "provider", "model", "upstream_name", "region", "priority", "active")


@admin.register(Provider)
class ProviderAdmin(SwitchableAdmin):
    list_display = ("slug", "name", "vendor", "base_url", "secret", "state")
    list_filter = ("active", "vendor")
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    palette_fields = ("slug",)
    inlines = (DeploymentInline,)

    @admin.display(description="Key is in", ordering="secret_ref")
    def secret(self, provider: Provider) -> str:
        return provider.secret_ref or "none needed"


@admin.register(Model)
class ModelAdmin(SwitchableAdmin):
    list_display = ("slug", "name", "kind", "context_window", "max_output_tokens", "state")
    list_filter = (
        "active",
        "kind",
        "tokenizer",
        "supports_tools",
        "supports_json_schema",
        "supports_images",
    )
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    palette_fields = ("slug",)
    inlines = (DeploymentInline,)


class PriceInline(ReadOnlyInline):
    model = Price
    fields = (
        "usage_class",
        "service_tier",
        "step",
        "per_million",
        "begins",
        "ends",
        "state",
        "source",
    )
    readonly_fields = ("step", "per_million", "begins", "ends", "state")
    verbose_name_plural = "prices (a new one is added in the price list)"

    @admin.display(description="From tokens")
    def step(self, price: Price) -> SafeString:
        return step(price)

    @admin.display(description="USD a million")
    def per_million(self, price: Price) -> SafeString:
        return per_million(price.price_pico, price.per_block)

    def begins(self, price: Price) -> SafeString:
        return short_time(price.valid.lower)

    def ends(self, price: Price) -> SafeString:
        return short_time(price.valid.upper)

    def state(self, price: Price) -> SafeString:
        return validity(price.valid, now=timezone.now())


@admin.register(Deployment)
class DeploymentAdmin(SwitchableAdmin):
    list_display = ("slug", "provider", "model", "upstream_name", "region", "priority", "state")
    list_select_related = ("provider", "model")
    list_filter = ("active", "provider", "model")
    search_fields = ("slug__startswith", "name__istartswith", "upstream_name__startswith")
    search_help_text = "Beginning of the short name, the name or the name at the provider."
    autocomplete_fields = ("provider", "model")
    palette_fields = ("slug",)
    inlines = (PriceInline,)
