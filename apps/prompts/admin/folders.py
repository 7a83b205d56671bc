"""Moving prompts of the list into a folder."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from apps.core.admin import PlatformAdmin
from apps.core.admin.confirm import ask_first
from apps.prompts.errors import PromptError
from apps.prompts.models import Prompt
from apps.prompts.services import move_to_folder


class FolderForm(forms.Form):
    folder = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"list": "folders", "class": "vTextField"}),
        help_text="Words between slashes, e.g. shop/texts. Empty: no folder.",
    )

    def known(self) -> list[str]:
        rows = Prompt.objects.exclude(folder="").order_by("folder")
        return list(rows.values_list("folder", flat=True).distinct())


class FoldersAdmin(PlatformAdmin):
    actions: tuple[str, ...] = ("move_to_folder",)

    @admin.action(description="Move to folder…", permissions=["change"])
    def move_to_folder(
        self, request: HttpRequest, queryset: QuerySet[Prompt]
    ) -> HttpResponse | None:
        form = FolderForm(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            try:
                messages.success(request, _moved(queryset, form.cleaned_data["folder"]))
            except PromptError as error:
                form.add_error("folder", str(error))
            else:
                return None
        return ask_first(
            self,
            request,
            queryset,
            form,
            "move_to_folder",
            "Move these prompts to a folder?",
            "Move",
            template="admin/prompts/move.html",
        )


def _moved(chosen: QuerySet[Prompt], folder: str) -> str:
    count = move_to_folder(prompts=list(chosen.values_list("pk", flat=True)), folder=folder)
    return f"Moved {count} prompt{'s' * (count != 1)} to {folder or 'no folder'}."
