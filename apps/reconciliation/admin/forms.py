"""Forms of the statements' pages."""

from typing import Any

from django import forms

from apps.access.models import CostCenter
from apps.reconciliation.reading.rows import MAX_BYTES, MAX_LINES
from apps.registry.models import Provider

_SIZE = f"CSV in UTF-8, at most {MAX_BYTES >> 20} MB and {MAX_LINES:,} lines."

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class UploadForm(forms.Form):
    provider = forms.ModelChoiceField(
        Provider.objects.order_by("slug"), empty_label="–", help_text="Whose costs they are."
    )
    costs = forms.FileField(label="Costs", help_text=_SIZE)
    usage = forms.FileField(
        label="Usage",
        required=False,
        help_text="Of OpenAI, whose costs may name no tokens: its export of usage of the same "
        "days. With it, missing calls, tokens and prices can be told apart.",
    )
    first = forms.DateField(
        label="From",
        required=False,
        widget=_DAY,
        help_text="Days of UTC. Empty: the first day in the file. Say it where that day had no "
        "costs.",
    )
    last = forms.DateField(
        label="To", required=False, widget=_DAY, help_text="Empty: the last day in it."
    )


class DecideForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="Why they differ, for somebody who was not here.",
    )
    cost_center = forms.ModelChoiceField(
        CostCenter.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        empty_label="None",
        label="Cost centre",
        help_text="Who bears it. None: it stays unattributed in cost reports.",
    )

    def __init__(self, *args: Any, is_booking: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_booking:
            del self.fields["cost_center"]
