"""Reads of the registry that more than one edge needs."""

from datetime import datetime

from apps.registry.models import Deployment, Price


def valid_prices(*, deployment: Deployment, at: datetime) -> list[Price]:
    """The price rows of the deployment that hold at that time."""
    return list(Price.objects.filter(deployment=deployment, valid__contains=at))
