"""“Cache” for operators: what it answers and saves, what was dropped and why; and its rules."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from apps.access.models import Service
from apps.cache.models import CacheRule, Invalidation
from apps.cache.selectors import shares, total
from apps.cache.services import check, invalidate
from apps.cache.types import EVERY_SERVICE, Handle, Scope
from apps.core.admin import EmptyState, PlatformAdmin, ReadOnlyAdmin, pill, short_time
from apps.core.clock import db_now

DAYS = 30
_GROUPS = {"prompt": "Prompt", "model": "Model", "service": "Service"}


@admin.register(CacheRule)
class CacheRuleAdmin(PlatformAdmin):
    list_display = ("about", "ttl_seconds", "stale_seconds", "similar", "updated_at")
    list_select_related = ("prompt", "service", "similar_model")
    autocomplete_fields = ("prompt", "service")
    fieldsets = (
        (None, {"fields": ("prompt", "service", "ttl_seconds", "stale_seconds")}),
        (
            "Similar questions",
            {"fields": ("similar_variable", "similar_model", "similar_from")},
        ),
    )

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in (*self.autocomplete_fields, "similar_model"):
            # A rule is about what there is; prompts and services are made on their own pages.
            widget = field.widget
            widget.can_add_related = widget.can_change_related = widget.can_delete_related = False
            widget.can_view_related = False
        return field

    @admin.display(description="Rule")
    def about(self, rule: CacheRule) -> str:
        return str(rule)

    @admin.display(description="Similar questions")
    def similar(self, rule: CacheRule) -> str:
        return f"from {rule.similar_from}" if rule.similar_model else "no"


class InvalidationForm(forms.ModelForm[Invalidation]):
    """What to drop, and why."""

    service = forms.ModelChoiceField(
        Service.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        empty_label="every service",
        help_text="Only prompts and models can be dropped for every service.",
    )
    handle = forms.ChoiceField(
        label="By", choices=[(handle.value, handle.label) for handle in Handle]
    )
    name = forms.CharField(
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="The tag, the prompt's or model's short name, or the key; empty for “Service”.",
    )
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})
    )

    class Meta:
        model = Invalidation
        fields = ("handle", "name", "reason")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check(scope=self.scope(), reason=values["reason"])
            except ValidationError as error:
                for name, texts in error.message_dict.items():
                    self.add_error(name, texts)
        return values

    def scope(self) -> Scope:
        values = self.cleaned_data
        tenant = values["service"].slug if values["service"] else EVERY_SERVICE
        return Scope(tenant, Handle(values["handle"]), values["name"])


class HandleFilter(admin.ChoicesFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "handle"


@admin.register(Invalidation)
class InvalidationAdmin(ReadOnlyAdmin):
    form = InvalidationForm
    list_display = ("dropped", "tenant", "reason", "actor", "when", "state")
    list_filter = (("handle", HandleFilter),)
    search_fields = ("name__startswith",)
    search_help_text = "Beginning of the tag, prompt, model or key."
    empty_state = EmptyState("Nothing was dropped from the cache yet.")
    _SHOWN = ("dropped", "tenant", "reason", "actor", "when", "state")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("cache.add_invalidation"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        since = db_now() - timedelta(days=DAYS)
        tables = [
            (label, shares(dimension=dimension, since=since))
            for dimension, label in _GROUPS.items()
        ]
        figures = {"title": "Cache", "days": DAYS, "tables": tables, "total": total(tables[0][1])}
        return super().changelist_view(request, figures | (extra_context or {}))

    def get_fields(self, request: HttpRequest, obj: Invalidation | None = None) -> Any:
        return ("service", "handle", "name", "reason") if obj is None else self._SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Invalidation | None = None) -> Any:
        return () if obj is None else self._SHOWN

    def save_model(self, request: HttpRequest, obj: Invalidation, form: Any, change: bool) -> None:
        made = invalidate(
            scope=form.scope(),
            reason=form.cleaned_data["reason"],
            actor=request.user.get_username(),
            now=db_now(),
        )
        obj.__dict__.update(made.__dict__)

    @admin.display(description="Dropped")
    def dropped(self, row: Invalidation) -> str:
        return f"{row.get_handle_display()}: {row.name}" if row.name else "Everything"

    @admin.display(description="When", ordering="at")
    def when(self, row: Invalidation) -> SafeString:
        return short_time(row.at)

    @admin.display(description="In force")
    def state(self, row: Invalidation) -> SafeString:
        return pill("at once", "ok") if row.at_once else pill("within 1 s, everything", "warn")
