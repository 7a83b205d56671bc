"""The list of prompts: what it shows, finds and leaves out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Func, Q, QuerySet, TextField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core.admin import PlatformAdmin, money, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.prompts.admin.cells import compare_url, live_pills
from apps.prompts.models import Experiment, Prompt, PromptVersion, Release
from apps.prompts.selectors import (
    changed_last,
    last_changes,
    prompts_saying,
    prompts_with_state,
)
from apps.prompts.types import PromptKind
from apps.prompts.use import Use, uncalled, use_of

RECENT = timedelta(days=7)
UNUSED = timedelta(days=30)
CHOICES = 50  # of a filter
TERMS = 8  # of a search


class PromptList(ChangeList):
    """With the use of each prompt that a page shows, and when it was last changed."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown: list[Any] = list(self.result_list)
        found = use_of([row.slug for row in shown], since=timezone.now() - RECENT)
        changes = last_changes([row.pk for row in shown])
        for row in shown:
            row.use = found.get(row.slug, Use())
            row.changed_at = changes[row.pk]
        self.result_list = shown


class _Yes(ABC, admin.SimpleListFilter):
    """One that is either on or not there."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        return self.chosen(queryset) if self.value() == "yes" else queryset

    @abstractmethod
    def chosen(self, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        """Those of `queryset` that it lets through."""


class HasDraft(_Yes):
    title = "draft waiting"
    parameter_name = "draft"

    def chosen(self, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        drafts = PromptVersion.objects.filter(status="draft")
        return queryset.filter(pk__in=drafts.values("prompt_id"))


class HasExperiment(_Yes):
    title = "experiment running"
    parameter_name = "experiment"

    def chosen(self, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        running = Experiment.objects.filter(status="running")
        return queryset.filter(pk__in=running.values("prompt_id"))


class IsUnused(_Yes):
    title = "not called for 30 days"
    parameter_name = "unused"

    def chosen(self, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        return uncalled(queryset, since=timezone.now() - UNUSED)


class _OneOf(ABC, admin.SimpleListFilter):
    """Of the values that prompts have."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in sorted(set(self.values()))[:CHOICES]]

    @abstractmethod
    def values(self) -> Iterable[str]:
        """What can be chosen, in any order, once or more."""


class ModelFilter(_OneOf):
    """Of what is live, on whichever channel."""

    title = "live model"
    parameter_name = "model"

    def values(self) -> Iterable[str]:
        live = Release.objects.filter(ended_at=None).order_by()
        return live.values_list("version__model", flat=True).distinct()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        live = Release.objects.filter(ended_at=None, version__model=self.value())
        return queryset.filter(pk__in=live.values("prompt_id")) if self.value() else queryset


class OwnerFilter(_OneOf):
    title = "owner"
    parameter_name = "owner"

    def values(self) -> Iterable[str]:
        owners = Prompt.objects.exclude(owner="").order_by().values_list("owner", flat=True)
        return owners.distinct()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        return queryset.filter(owner=self.value()) if self.value() else queryset


class FolderFilter(_OneOf):
    title = "folder"
    parameter_name = "folder"

    def values(self) -> Iterable[str]:
        """Those that hold prompts, and those above them."""
        found = Prompt.objects.exclude(folder="").order_by().values_list("folder", flat=True)
        for folder in found.distinct():
            parts = folder.split("/")
            yield from ("/".join(parts[: depth + 1]) for depth in range(len(parts)))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        folder = self.value()
        inside = Q(folder=folder) | Q(folder__startswith=f"{folder}/")
        return queryset.filter(inside) if folder else queryset


class TagFilter(_OneOf):
    title = "tag"
    parameter_name = "tag"

    def values(self) -> Iterable[str]:
        each = Func(F("tags"), function="jsonb_array_elements_text", output_field=TextField())
        rows = Prompt.objects.order_by().values_list(each, flat=True)
        return rows.distinct()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> QuerySet[Prompt]:
        return queryset.filter(tags__contains=[self.value()]) if self.value() else queryset


class PromptListAdmin(PlatformAdmin):
    """The list's side of the prompts' admin."""

    list_display = (
        "title", "live", "draft", "calls", "errors", "p50", "owned", "changed",
    )  # fmt: skip
    list_filter = (
        HasDraft, HasExperiment, IsUnused, "kind", "archived",
        FolderFilter, TagFilter, OwnerFilter, ModelFilter,
    )  # fmt: skip
    search_fields = ("slug", "name", "description")
    search_help_text = "In names, descriptions, and messages that are live or newest."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PromptList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prompt]:
        return prompts_with_state()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Prompt], search_term: str
    ) -> tuple[QuerySet[Prompt], bool]:
        """Every word in one of the places."""
        for term in search_term.split()[:TERMS]:
            queryset = queryset.filter(_mentions(term))
        return queryset, False

    @admin.display(description="Prompt", ordering="slug")
    def title(self, prompt: Prompt) -> SafeString:
        name = prompt.name if prompt.name != prompt.slug else ""
        under = " · ".join(filter(None, (prompt.folder, name)))
        return format_html('{}<span class="p-under">{}</span>', prompt.slug, under)

    @admin.display(description="Live")
    def live(self, prompt: Any) -> SafeString:
        if prompt.kind == PromptKind.FRAGMENT:
            return pill("fragment", "info")
        running = [pill(f"experiment {row.slug}", "info") for row in prompt.running]
        return format_html_join(" ", "{}", ((one,) for one in (live_pills(prompt.live), *running)))

    @admin.display(description="Draft waiting")
    def draft(self, prompt: Any) -> SafeString | str:
        if not prompt.drafts:
            return NOTHING
        newest = prompt.drafts[-1]
        return format_html(
            '{} <a href="{}" aria-label="Compare {} v{} with live">compare</a>'
            '<span class="p-under">{}</span>',
            pill(", ".join(f"v{row.number}" for row in prompt.drafts), "warn"),
            compare_url(prompt.pk, new=newest),
            prompt.slug,
            newest.number,
            ", ".join(str(row.author) for row in prompt.drafts if row.author),
        )

    @admin.display(description="Owner, tags", ordering="owner")
    def owned(self, prompt: Prompt) -> SafeString | str:
        tags = ", ".join(map(str, prompt.tags))
        return format_html('{}<span class="p-under">{}</span>', prompt.owner or NOTHING, tags)

    @admin.display(description="Calls, cost 7 d")
    def calls(self, prompt: Any) -> SafeString | str:
        if not prompt.use.calls:
            return NOTHING
        calls, cost = f"{prompt.use.calls:,}", money(prompt.use.cost_pico)
        return format_html('{}<span class="p-under">{}</span>', calls, cost)

    @admin.display(description="No answer")
    def errors(self, prompt: Any) -> str:
        return f"{prompt.use.failed_share:.1%}" if prompt.use.calls else NOTHING

    @admin.display(description="p50")
    def p50(self, prompt: Any) -> str:
        milliseconds = prompt.use.p50_ms
        if milliseconds is None:
            return NOTHING
        if milliseconds < 1000:
            return f"{milliseconds:,.0f}\N{NO-BREAK SPACE}ms"
        return f"{milliseconds / 1000:,.1f}\N{NO-BREAK SPACE}s"

    @admin.display(description="Last changed", ordering=changed_last())
    def changed(self, prompt: Any) -> str:
        return short_time(prompt.changed_at)


def _mentions(term: str) -> Q:
    named = Q(slug__icontains=term) | Q(name__icontains=term) | Q(description__icontains=term)
    return named | Q(pk__in=prompts_saying(term).values("prompt_id"))
