"""Pages of routes with their targets in order."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.core.admin import PlatformAdmin, pill
from apps.registry.models import Deployment
from apps.routing.models import Route, RouteTarget
from apps.routing.services import set_targets


class TargetForm(forms.ModelForm[RouteTarget]):
    """`order` stands for the row's position, which is given anew when the route is saved: so two
    targets can change places."""

    order = forms.IntegerField(min_value=1, max_value=999, help_text="Lowest is tried first.")

    class Meta:
        model = RouteTarget
        fields = ("deployment",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["order"] = self.instance.position


class TargetFormSet(BaseInlineFormSet[RouteTarget, Route, forms.ModelForm[RouteTarget]]):
    def clean(self) -> None:
        super().clean()
        if not any(self.errors) and not self.deployments():
            raise ValidationError("A route needs at least one deployment.")

    def deployments(self) -> list[Deployment]:
        """As they were put in order."""
        kept = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("deployment") and not form.cleaned_data.get("DELETE")
        ]
        return [row["deployment"] for row in sorted(kept, key=lambda row: row["order"])]


class TargetInline(admin.TabularInline[RouteTarget, Route]):
    model = RouteTarget
    form = TargetForm
    formset = TargetFormSet
    fields = ("order", "deployment")
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
    list_display = ("slug", "name", "goes_to", "state")
    list_filter = ("active",)
    search_fields = ("slug__startswith", "name__istartswith")
    search_help_text = "Beginning of the short name or the name."
    palette_fields = ("slug",)
    inlines = (TargetInline,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("targets__deployment")

    @admin.display(description="Tries")
    def goes_to(self, route: Route) -> str:
        return " → ".join(target.deployment.slug for target in route.targets.all()) or "–"

    @admin.display(description="State", ordering="active")
    def state(self, route: Route) -> SafeString:
        return pill("active", "ok") if route.active else pill("switched off", "warn")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        set_targets(route=form.instance, deployments=formset.deployments())
        # What the admin's own history asks a saved formset for.
        formset.new_objects = formset.changed_objects = formset.deleted_objects = []
