"""Draining: new calls go elsewhere, running ones end."""

from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from apps.registry.models import Deployment, Model, Provider

Switchable = TypeVar("Switchable", Provider, Model, Deployment)


@transaction.atomic
def set_active(*, rows: QuerySet[Switchable], active: bool) -> int:
    """Drain (`active=False`) or enable; in force everywhere within a second. How many changed."""
    changed = rows.select_for_update(no_key=True).filter(active=not active).order_by("pk")
    count = 0
    for row in changed:
        row.active = active
        row.save(update_fields=["active", "updated_at"])
        count += 1
    return count
