"""Who changed a budget, when, from what to what, and why: its rows of the audit log, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model

from apps.budgets.models import Budget
from apps.core.fields import PicoUSDField
from apps.core.money import short_usd

MOST = 20
# What a budget lets through: whoever changes one of these says why.
NEEDS_REASON = ("limit_pico", "hard", "active", "on_exceeded", "carry_over", "carry_cap_percent")
SAY_WHY = "Say why, for somebody who was not here."
_NO_NEWS = {"id", "created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """`fields` is empty when the budget was made. `by`: a user's name, or empty: no person."""

    at: datetime
    by: str
    reason: str
    fields: Sequence[FieldChange]


def stored(**lookup: Any) -> Mapping[str, Any] | None:
    """What a change of which needs a reason, as the database has it; None: no such budget."""
    found: Mapping[str, Any] | None
    found = Budget.objects.filter(**lookup).values(*NEEDS_REASON).first()
    return found


def needs_reason(before: Mapping[str, Any] | None, after: Budget) -> bool:
    """Whether who makes `after` of what was `stored` has to say why."""
    return before is not None and any(before[name] != getattr(after, name) for name in before)


def changes_of(budget: Budget) -> list[Change]:
    """The latest `MOST`, newest first. Two queries."""
    events = apps.get_model("budgets", "BudgetEvent")._default_manager
    rows = events.filter(pgh_obj_id=budget.pk).select_related("pgh_context").order_by("-pgh_id")
    found = list(rows[: MOST + 1])
    names = _names(found)
    pairs = [*pairwise(found), (found[-1], None)] if found else []
    made = (_change(after, before, names) for after, before in pairs[:MOST])
    return [change for change in made if change is not None]


def _change(after: Any, before: Any, names: dict[int, str]) -> Change | None:
    """None where only the time of the row changed."""
    fields = list(_differences(before, after)) if before is not None else []
    if before is not None and not fields:
        return None
    said = _context(after)
    return Change(
        after.pgh_created_at, names.get(said.get("user", 0), ""), said.get("reason", ""), fields
    )


def _differences(before: Any, after: Any) -> Iterator[FieldChange]:
    for field in Budget._meta.concrete_fields:
        was, now = getattr(before, field.attname), getattr(after, field.attname)
        if field.name not in _NO_NEWS and was != now:
            label = str(field.verbose_name).removesuffix(", USD")
            yield FieldChange(label, _said(field, was), _said(field, now))


def _said(field: Any, value: Any) -> str:
    if field.name == "hard":
        return "hard" if value else "soft"
    if isinstance(field, PicoUSDField):
        return short_usd(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(dict(field.flatchoices).get(value, value)) or "nothing"


def _context(event: Any) -> dict[str, Any]:
    return event.pgh_context.metadata if event.pgh_context else {}


def _names(events: Sequence[Model]) -> dict[int, str]:
    wanted = {user for event in events if (user := _context(event).get("user")) is not None}
    users = get_user_model()._default_manager.filter(pk__in=wanted)
    return dict(users.values_list("pk", "username"))
