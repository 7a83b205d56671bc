"""Exports: the list, one with its progress and its file, and asking for one."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, money, pill, short_time
from apps.core.admin.cells import NOTHING, Kind
from apps.core.clock import db_now
from apps.exports.admin import pages
from apps.exports.models import Export, ExportStatus
from apps.exports.selectors import bytes_of, exports_for, headers_of
from apps.exports.services import note_download, stop_export

STATUS: dict[str, Kind] = {
    ExportStatus.QUEUED: "quiet",
    ExportStatus.RUNNING: "info",
    ExportStatus.DONE: "ok",
    ExportStatus.FAILED: "bad",
}


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("asked", "total", "state", "file", "name", "maker", "made")
    list_display_links = ("asked",)
    list_filter = ("status", "format")
    actions = None

    class Media:
        css = {"all": ("exports/exports.css",)}

    empty_state = EmptyState(
        "Ask something in the cost report and choose Export…: large files are made in the "
        "background and wait here for a week.",
        "Cost report",
        "admin:costs",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        return exports_for(request.user).order_by("-pk")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("ask/", wrap(self.ask_view), name="exports_export_ask"),
            path("<uuid:pk>/file/", wrap(self.file_view), name="exports_export_file"),
            path("<uuid:pk>/stop/", wrap(self.stop_view), name="exports_export_stop"),
            *super().get_urls(),
        ]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("exports.add_export"):
            raise PermissionDenied
        return pages.ask(self, request)

    def file_view(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        found = self._found(request, pk)
        if not found.is_there:
            raise Http404
        if request.method != "HEAD":  # which takes nothing away
            note_download(export=found, now=db_now(), by=request.user)
        return StreamingHttpResponse(bytes_of(found), headers=headers_of(found))

    def stop_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        found = self._found(request, pk)
        if request.method == "POST":
            stopped = stop_export(export_id=pk, by=request.user.get_username(), now=db_now())
            text = "Stopped." if stopped else "It had ended already."
            messages.success(request, text)
        return HttpResponseRedirect(self._change_url(found))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:  # says so, and goes back to the list
            return super().change_view(request, object_id, form_url, extra_context)
        return pages.one(self, request, found)

    def _found(self, request: HttpRequest, pk: UUID) -> Export:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    @admin.display(description="Format", ordering="format")
    def name(self, row: Export) -> str:
        return str(row.get_format_display())

    @admin.display(description="Question")
    def asked(self, row: Export) -> SafeString:
        return format_html('<span class="x-name">{}</span>', pages.question_in_words(row))

    @admin.display(description="State", ordering="status")
    def state(self, row: Export) -> SafeString:
        text = str(row.get_status_display())
        if row.status == ExportStatus.RUNNING and row.rows_total:
            text = f"{text}, {pages.percent(row)} %"
        return pill("Deleted" if row.deleted_at else text, _kind(row))

    @admin.display(description="Total, USD")
    def total(self, row: Export) -> SafeString:
        return money(row.total_pico)

    @admin.display(description="Made by")
    def maker(self, row: Export) -> str:
        return str(row.made_by or row.service)

    @admin.display(description="Asked for", ordering="made_at")
    def made(self, row: Export) -> SafeString:
        return short_time(row.made_at)

    @admin.display(description="File")
    def file(self, row: Export) -> SafeString:
        if not row.is_there:
            return format_html("{}", NOTHING)
        url = reverse("admin:exports_export_file", args=[row.pk])
        return format_html('<a href="{}">Download</a>', url)


def _kind(row: Export) -> Kind:
    return "quiet" if row.deleted_at else STATUS[row.status]
