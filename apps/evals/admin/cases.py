"""One case: a field for each variable of its prompt."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.core.admin import PlatformAdmin
from apps.evals.admin.cells import short, short_variables
from apps.evals.admin.forms import text_area, typed, value_field
from apps.evals.cases import CaseDraft, case_faults
from apps.evals.checks.wanted import as_json, as_text
from apps.evals.models import Case, DatasetVersion
from apps.evals.selectors import declared_variables
from apps.evals.services.datasets import put_cases
from apps.prompts.admin.prompts import WordsField
from apps.prompts.types import Variable

PREFIX = "variable_"


class CaseForm(forms.ModelForm[Case]):
    """`declared` comes with the class that `form_for` makes."""

    declared: dict[str, Variable] = {}
    expected = forms.CharField(
        required=False,
        strip=False,
        widget=text_area(),
        help_text="A text, or JSON, that checks compare with. Empty: nothing.",
    )
    tags = WordsField(required=False, help_text="Between commas.")

    class Meta:
        model = Case
        fields = ("key", "expected", "tags", "must_pass")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            self.fields["key"].required = False
            self.fields["key"].help_text = "Empty: the next free number."
        if self.instance.expected is not None:
            self.initial["expected"] = as_text(self.instance.expected)
        for name, value in self.instance.variables.items():
            self.initial[PREFIX + name] = as_text(value)

    @property
    def draft(self) -> CaseDraft:
        values = self.cleaned_data
        expected = values["expected"]
        found = as_json(expected)
        return CaseDraft(
            variables=values["variables"],
            expected=(found if isinstance(found, (dict, list)) else expected) or None,
            key=values.get("key") or self.instance.key,
            tags=tuple(values["tags"]),
            must_pass=values["must_pass"],
            source_job_id=self.instance.source_job_id,
            masked=self.instance.masked,
        )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        given = {name: values.get(PREFIX + name) or "" for name in self.declared}
        values["variables"] = {
            name: typed(text, self.declared[name]) for name, text in given.items() if text
        }
        if not self.errors:
            self.cleaned_data = values
            for fault in case_faults(self.draft, self.declared):
                field = PREFIX + fault.pointer.rpartition("/")[2]
                self.add_error(field if field in self.fields else None, fault.detail)
        return values


def form_for(version: DatasetVersion) -> type[CaseForm]:
    """With a field for each variable of the dataset's prompt."""
    declared = dict(declared_variables(version.dataset.prompt))
    fields = {PREFIX + name: value_field(variable) for name, variable in declared.items()}
    return type("CaseForm", (CaseForm,), {"declared": declared, **fields})


@admin.register(Case)
class CaseAdmin(PlatformAdmin):
    list_display = ("key", "version", "given", "expectation", "must_pass")
    list_filter = ("must_pass", "version__dataset")
    search_fields = ("key",)
    list_select_related = ("version__dataset",)
    ordering = ("-id",)

    class Media:
        css = {"all": ["evals/evals.css"]}

    @admin.display(description="Given")
    def given(self, case: Case) -> str:
        return short_variables(case.variables)

    @admin.display(description="Expected")
    def expectation(self, case: Case) -> str:
        return short(case.expected)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only into a draft, from its dataset's page."""
        return super().has_add_permission(request) and (
            not request.path.endswith("/add/") or _draft_of(request) is not None
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_draft(obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        version = obj.version if obj is not None else _draft_of(request)
        if version is None or not _is_draft(obj):
            return super().get_form(request, obj, change, **kwargs)
        return super().get_form(request, obj, change, **kwargs | {"form": form_for(version)})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        version = obj.version if obj is not None else _draft_of(request)
        if version is None or not self._may_write(request, obj):
            return [(None, {"fields": ["key", "given", "expectation", "tags", "must_pass"]})]
        names = [PREFIX + name for name in declared_variables(version.dataset.prompt)]
        return [
            ("Given", {"fields": names}),
            ("A good answer", {"fields": ["expected", "must_pass"]}),
            ("Name", {"fields": ["key", "tags"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if not self._may_write(request, obj):
            return ("given", "expectation")
        return ("key",) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        version: Any = obj.version if change else _draft_of(request)
        (key,) = put_cases(version=version, cases=[form.draft])
        stored = Case.objects.get(version=version, key=key)
        obj.pk, obj.version, obj.key = stored.pk, version, key

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        return self._done(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._done(request, obj)

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, obj)

    def _done(self, request: HttpRequest, obj: Case) -> HttpResponse:
        messages.success(request, f"{obj.key} is saved in {obj.version}.")
        if "_addanother" in request.POST:
            return HttpResponseRedirect(
                reverse("admin:evals_case_add") + f"?version={obj.version_id}"
            )
        url = reverse("admin:evals_dataset_change", args=[obj.version.dataset_id])
        return HttpResponseRedirect(f"{url}?version={obj.version.number}")


def _draft_of(request: HttpRequest) -> DatasetVersion | None:
    """The draft that a new case is for, by `?version=`."""
    given = request.GET.get("version", "")
    if not (given.isascii() and given.isdigit()):
        return None
    rows = DatasetVersion.objects.select_related("dataset__prompt")
    return rows.filter(pk=int(given[:18]), published_at=None).first()


def _is_draft(case: Case | None) -> bool:
    return case is None or case.version.published_at is None
