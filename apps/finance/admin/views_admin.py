"""Saved views: saving one from the cost report, and the list of them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.core.admin import EmptyState, PlatformAdmin
from apps.core.rights import needs
from apps.finance.admin.pages import asked
from apps.finance.models import SavedView
from apps.finance.selectors import views_for
from apps.finance.services import save_view


@require_POST
@needs("finance.add_savedview")
def save(request: HttpRequest) -> HttpResponse:
    """Keeps the question of the page that it comes from, and goes back there."""
    parsed = asked(QueryDict(request.POST.get("address", "")), timezone.now())
    if parsed.faults:
        messages.error(request, "Not saved. Correct the question first.")
    else:
        _save(request, parsed.query)
    return HttpResponseRedirect(f"{reverse('admin:costs')}?{parsed.query.address}")


def _save(request: HttpRequest, query: Any) -> None:
    user: Any = request.user
    try:
        kept = save_view(
            name=request.POST.get("name", "").replace("\0", ""),
            query=query,
            is_shared="is_shared" in request.POST,
            by=user,
        )
    except ValidationError as error:
        messages.error(request, f"Not saved. {' '.join(error.messages)}")
    else:
        messages.success(request, f"Saved as “{kept.name}”.")


@admin.register(SavedView)
class SavedViewAdmin(PlatformAdmin):
    list_display = ("name", "opens", "mail", "owner", "is_shared", "updated_at")
    list_select_related = ("owner", "mail_plan")
    fields = ("name", "is_shared", "opens", "mail", "owner")
    readonly_fields = ("opens", "mail", "owner")
    empty_state = EmptyState(
        "Ask something in the cost report and save it under a name.", "Cost report", "admin:costs"
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        return views_for(request.user).order_by(*self.get_ordering(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # in the report, where the question is

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_own(request, obj)

    @admin.display(description="Question")
    def opens(self, view: SavedView) -> SafeString:
        url = f"{reverse('admin:costs')}?{view.address}"
        return format_html('<a href="{}">{}</a>', url, "Open")

    @admin.display(description="Mail")
    def mail(self, view: SavedView) -> SafeString:
        plan = getattr(view, "mail_plan", None)
        url = reverse("admin:costs_view_mail", args=[view.pk])
        return format_html('<a href="{}">{}</a>', url, plan or "Mail it…")


def _is_own(request: HttpRequest, obj: Model | None) -> bool:
    return obj is None or getattr(obj, "owner_id", None) == request.user.pk
