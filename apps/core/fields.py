"""Model fields that more than one app uses."""

from typing import Any

from django.db import models

from apps.core.forms import USDFormField


class PicoUSDField(models.BigIntegerField):  # type: ignore[type-arg]
    """Pico-USD as a 64-bit integer (up to ± 9.2 million dollars a row)."""

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, **{"form_class": USDFormField, **kwargs})


class PicoSumField(PicoUSDField):
    """Pico-USD that may add up to more than 64 bits hold; an int in Python, up to 30 digits."""

    def db_type(self, connection: Any) -> str:
        return "numeric(30, 0)"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)
