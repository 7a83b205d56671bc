"""The form of a draft."""

from datetime import datetime
from typing import Any

from django import forms

from apps.core.faults import Fault
from apps.prompts.admin.conflicts import Conflict, contested, fields_of_theirs
from apps.prompts.admin.rows import MessagesField, StrictJSONField, VariablesField
from apps.prompts.errors import DraftConflict, PromptError
from apps.prompts.models import PromptVersion
from apps.prompts.services import check_saveable, content_at, content_of
from apps.prompts.validation import Content

PARTS = ("messages", "variables", "model", "parameters", "response_schema", "tools", "fit")


class DraftForm(forms.ModelForm[PromptVersion]):
    """All content of a version. A draft may be faulty; only what cannot be stored is refused."""

    messages = MessagesField(
        required=False,
        help_text="Jinja: {{ variable }}, {% if %}, {% for %}. Empty a text to remove the message; "
        "the numbers give the order. “placeholder” inserts the messages of the variable it names.",
    )
    variables = VariablesField(
        required=False, help_text="What a service must or may give. Empty a name to remove it."
    )
    parameters = StrictJSONField(
        empty={},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "class": "l-mono"}),
        help_text='OpenAI names, e.g. {"temperature": 0.2, "max_tokens": 300}.',
    )
    response_schema = StrictJSONField(
        empty=None,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80, "class": "l-mono"}),
        help_text="JSON Schema of the answer. Empty: plain text.",
    )
    tools = StrictJSONField(
        empty=[],
        kind=list,
        label="Functions",
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80, "class": "l-mono"}),
        help_text="Functions that the model may ask the caller to call, as OpenAI's API takes "
        "them. Who may or must be called: the parameters “tool_choice” and “parallel_tool_calls”. "
        "Callers cannot send tools of their own beside these.",
    )
    fit = StrictJSONField(
        empty={},
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80, "class": "l-mono"}),
        label="When it is too long",
        help_text="Empty: a call that does not fit the model's window is refused. Else steps, each "
        "taken in this order and only as far as needed: {“steps”: [{“drop”: 2}, {“trim”: "
        "“history”, “keep”: 2}, {“truncate”: “document”, “keep”: 200}]} drops the second message, "
        "then the oldest messages of the variable history but never the newest two, then cuts the "
        "text document to no less than 200 tokens. “max_input_tokens” sets a limit of your own.",
    )
    conflict: Conflict | None = None
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = PromptVersion
        fields = ["model", "note"]
        widgets = {
            "model": forms.TextInput(attrs={"list": "offered-models", "autocomplete": "off"}),
            "note": forms.TextInput(attrs={"class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].required = False  # only sealing needs it
        for name in PARTS[:2] + PARTS[3:]:
            self.initial[name] = getattr(self.instance, name)
        self.initial["seen"] = self.instance.updated_at.isoformat()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for name in fields_of_theirs(self.data):
            values[name] = getattr(content_of(self.instance), name)
            self.errors.pop(name, None)
        if not self.errors:
            try:
                check_saveable(version=self.instance, content=self.content, expected=self.expected)
            except DraftConflict as error:
                self.conflict = self._conflict()
                raise forms.ValidationError(str(error)) from error
            except PromptError as error:
                raise forms.ValidationError([fault.detail for fault in error.faults]) from error
        return values

    def _conflict(self) -> Conflict:
        """Before the form writes into its instance: that still is what the other saved."""
        saved_at, seen = self.instance.updated_at, self.expected
        base = content_at(version=self.instance, saved_at=seen) if seen else None
        theirs = content_of(self.instance)
        return Conflict(saved_at, tuple(contested(base=base, theirs=theirs, yours=self.content)))

    @property
    def content(self) -> Content:
        return Content(**{name: self.cleaned_data[name] for name in PARTS})

    def content_so_far(self) -> tuple[Content, tuple[Fault, ...]]:
        """What is typed as far as it can be read; fields that cannot be are as in the draft."""
        values: dict[str, Any] = {}
        faults = []
        for name in PARTS:
            field = self.fields[name]
            try:
                values[name] = field.clean(
                    field.widget.value_from_datadict(self.data, self.files, name)
                )
            except forms.ValidationError as error:
                values[name] = getattr(self.instance, name) if name != "model" else ""
                faults += [Fault(f"/{name}", message, "unreadable") for message in error.messages]
        return Content(**values), tuple(faults)

    @property
    def expected(self) -> datetime | None:
        """When the editor's page was made; garbage counts as long ago."""
        try:
            return datetime.fromisoformat(self.cleaned_data["seen"])
        except ValueError:
            return self.instance.created_at if self.cleaned_data["seen"] else None
