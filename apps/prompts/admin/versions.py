"""The page of a version: an editor while it is a draft, a record once it is sealed."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from apps.core.admin import PlatformAdmin, short_time
from apps.prompts.admin.ask import REASON_WIDGET, ReasonForm, ask
from apps.prompts.admin.cells import compare_url, live_pills, request_pills, status_pill
from apps.prompts.admin.comments import MAY_READ, comments_url, comments_view
from apps.prompts.admin.editor import DraftForm
from apps.prompts.admin.prompts import may_release
from apps.prompts.admin.requests import AskForm
from apps.prompts.admin.rows import json_text
from apps.prompts.diff import Section, compare
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel, PromptVersion, VersionStatus
from apps.prompts.selectors import live_version, open_releases, open_requests
from apps.prompts.services import (
    content_of,
    new_draft,
    release,
    request_release,
    retire_version,
    save_draft,
    seal_version,
    validate_version,
    whole_content,
)
from apps.prompts.threads import open_counts, threads_of
from apps.prompts.types import PromptKind
from apps.prompts.validation.tools import functions_of


class SealForm(forms.Form):
    note = forms.CharField(max_length=500, widget=REASON_WIDGET, help_text="What changed, and why.")
    expected_hash = forms.CharField(widget=forms.HiddenInput)


class ReleaseForm(ReasonForm):
    channel = forms.ModelChoiceField(Channel.objects.all(), empty_label="Choose a channel")
    field_order = ("channel", "reason")


# Which actions a version of each status offers.
OFFERED = {
    VersionStatus.DRAFT: ("seal",),
    VersionStatus.SEALED: ("release_to", "request_release", "retire"),
    VersionStatus.RETIRED: (),
}


@admin.register(PromptVersion)
class PromptVersionAdmin(PlatformAdmin):
    list_display = ("__str__", "state", "live", "note", "model", "author", "sealed")
    list_filter = ("status", "model")
    search_fields = ("prompt__slug", "note")
    list_select_related = ("prompt", "author")
    palette_fields = ("content_hash",)
    ordering = ("-id",)
    object_actions = ("seal", "release_to", "request_release", "retire", "new_draft")
    change_form_template = "admin/prompts/promptversion/change_form.html"

    class Media:
        css = {"all": ["prompts/prompts.css"]}
        js = [Script("prompts/editor.js", defer=True)]

    @admin.display(description="Status", ordering="status")
    def state(self, version: PromptVersion) -> str:
        return status_pill(version.status)

    @admin.display(description="Live")
    def live(self, version: PromptVersion) -> str:
        return live_pills(version.live)  # type: ignore[attr-defined]

    @admin.display(description="Sealed", ordering="sealed_at")
    def sealed(self, version: PromptVersion) -> str:
        return short_time(version.sealed_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptVersion]:
        live = Prefetch("releases", open_releases(), to_attr="live")
        return super().get_queryset(request).select_related("prompt").prefetch_related(live)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a draft begins on its prompt's page

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or obj.status == VersionStatus.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and obj is not None and obj.status == VersionStatus.DRAFT

    def has_draft_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("prompts.add_promptversion"))

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("prompts.add_releaserequest"))

    def has_release_permission(self, request: HttpRequest) -> bool:
        return may_release(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(comments_view, self))
        return [
            path("<int:pk>/comments/", view, name="prompts_promptversion_comments"),
            *super().get_urls(),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any):  # type: ignore[no-untyped-def]
        if obj is not None and self.has_change_permission(request, obj):
            return DraftForm
        return super().get_form(request, obj, change, **kwargs | {"fields": []})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not self.has_change_permission(request, obj):
            return []
        return [
            ("Messages", {"fields": ["messages"], "classes": ["l-rows"]}),
            ("Variables", {"fields": ["variables"], "classes": ["l-rows"]}),
            _unless_fragment(obj, "Model", "model", "parameters", "response_schema"),
            _unless_fragment(obj, "Tools", "tools"),
            _unless_fragment(obj, "Length", "fit"),
            ("Note", {"fields": ["note", "seen"]}),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        save_draft(
            version=obj,
            content=form.content,
            note=form.cleaned_data["note"],
            expected=form.expected,
        )

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except PromptError as error:  # saved or sealed by somebody between our check and our write
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        found = validate_version(PromptVersion.objects.get(pk=obj.pk))
        count = len(found.faults)
        if count:
            text = f"Draft saved, with {count} fault{'s' if count > 1 else ''} to mend."
            messages.warning(request, text)
        else:
            messages.success(request, "Draft saved. It can be sealed.")
        if "_playground" in request.POST:
            url = reverse("admin:playground", args=[obj.prompt_id])
            return HttpResponseRedirect(f"{url}?version={obj.number}")
        return HttpResponseRedirect(request.path)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = _page(version) if version is not None else {}
        if version is not None and request.user.has_perm(MAY_READ):
            context["threads"] = threads_of(version, content_of(version).messages)
            context["thread_url"] = comments_url(version)
        if version is not None and request.user.has_perm("prompts.view_releaserequest"):
            context["asked"] = request_pills(open_requests(version.release_requests.all()))
        context["is_editor"] = self.has_change_permission(request, version)
        hidden = {"show_save_and_add_another": False, "show_save_and_continue": False}
        extra = context | hidden | (extra_context or {})
        return super().change_view(request, object_id, form_url, extra)

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        offered = OFFERED[obj.status] if obj is not None else ()
        links = super()._action_links(request, obj)
        kept = [link for link in links if link[1].rstrip("/").rsplit("/", 1)[1] in offered]
        return [*kept, *self._ways(request, obj)] if obj else kept

    def _ways(self, request: HttpRequest, version: PromptVersion) -> list[tuple[str, str]]:
        """To pages about the version; none of them changes it."""
        ways = [("Compare…", compare_url(version.prompt_id, new=version))]
        if request.user.has_perm(MAY_READ):
            count = open_counts([version.pk]).get(version.pk, 0)
            ways.append((f"Comments ({count})" if count else "Comments", comments_url(version)))
        return ways

    @admin.action(description="New draft", permissions=["draft"])
    def new_draft(
        self, request: HttpRequest, queryset: QuerySet[PromptVersion]
    ) -> HttpResponse | None:
        """From a POST of the compare page: the version's content as a draft of one's own."""
        if request.method != "POST":
            return None
        version = queryset.get()
        try:
            draft = new_draft(prompt=version.prompt, based_on=version, by=request.user)  # type: ignore[arg-type]
        except PromptError as error:
            messages.error(request, str(error))
            return None
        return HttpResponseRedirect(self._change_url(draft))

    @admin.action(description="Seal…", permissions=["change"])
    def seal(self, request: HttpRequest, queryset: QuerySet[PromptVersion]) -> HttpResponse | None:
        version = queryset.get()

        def run(values: Any) -> str:
            now, by = timezone.now(), request.user
            return f"{seal_version(version=version, by=by, now=now, **values)} is sealed."  # type: ignore[arg-type]

        first = {"note": version.note, "expected_hash": whole_content(content_of(version)).hash}
        return ask(
            self,
            request,
            version,
            form=SealForm(request.POST or None, initial=first),
            run=run,
            title=f"Seal {version}? It can never change again.",
            button="Seal",
            context={"sections": _against_live(version), "findings": validate_version(version)},
        )

    @admin.action(description="Release to channel…", permissions=["release"])
    def release_to(
        self, request: HttpRequest, queryset: QuerySet[PromptVersion]
    ) -> HttpResponse | None:
        def run(version: PromptVersion, values: Any) -> str:
            return f"{version} is live on {release(**values).channel}."

        return self._ask(request, queryset.get(), ReleaseForm, run, "Release {}?", "Release")

    @admin.action(description="Request release…", permissions=["ask"])
    def request_release(
        self, request: HttpRequest, queryset: QuerySet[PromptVersion]
    ) -> HttpResponse | None:
        def run(version: PromptVersion, values: Any) -> str:
            asked = request_release(**values)
            return f"{asked}: {asked.get_state_display().lower()}."

        title = "Request the release of {}?"
        return self._ask(request, queryset.get(), AskForm, run, title, "Request")

    def _ask(
        self,
        request: HttpRequest,
        version: PromptVersion,
        form: type[forms.Form],
        run: Callable[[PromptVersion, Any], str],
        title: str,
        button: str,
    ) -> HttpResponse | None:
        """Beside what differs from the live version."""
        given = {"prompt": version.prompt, "version": version, "by": request.user}
        return ask(
            self,
            request,
            version,
            form=form(request.POST or None),
            run=lambda values: run(version, {**given, "now": timezone.now(), **values}),
            title=title.format(version),
            button=button,
            context={"sections": _against_live(version)},
        )

    @admin.action(description="Retire…", permissions=["change"])
    def retire(
        self, request: HttpRequest, queryset: QuerySet[PromptVersion]
    ) -> HttpResponse | None:
        version = queryset.get()

        def run(values: Any) -> str:
            return f"{retire_version(version=version)} is retired: no new release may use it."

        form = forms.Form(request.POST if request.method == "POST" else None)
        title = f"Retire {version}?"
        return ask(self, request, version, form=form, run=run, title=title, button="Retire")


def _unless_fragment(version: PromptVersion, title: str, *fields: str) -> tuple[str, Any]:
    """A fragment may not have these; one that has them must be able to lose them."""
    is_task = version.prompt.kind != PromptKind.FRAGMENT
    is_shown = is_task or any(getattr(version, name) for name in fields)
    return title, {"fields": fields, "classes": [] if is_shown else ["p-unused"]}


def _against_live(version: PromptVersion) -> tuple[Section, ...]:
    live = live_version(version.prompt)
    if live is None or live.pk == version.pk:
        return ()
    return compare(content_of(live), content_of(version))


def _page(version: PromptVersion) -> dict[str, Any]:
    """The cards beside the form."""
    live = live_version(version.prompt)
    return {
        "state_pill": status_pill(version.status),
        "live_pills": live_pills(open_releases().filter(version=version)),
        "sealed_time": short_time(version.sealed_at),
        "is_draft": version.status == VersionStatus.DRAFT,
        "variable_rows": _variables(version),
        "parameters_text": json_text(version.parameters),
        "tool_rows": _tools(version),
        "fit_text": json_text(version.fit) if version.fit else "",
        "schema_text": json_text(version.response_schema) if version.response_schema else "",
        "live_version": live if live is not None and live.pk != version.pk else None,
        "sections": _against_live(version),
    }


def _tools(version: PromptVersion) -> list[dict[str, Any]]:
    return [
        {
            **function,
            "schema": json_text(function["parameters"]) if "parameters" in function else "",
        }
        for _, function in functions_of(version.tools)
    ]


def _variables(version: PromptVersion) -> list[dict[str, Any]]:
    """A draft's may be anything."""
    declared = version.variables if isinstance(version.variables, Mapping) else {}
    return [
        {
            "name": name,
            "required": True,
            **given,
            "sample": json_text(given["sample"]) if "sample" in given else "",
        }
        for name, given in sorted(declared.items())
        if isinstance(given, Mapping)
    ]
