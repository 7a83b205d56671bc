"""Prompts from text files and into them, beside their list."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from apps.core.admin import PlatformAdmin
from apps.prompts import textfile
from apps.prompts.bundles import MOST_BYTES, MOST_FILES, BundleError, TextFile, pack, unpack
from apps.prompts.errors import PromptError
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.selectors import versions_in_use
from apps.prompts.services import export_version, import_files, look_at_import
from apps.prompts.services.imports import Effect, Plan

SALT = "a look at an import of prompts"
MOST_EXPORTED = 500
PASTED = "pasted text"


class FilesWidget(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, or none."""

    widget = FilesWidget

    def clean(self, data: Any, initial: Any = None) -> list[TextFile]:
        uploads: list[UploadedFile[bytes]] = [
            super(FilesField, self).clean(one) for one in data or ()
        ]
        if sum(upload.size or 0 for upload in uploads) > MOST_BYTES:
            raise ValidationError(f"More than {MOST_BYTES:,} bytes in all. Import fewer at a time.")
        return [TextFile(str(upload.name), upload.read()) for upload in uploads]

    def _one(self, data: Any) -> UploadedFile[bytes]:
        upload: UploadedFile[bytes] = super().clean(data)
        return upload


class ImportForm(forms.Form):
    """What to import; the value of `files` is all of it."""

    chosen = FilesField(
        label="Files",
        required=False,
        help_text="As “Export as text files” gives them: .prompt or .json, or a .zip of them. "
        f"At most {MOST_FILES} files and {MOST_BYTES:,} bytes in all.",
        widget=FilesWidget(attrs={"accept": ".prompt,.json,.zip,.txt"}),
    )
    text = forms.CharField(
        label="Or the text of one file",
        required=False,
        strip=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea(attrs={"rows": 8, "class": "vLargeTextField", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        given = list(values.get("chosen") or ())
        if (text := values.get("text", "")).strip():
            given.append(TextFile(PASTED, text.replace("\r\n", "\n").encode()))
        try:
            values["files"] = unpack(given)
        except BundleError as error:
            raise ValidationError(str(error)) from error
        if not values["files"] and not self.errors:
            raise ValidationError("Choose a file or paste the text of one.")
        return values


class FilesAdmin(PlatformAdmin):
    """The import page, and the export of what is chosen in the list."""

    change_list_template = "admin/prompts/prompt/change_list.html"
    actions: tuple[str, ...] = ("export_files",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="prompts_prompt_import"), *super().get_urls()]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Files make prompts and drafts."""
        return request.user.has_perms(("prompts.add_prompt", "prompts.add_promptversion"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = {"may_import": self.has_import_permission(request)}
        return super().changelist_view(request, may | (extra_context or {}))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        if "plan" in request.POST:
            return self._confirmed(request)
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = ImportForm(*posted)
        files = form.cleaned_data["files"] if form.is_bound and form.is_valid() else None
        return self._page(request, form, files)

    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        try:
            files, seen = _unsealed(request.POST["plan"])
        except signing.BadSignature:
            messages.error(request, "That look cannot be confirmed. Choose the files again.")
            return self._page(request, ImportForm(), None)
        try:
            made = import_files(files=files, by=request.user, now=timezone.now(), seen=seen)  # type: ignore[arg-type]
        except PromptError as error:
            messages.error(request, str(error))
            return self._page(request, ImportForm(), files)
        messages.success(request, _told(made))
        return HttpResponseRedirect(reverse("admin:prompts_prompt_changelist") + "?draft=yes")

    def _page(
        self, request: HttpRequest, form: ImportForm, files: list[TextFile] | None
    ) -> HttpResponse:
        by, now = request.user, timezone.now()
        plan = look_at_import(files=files, by=by, now=now) if files else None  # type: ignore[arg-type]
        context = {
            "title": "Import prompts",
            "opts": self.opts,
            "form": form,
            "plan": plan,
            "counts": _counts(plan) if plan else (),
            "drafts": len(_made(plan)) if plan else 0,
            "sealed_plan": _sealed(files, plan) if files and plan and plan.is_possible else "",
            "media": self.media,
        }
        return TemplateResponse(
            request,
            "admin/prompts/import.html",
            self.admin_site.each_context(request) | context,
        )

    @admin.action(description="Export as text files", permissions=["view"])
    def export_files(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> HttpResponse | None:
        """One file, or a zip of several: of each prompt what is in use."""
        count = queryset.count()
        if count > MOST_EXPORTED:
            messages.error(request, f"{count:,} are chosen; export {MOST_EXPORTED} at a time.")
            return None
        versions = versions_in_use(Prompt.objects.filter(pk__in=queryset.values("pk")))
        if len(versions) < count:
            messages.warning(request, f"Left out {count - len(versions)}: nothing of it is sealed.")
        return _download([_file_of(version) for version in versions])


def _file_of(version: PromptVersion) -> TextFile:
    text = textfile.write(export_version(version=version))
    return TextFile(f"{version.prompt.slug}.prompt", text.encode())


def _download(files: list[TextFile]) -> HttpResponse | None:
    if not files:
        return None
    name, data, kind = "prompts.zip", b"", "application/zip"
    if len(files) == 1:
        name, data, kind = files[0].name, files[0].data, "text/plain; charset=utf-8"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(data or pack(files), content_type=kind, headers=disposition)


def _sealed(files: Iterable[TextFile], plan: Plan) -> str:
    """The files and the look, for the form that confirms; nobody can change them on the way."""
    texts = [(file.name, file.data.decode()) for file in files]
    return signing.dumps({"files": texts, "seen": plan.digest}, salt=SALT, compress=True)


def _unsealed(text: str) -> tuple[list[TextFile], str]:
    held = signing.loads(text, salt=SALT)
    return [TextFile(name, text.encode()) for name, text in held["files"]], held["seen"]


def _made(plan: Plan) -> list[PromptVersion]:
    made = (Effect.NEW_PROMPT, Effect.NEW_DRAFT)
    return [step.version for step in plan.steps if step.version and step.effect in made]


def _counts(plan: Plan) -> list[tuple[int, Effect]]:
    effects = [step.effect for step in plan.steps]
    return [(effects.count(effect), effect) for effect in Effect if effect in effects]


def _told(plan: Plan) -> str:
    names = ", ".join(map(str, _made(plan)))
    return f"Imported as drafts: {names}. Nothing that is live changed."
