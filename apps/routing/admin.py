"""Pages of routes with their targets in order."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import PlatformAdmin, confirmed_action, pill
from apps.routing.models import Route, RouteTarget
from apps.routing.services import (
    CANARY_PERCENT,
    NewTarget,
    promote_canary,
    set_targets,
    stand_in_faults,
    start_canary,
    stop_canary,
)
from apps.routing.types import Strategy


class TargetForm(forms.ModelForm[RouteTarget]):
    """`order` stands for the row's position, which is given anew when the route is saved: so two
    targets can change places."""

    order = forms.IntegerField(min_value=1, max_value=999, help_text="Lowest is tried first.")

    class Meta:
        model = RouteTarget
        fields = ("deployment", "weight", "canary_percent", "tags", "only_for")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["order"] = self.instance.position


class TargetFormSet(BaseInlineFormSet[RouteTarget, Route, forms.ModelForm[RouteTarget]]):
    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        targets = self.targets()
        if not targets:
            raise ValidationError("A route needs at least one deployment.")
        ordinary = [target for target in targets if not target.only_for]
        if ordinary and all(target.canary_percent for target in ordinary):
            raise ValidationError("At least one target must not be a canary.")
        if sum(target.canary_percent for target in targets) > 100:
            raise ValidationError("The canaries’ shares are more than 100 % together.")
        if faults := stand_in_faults(targets):
            raise ValidationError(faults)

    def targets(self) -> list[NewTarget]:
        """As they were put in order."""
        kept = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("deployment") and not form.cleaned_data.get("DELETE")
        ]
        return [
            NewTarget(
                row["deployment"],
                row["weight"],
                row["canary_percent"],
                tuple(row["tags"]),
                row["only_for"],
            )
            for row in sorted(kept, key=lambda row: row["order"])
        ]


class TargetInline(admin.TabularInline[RouteTarget, Route]):
    model = RouteTarget
    form = TargetForm
    formset = TargetFormSet
    fields = ("order", "deployment", "only_for", "weight", "canary_percent", "tags")
    autocomplete_fields = ("deployment",)
    extra = 1

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "deployment":
            # A route chooses among deployments; they are made and removed on their own pages.
            widget = field.widget
            widget.can_add_related = widget.can_change_related = widget.can_delete_related = False
        return field


@admin.register(Route)
class RouteAdmin(PlatformAdmin):
    list_display = ("slug", "name", "strategy", "goes_to", "stand_ins", "canary", "copies", "state")
    list_filter = ("active", "strategy", "hedge")
    list_select_related = ("shadow_deployment",)
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    palette_fields = ("slug",)
    inlines = (TargetInline,)
    autocomplete_fields = ("shadow_deployment", "shadow_payer")
    object_actions = ("explain", "start_canary", "promote_canary", "stop_canary")
    fieldsets = (
        (None, {"fields": ("slug", "name", "active", "strategy", "hedge")}),
        (
            "Shadow copies",
            {
                "classes": ("collapse",),
                "fields": ("shadow_deployment", "shadow_percent", "shadow_payer"),
                "description": "A share of calls is also sent to a candidate after they were "
                "answered. Callers neither see nor pay for it.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("targets__deployment")

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        """Only what can be done to the route as it stands."""
        links = super()._action_links(request, obj)
        if obj is None:
            return links
        has_canary = any(target.canary_percent for target in obj.targets.all())
        idle = {"Start canary"} if has_canary else {"Promote canary", "Stop canary"}
        return [(label, url) for label, url in links if label not in idle]

    @admin.display(description="Targets")
    def goes_to(self, route: Route) -> str:
        ordinary = [t for t in route.targets.all() if not t.canary_percent and not t.only_for]
        if route.strategy == Strategy.WEIGHTED:
            return ", ".join(f"{t.deployment.slug} ({t.weight})" for t in ordinary) or "–"
        between = " → " if route.strategy == Strategy.PRIORITY else ", "
        return between.join(target.deployment.slug for target in ordinary) or "–"

    @admin.display(description="Stand in")
    def stand_ins(self, route: Route) -> str:
        waiting = [target for target in route.targets.all() if target.only_for]
        named = (f"{t.deployment.slug} ({t.get_only_for_display().lower()})" for t in waiting)
        return ", ".join(named) or "–"

    @admin.display(description="Canary")
    def canary(self, route: Route) -> str:
        canaries = [target for target in route.targets.all() if target.canary_percent]
        return ", ".join(f"{t.deployment.slug} {t.canary_percent} %" for t in canaries) or "–"

    @admin.display(description="Copies to")
    def copies(self, route: Route) -> str:
        shadow = route.shadow_deployment if route.shadow_percent else None
        return f"{shadow.slug} {route.shadow_percent} %" if shadow else "–"

    @admin.display(description="State", ordering="active")
    def state(self, route: Route) -> SafeString:
        return pill("active", "ok") if route.active else pill("switched off", "warn")

    @admin.action(description="Explain", permissions=["view"])
    def explain(self, request: HttpRequest, queryset: QuerySet[Route]) -> HttpResponse:
        """What an example request would be sent to now, and why."""
        return HttpResponseRedirect(reverse("admin:route_explain", args=[queryset.get().slug]))

    @confirmed_action(
        description="Start canary",
        question=f"Send {CANARY_PERCENT} % of calls to the last target first?",
        button="Start canary",
    )
    def start_canary(self, request: HttpRequest, queryset: QuerySet[Route], reason: str) -> str:
        return self._change_canary(queryset, reason, start_canary, "is a canary now")

    @confirmed_action(
        description="Promote canary",
        question="Make the canary the first ordinary target?",
        button="Promote canary",
    )
    def promote_canary(self, request: HttpRequest, queryset: QuerySet[Route], reason: str) -> str:
        return self._change_canary(queryset, reason, promote_canary, "is the first target now")

    @confirmed_action(
        description="Stop canary",
        question="Take the canary out of the route? Running calls end.",
        button="Stop canary",
    )
    def stop_canary(self, request: HttpRequest, queryset: QuerySet[Route], reason: str) -> str:
        return self._change_canary(queryset, reason, stop_canary, "was taken out of the route")

    def _change_canary(self, queryset: QuerySet[Route], reason: str, change: Any, done: str) -> str:
        note_reason(reason)
        try:
            return f"{change(route=queryset.get())} {done}."
        except ValidationError as error:
            return f"Nothing changed. {' '.join(error.messages)}"

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        set_targets(route=form.instance, targets=formset.targets())
        # What the admin's own history asks a saved formset for.
        formset.new_objects = formset.changed_objects = formset.deleted_objects = []
