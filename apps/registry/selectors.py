"""Reads of the registry that more than one edge needs."""

from collections.abc import Mapping
from datetime import datetime

from apps.registry.models import Deployment, Price


def valid_prices(*, deployment: Deployment, at: datetime) -> Mapping[str, Price]:
    """Usage class → the price row of the deployment that holds at that time."""
    rows = Price.objects.filter(deployment=deployment, valid__contains=at)
    return {row.usage_class: row for row in rows}
