"""When a view is mailed, and to whom."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.models import User

from apps.finance.mailing.who import people
from apps.finance.models import Every, MailAddress, MailPlan
from apps.finance.models.mail import Weekday

if TYPE_CHECKING:
    ChoiceOfUsers = forms.ModelMultipleChoiceField[User]
else:
    ChoiceOfUsers = forms.ModelMultipleChoiceField

_MOMENT = ("every", "weekday", "month_day", "hour")


class _People(ChoiceOfUsers):
    def label_from_instance(self, user: Any) -> str:
        return f"{user.get_full_name() or user.get_username()} <{user.email}>"


class PlanForm(forms.Form):
    """Its fields are those of `MailPlan` and its recipients."""

    every = forms.ChoiceField(choices=Every.choices, widget=forms.RadioSelect, label="How often")
    weekday = forms.TypedChoiceField(
        choices=Weekday.choices, coerce=int, label="Day of weekly mail"
    )
    month_day = forms.TypedChoiceField(
        choices=[(n, str(n)) for n in range(1, 29)], coerce=int, label="Day of monthly mail"
    )
    hour = forms.TypedChoiceField(
        choices=[(n, f"{n:02}:00") for n in range(24)], coerce=int, label="Hour"
    )
    people = _People(
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="People who may see costs",
    )
    addresses = forms.ModelMultipleChoiceField(
        queryset=MailAddress.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Addresses that an administrator allowed",
    )

    def __init__(self, *args: Any, plan: MailPlan | None, **kwargs: Any) -> None:
        kwargs["initial"] = _initial(plan or MailPlan())
        super().__init__(*args, **kwargs)
        self.fields["people"].queryset = people()  # type: ignore[attr-defined]

    @property
    def moment(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in _MOMENT}


def _initial(plan: MailPlan) -> dict[str, Any]:
    chosen = list(plan.recipients.values_list("user", "address")) if plan.pk else []
    return {
        **{name: getattr(plan, name) for name in _MOMENT},
        "people": [user for user, _ in chosen if user],
        "addresses": [address for _, address in chosen if address],
    }
