"""The usage ledger: every amount with the sum that it is."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin
from apps.core.admin.cells import NOTHING, short_time
from apps.core.money import exact_usd
from apps.ledger.admin.cells import entry_kind, link, price_lines
from apps.ledger.admin.filters import ModelFilter, ServiceFilter, time_filter
from apps.ledger.models import Entry


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = (
        "booked",
        "kind_pill",
        "service",
        "model",
        "prompt_name",
        "tokens_in",
        "tokens_out",
        "exact",
        "request_id",
    )
    list_filter = (time_filter("at"), "kind", "purpose", ServiceFilter, ModelFilter)
    list_display_links = ("booked",)
    search_fields = ("request_id__exact",)
    search_help_text = "A request id, in full; looks at all times."
    palette_fields = ("request_id",)
    actions = None
    empty_state = EmptyState("Nothing was booked in this time. Calls appear here as they end.")
    readonly_fields = (
        "booked",
        "kind_pill",
        "exact",
        "saved",
        "tag_list",
        "sum",
        "tokens_in",
        "tokens_out",
        "attempt_link",
        "reverses_link",
        "reversed_by_link",
    )
    fieldsets = (
        (None, {"fields": ("kind_pill", "booked", "exact", "saved", "sum")}),
        ("Use", {"fields": ("tokens_in", "tokens_out", "model", "provider", "deployment")}),
        ("For whom", {"fields": ("service", "team", "cost_center", "tag_list")}),
        ("For what", {"fields": ("prompt_name", "arm", "request_id", "job_id", "attempt_link")}),
        ("Correction", {"fields": ("reverses_link", "reversed_by_link", "reason", "actor")}),
    )

    @admin.display(description="Time", ordering="at")
    def booked(self, entry: Entry) -> SafeString:
        return short_time(entry.at)

    @admin.display(description="Kind", ordering="kind")
    def kind_pill(self, entry: Entry) -> SafeString:
        return entry_kind(entry)

    @admin.display(description="Prompt", ordering="prompt")
    def prompt_name(self, entry: Entry) -> str:
        return f"{entry.prompt} v{entry.prompt_version}" if entry.prompt else NOTHING

    @admin.display(description="Tokens in")
    def tokens_in(self, entry: Entry) -> str:
        return f"{entry.input_tokens:,}"

    @admin.display(description="Tokens out")
    def tokens_out(self, entry: Entry) -> str:
        return f"{entry.output_tokens:,}"

    @admin.display(description="Cost, USD", ordering="amount_pico")
    def exact(self, entry: Entry) -> SafeString:
        return format_html('<span class="l-num">{}</span>', exact_usd(entry.amount_pico))

    @admin.display(description="Tags")
    def tag_list(self, entry: Entry) -> str:
        return ", ".join(entry.tags) or NOTHING

    @admin.display(description="Saved by the cache, USD")
    def saved(self, entry: Entry) -> str:
        return exact_usd(entry.avoided_pico) if entry.avoided_pico else NOTHING

    @admin.display(description="Price lines")
    def sum(self, entry: Entry) -> SafeString:
        return price_lines(entry)

    @admin.display(description="Attempt")
    def attempt_link(self, entry: Entry) -> SafeString:
        return link(entry.attempt)

    @admin.display(description="Reverses")
    def reverses_link(self, entry: Entry) -> SafeString:
        return link(entry.reverses)

    @admin.display(description="Reversed by")
    def reversed_by_link(self, entry: Entry) -> SafeString:
        return link(Entry.objects.filter(reverses=entry).first())
