"""Forms of evaluation's pages."""

from typing import Any

import orjson
from django import forms

from apps.access.models import Service, ServicePurpose
from apps.core.forms import USDFormField
from apps.evals.models import Dataset, DatasetVersion, EvalRun, RunStatus, Suite
from apps.evals.models.runs import MAX_REPEATS
from apps.evals.reading import MAX_BYTES
from apps.evals.services.runs import Plan
from apps.prompts.models import PromptVersion, VersionStatus
from apps.prompts.types import Variable

OFFERED = 50  # versions and runs to choose from, newest first


def text_area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "class": "vLargeTextField"})


def value_field(variable: Variable) -> forms.Field:
    """Where a variable's value is written: a string as it is, all else as JSON."""
    about = [variable.description, "" if variable.required else "Optional."]
    if variable.type != "string":
        about.append(f"A value of type {variable.type}, as JSON.")
    rows = 2 if variable.type in ("string", "list", "object", "messages") else 1
    return forms.CharField(
        label=variable.name,
        required=False,
        strip=False,
        widget=text_area(rows),
        help_text=" ".join(filter(None, about)),
    )


def typed(text: str, variable: Variable) -> Any:
    """Strings as they are; all else as JSON, left to the check of types if it is none."""
    if variable.type == "string":
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


class NoteForm(forms.Form):
    note = forms.CharField(max_length=500, widget=text_area(), help_text="What changed, and why.")


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500, widget=text_area(), help_text="Say why, for somebody who was not here."
    )


class ImportForm(forms.Form):
    """A file or pasted text; the value of `text` is what it holds."""

    file = forms.FileField(
        required=False, help_text=f"CSV or JSON lines in UTF-8, at most {MAX_BYTES >> 20} MB."
    )
    text = forms.CharField(
        label="Or paste it",
        required=False,
        strip=False,
        widget=text_area(8),
        help_text="Rows copied from a spreadsheet work too. The first line names the columns.",
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        text, file = values.get("text") or "", values.get("file")
        if bool(text.strip()) == bool(file):
            raise forms.ValidationError("Choose a file, or paste its text.")
        if file is not None:
            text = self._read(file)
        values["text"] = text.replace("\r\n", "\n")
        return values

    def _read(self, file: Any) -> str:
        if file.size > MAX_BYTES:
            raise forms.ValidationError({"file": "The file is too large."})
        try:
            return str(file.read().decode("utf-8"))
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1}"
            raise forms.ValidationError(
                {"file": f"Not UTF-8 (at {where}). Save it as “CSV UTF-8” in your spreadsheet."}
            ) from error


class PastCallsForm(forms.Form):
    calls = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    answers_are_expected = forms.BooleanField(
        required=False, label="Expect the same answers", help_text="Sensitive values are masked."
    )
    reason = forms.CharField(
        max_length=500, widget=text_area(2), help_text="Stands in the audit log."
    )


class RunForm(forms.Form):
    version = forms.ModelChoiceField(PromptVersion.objects.none(), empty_label=None)
    dataset_version = forms.ModelChoiceField(DatasetVersion.objects.none(), empty_label=None)
    suite = forms.ModelChoiceField(Suite.objects.all(), empty_label=None)
    repeats = forms.IntegerField(
        min_value=1,
        max_value=MAX_REPEATS,
        initial=1,
        help_text="Answers to each case. Three or more show how steady they are.",
    )
    baseline = forms.ModelChoiceField(
        EvalRun.objects.none(),
        required=False,
        empty_label="None",
        help_text="The run whose answers a judge of pairs compares with.",
    )
    service = forms.ModelChoiceField(
        Service.objects.none(), empty_label=None, help_text="Who pays: purpose Evaluation."
    )
    cost_cap = USDFormField(
        required=False,
        label="Cost cap, USD",
        help_text="It cannot cost more, whatever happens. Empty: what it costs at most.",
    )

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sealed = dataset.prompt.versions.filter(status=VersionStatus.SEALED)
        published = dataset.versions.filter(published_at__isnull=False)
        finished = EvalRun.objects.filter(
            dataset_version__dataset=dataset, status=RunStatus.FINISHED
        )
        payers = Service.objects.filter(purpose=ServicePurpose.EVALUATION, active=True)
        choices: dict[str, Any] = {
            "version": sealed.select_related("prompt").order_by("-number"),
            "dataset_version": published.select_related("dataset").order_by("-number"),
            "baseline": finished.select_related("version__prompt", "dataset_version__dataset"),
            "service": payers,
        }
        for name, rows in choices.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]

    @property
    def plan(self) -> Plan:
        names = ("version", "dataset_version", "suite", "repeats", "baseline", "service")
        return Plan(**{name: self.cleaned_data[name] for name in names})


class ResumeForm(forms.Form):
    cost_cap = USDFormField(
        required=False, label="Cost cap, USD", help_text="Empty: as it was. It can only be raised."
    )


class SampleForm(forms.Form):
    count = forms.IntegerField(
        min_value=1, max_value=200, initial=20, label="Answers", help_text="Drawn at random."
    )


class ReviewForm(forms.Form):
    score = forms.TypedChoiceField(
        label="Your verdict",
        coerce=float,
        choices=[(1.0, "Good"), (0.5, "In between"), (0.0, "Bad")],
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(max_length=1000, required=False, widget=text_area(2))
