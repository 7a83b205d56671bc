"""The forms of experiments: shares as people say them, metrics by their names."""

from typing import Any

from django import forms

from apps.prompts.admin.ask import ReasonForm
from apps.prompts.measured import BUILT_IN
from apps.prompts.models import Arm, Experiment, Guardrail, Metric

MOST_TESTERS = 100


class PercentField(forms.DecimalField):
    """Per cent for people; basis points, as a whole number, for the row."""

    def __init__(self, *, min_value: float = 0, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=100, decimal_places=2, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return f"{value / 100:g}" if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        percent = super().clean(value)
        return None if percent is None else int(percent * 100)

    def has_changed(self, initial: Any, data: Any) -> bool:
        if data in self.empty_values:
            return initial is not None
        try:
            return bool(self.clean(data) != initial)
        except forms.ValidationError:
            return True


def metric_choices() -> list[tuple[str, str]]:
    """What every call is measured by, and what services score."""
    built_in = [(one.slug, one.label) for one in BUILT_IN.values()]
    scored = [(one.slug, f"{one.name} (scored)") for one in Metric.objects.order_by("slug")]
    return [*built_in, *scored]


class ExperimentForm(forms.ModelForm[Experiment]):
    share = PercentField(
        label="Share of subjects, in per cent",
        min_value=0.01,
        initial=10_000,
        help_text="The others get the release. It can grow while the experiment runs, and nobody "
        "who takes part changes arms.",
    )
    primary_metric = forms.ChoiceField(
        choices=metric_choices, initial="errors", help_text="What decides."
    )

    def clean_testers(self) -> dict[str, str]:
        testers = self.cleaned_data["testers"] or {}
        if not isinstance(testers, dict) or not all(map(_is_text, testers.values())):
            raise forms.ValidationError('Write {"subject": "arm"}, both as text.')
        if len(testers) > MOST_TESTERS:
            raise forms.ValidationError(f"At most {MOST_TESTERS} testers, not {len(testers)}.")
        return testers


class ArmForm(forms.ModelForm[Arm]):
    weight = PercentField(
        label="Share, in per cent", help_text="The arms of an experiment sum to 100 %."
    )


class GuardrailForm(forms.ModelForm[Guardrail]):
    metric = forms.ChoiceField(choices=lambda: [("", "–"), *metric_choices()])


class GrowForm(ReasonForm):
    share = PercentField(
        label="Share of the subjects, in per cent",
        help_text="More than now. Whoever takes part already keeps the same arm.",
    )
    field_order = ("share", "reason")


class PromoteForm(ReasonForm):
    arm = forms.ModelChoiceField(Arm.objects.none(), empty_label=None)
    field_order = ("arm", "reason")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
