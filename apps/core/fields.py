"""Model fields that more than one app uses."""

from typing import Any

from django.db import models

from apps.core.forms import USDFormField


class PicoUSDField(models.BigIntegerField):  # type: ignore[type-arg]
    """Pico-USD as a 64-bit integer (up to ± 9.2 million dollars a row)."""

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(self, **{"form_class": USDFormField, **kwargs})
