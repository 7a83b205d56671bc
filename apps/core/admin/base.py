"""Base classes of model pages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst

from apps.core.admin.paginator import PAGES, BoundedPaginator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


@dataclass(frozen=True)
class EmptyState:
    """What an empty list says instead of showing an empty table: one sentence, one action."""

    sentence: str
    action: str = ""
    url_name: str = ""


class PlatformAdminMixin(ModelAdmin):
    """Lists that stay fast on a million rows, and the hooks of our templates.

    `palette_fields`: indexed columns that Ctrl+K searches by prefix. `object_actions`: names of
    `confirmed_action` methods that get a button on the object's page. `empty_state`: see there;
    without one, an empty list offers to add the first row to those who may.
    """

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    palette_fields: tuple[str, ...] = ()
    object_actions: tuple[str, ...] = ()
    empty_state: EmptyState | None = None

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_action"
        view = self.admin_site.admin_view(self.object_action_view)
        return [path("<path:object_id>/do/<slug:action>/", view, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self._is_beyond_last_page(request):
            messages.info(request, f"Lists end at page {PAGES}; narrow the filters to see more.")
            kept = request.GET.copy()
            kept[PAGE_VAR] = str(PAGES)
            return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}")
        if "\0" in "".join(value for _, values in request.GET.lists() for value in values):
            messages.error(request, "A filter had a zero byte, which nothing here has.")
            return HttpResponseRedirect(request.path)
        context = {
            "title": capfirst(self.opts.verbose_name_plural),
            "model_admin": self,
            "may_begin": self._may_begin(request),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def _may_begin(self, request: HttpRequest) -> bool:
        """Whether this person may do what an empty list offers, as far as that adds a row."""
        name = self.empty_state.url_name if self.empty_state else ""
        if not name.endswith("_add"):
            return True
        app, model_name = name.removeprefix("admin:").removesuffix("_add").split("_", 1)
        model = apps.get_model(app, model_name)
        return self.admin_site.get_model_admin(model).has_add_permission(request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["object_action_links"] = self._action_links(request, kwargs.get("obj"))
        if not kwargs.get("add") and not context.get("has_change_permission"):
            context["title"] = capfirst(self.opts.verbose_name)  # Django's “View month” sounds odd
        return super().render_change_form(request, context, *args, **kwargs)

    def object_action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Runs one of `object_actions` on one object, through its confirm page."""
        if action not in self.object_actions:
            raise Http404
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if not self._may_run(request, action):
            raise PermissionDenied
        chosen = self.get_queryset(request).filter(pk=found.pk)
        response: HttpResponse | None = getattr(self, action)(request, chosen)
        return response or HttpResponseRedirect(self._change_url(found))

    def _is_beyond_last_page(self, request: HttpRequest) -> bool:
        page = request.GET.get(PAGE_VAR, "")
        return page.isascii() and page.isdigit() and int(page[:9]) > PAGES

    def _may_run(self, request: HttpRequest, action: str) -> bool:
        needed = getattr(self, action).allowed_permissions
        return all(getattr(self, f"has_{name}_permission")(request) for name in needed)

    def _action_links(self, request: HttpRequest, obj: Model | None) -> list[tuple[str, str]]:
        if obj is None:
            return []
        return [
            (getattr(self, name).short_description, self._action_url(obj, name))
            for name in self.object_actions
            if self._may_run(request, name)
        ]

    def _action_url(self, obj: Model, name: str) -> str:
        view = f"admin:{self.opts.app_label}_{self.opts.model_name}_action"
        return reverse(view, args=[obj.pk, name], current_app=self.admin_site.name)

    def _change_url(self, obj: Model) -> str:
        view = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(view, args=[obj.pk], current_app=self.admin_site.name)


class PlatformAdmin(PlatformAdminMixin):
    """The base of every model page of the platform."""


class ReadOnlyAdmin(PlatformAdmin):
    """Records that the system writes: everybody permitted may look, nobody may touch."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
