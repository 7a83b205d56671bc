"""Choices that more than one model knows."""

from django.db import models


class Basis(models.TextChoices):
    """What a threshold is compared with."""

    ACTUAL = "actual", "Spent"
    COMMITTED = "committed", "Spent or held by running calls"
    FORECAST = "forecast", "Forecast for the end of the window"


def default_thresholds() -> list[int]:
    return [50, 80, 95, 100]


def default_bases() -> list[str]:
    return [basis.value for basis in Basis]
