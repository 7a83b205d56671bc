"""Suites with their checks."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, PlatformAdmin, short_time
from apps.evals.admin.forms import text_area
from apps.evals.models import Assertion, Suite


class AssertionInline(admin.StackedInline[Assertion, Suite]):
    model = Assertion
    extra = 0
    verbose_name = "check"
    verbose_name_plural = "checks"
    autocomplete_fields = ("judge",)
    formfield_overrides = {models.TextField: {"widget": text_area(3)}}
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "negate"),
                    "value",
                    ("path", "minimum", "maximum"),
                    ("threshold", "weight"),
                    "judge",
                    ("label", "position"),
                )
            },
        ),
    )

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj is not None and obj.assertions.exists() else 1


@admin.register(Suite)
class SuiteAdmin(PlatformAdmin):
    list_display = ("slug", "name", "checks", "mark", "changed")
    search_fields = ("slug", "name")
    palette_fields = ("slug",)
    fields = ("slug", "name", "description", "threshold")
    inlines = (AssertionInline,)
    formfield_overrides = {models.TextField: {"widget": text_area(2)}}
    change_form_template = "admin/evals/suite/change_form.html"
    empty_state = EmptyState(
        "A suite is a list of checks that every answer of a run must stand.",
        "Create your first suite",
        "admin:evals_suite_add",
    )

    class Media:
        css = {"all": ["evals/evals.css"]}
        js = ("evals/suite.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Suite]:
        rows: QuerySet[Suite] = super().get_queryset(request)
        return rows.annotate(count=Count("assertions"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    @admin.display(description="Checks")
    def checks(self, suite: Any) -> int:
        return int(suite.count)

    @admin.display(description="Passes from", ordering="threshold")
    def mark(self, suite: Suite) -> str:
        return f"{suite.threshold:.0%}"

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, suite: Suite) -> SafeString:
        return short_time(suite.updated_at)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        messages.success(request, f"{obj} is there. Run it from a dataset’s page.")
        return HttpResponseRedirect(self._change_url(obj))
