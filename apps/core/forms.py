"""Form fields that more than one admin uses."""

import re
from decimal import Decimal
from typing import Any

from django import forms

from apps.core.money import exact_usd, pico_from_usd

# As our pages show amounts: only a point behind the groups tells that a comma groups thousands.
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+\.[0-9]+")


class USDFormField(forms.CharField):
    """Dollars typed by a person; the value is an int of pico-USD."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("min_value", None)
        kwargs.pop("max_value", None)
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("inputmode", "decimal")

    def prepare_value(self, value: Any) -> Any:
        return (
            format(Decimal(exact_usd(value)).normalize(), "f") if isinstance(value, int) else value
        )

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        text = text.removeprefix("$")
        if "," in text and not _GROUPED.fullmatch(text):
            raise forms.ValidationError(
                "Write it with a point and without a comma, such as 1234.50: "
                "0,15 means fifteen cents to some and 15 dollars to others."
            )
        return pico_from_usd(text.replace(",", ""))
