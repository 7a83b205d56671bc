"""Form fields that more than one admin uses."""

from decimal import Decimal
from typing import Any

from django import forms

from apps.core.money import exact_usd, pico_from_usd, plain_usd


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
        return pico_from_usd(plain_usd(text))
