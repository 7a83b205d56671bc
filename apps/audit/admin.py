"""The audit log: every change of a tracked table, whoever made it, to read only."""

from typing import Any

import pghistory
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.models import AuditEntry
from apps.audit.reading import KINDS, context_of, cut, diff_of, usernames, who, whole_of
from apps.core.admin import EmptyState, ReadOnlyAdmin, pill, short_time


class AuditChangeList(ChangeList):
    """Fetches the differences and names only of the rows that are shown: working them out for
    the whole history at each look would take seconds."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        details = AuditEntry.objects.in_bulk([row.pk for row in rows])
        users = usernames(rows)
        for row in rows:
            row.pgh_diff = details[row.pk].pgh_diff
            row.pgh_data = details[row.pk].pgh_data
            row.actor = users.get(context_of(row).get("user"), "")
        self.result_list = rows


class TimeFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "time"


class TableFilter(admin.SimpleListFilter):
    title = "table"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tracked: set[Any] = {
            model.pgh_tracked_model  # type: ignore[attr-defined]
            for model in pghistory.core.event_models()
        }
        names = [(model._meta.label, str(model._meta.verbose_name)) for model in tracked]
        return sorted(names, key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() in dict(self.lookup_choices):
            return queryset.filter(pgh_obj_model=self.value())
        return queryset


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action_is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in KINDS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(pgh_label=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "action", "table", "object", "changes", "reason")
    list_display_links = ("at",)
    list_filter = (("pgh_created_at", TimeFilter), ActionFilter, TableFilter)
    ordering = ("-pgh_created_at", "-pgh_id")
    search_fields = ("pgh_obj_id",)
    search_help_text = "A user name, an object's id or a request id, in full."
    fields = readonly_fields = (
        "at",
        "who",
        "action",
        "table",
        "object",
        "reason",
        "request",
        "differences",
    )
    actions = None
    empty_state = EmptyState("Nothing has been changed yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return AuditEntry.objects.defer("pgh_diff", "pgh_data")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """With the columns that the list defers: a row of this view cannot be loaded again."""
        return AuditEntry.objects.filter(pk=object_id).first()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        match = Q(pgh_obj_id=term) | Q(pgh_context__request_id=term)
        user = get_user_model()._default_manager.filter(username=term).first()
        if user is not None:
            match |= Q(pgh_context__user=user.pk)
        return queryset.filter(match), False

    @admin.display(description="When", ordering="pgh_created_at")
    def at(self, event: Any) -> SafeString:
        return short_time(event.pgh_created_at)

    @admin.display(description="Who")
    def who(self, event: Any) -> str:
        actor = getattr(event, "actor", None)
        if actor is None:
            actor = usernames([event]).get(context_of(event).get("user"), "")
        return who(event, actor)

    @admin.display(description="Action")
    def action(self, event: Any) -> SafeString:
        return pill(event.pgh_label, KINDS.get(event.pgh_label, "quiet"))

    @admin.display(description="Table")
    def table(self, event: Any) -> str:
        return str(apps.get_model(event.pgh_obj_model)._meta.verbose_name)

    @admin.display(description="Object")
    def object(self, event: Any) -> str:
        data = event.pgh_data or {}
        return str(data.get("slug") or data.get("name") or event.pgh_obj_id)

    @admin.display(description="Changed")
    def changes(self, event: Any) -> SafeString:
        return format_html_join(
            "", "<div>{}: {} → {}</div>", ((name, cut(a), cut(b)) for name, a, b in diff_of(event))
        )

    @admin.display(description="Reason")
    def reason(self, event: Any) -> str:
        return str(context_of(event).get("reason", "")) or "–"

    @admin.display(description="Request")
    def request(self, event: Any) -> str:
        context = context_of(event)
        return f"{context.get('url', '–')} {context.get('request_id', '')}".strip()

    @admin.display(description="Before and after")
    def differences(self, event: Any) -> SafeString:
        rows = diff_of(event) if event.pgh_label == "update" else whole_of(event)
        return format_html(
            "<table><thead><tr><th>Field</th><th>Before</th><th>After</th></tr></thead>"
            "<tbody>{}</tbody></table>",
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows),
        )
