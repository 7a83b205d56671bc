"""“What would a limit of … have refused?”: the form of a budget's page, and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from apps.budgets.admin import cells
from apps.budgets.drawing import replayed
from apps.budgets.models import Budget
from apps.budgets.replay import Refused, Replay, replay
from apps.budgets.windows import ENDLESS, bounds_now
from apps.core.forms import USDFormField
from apps.core.money import Pico

PERIODS = 12  # that may be asked about
SHOWN = 10  # services or models; the rest is one row
Bounds = tuple[datetime, datetime]
Choices = Sequence[tuple[str, str]]


class WhatIfForm(forms.Form):
    limit = USDFormField(label="A hard limit of, USD")

    def __init__(self, data: QueryDict | None, *, limit: Pico, periods: Choices) -> None:
        super().__init__(data, auto_id="what_if_%s", initial={"limit": limit})
        self.fields["period"] = forms.ChoiceField(label="In", required=False, choices=periods)

    def clean_limit(self) -> Pico:
        limit: Pico = self.cleaned_data["limit"]
        if limit < 0:
            raise forms.ValidationError("A limit cannot be negative.")
        return limit


@dataclass(frozen=True)
class Row:
    """A service or a model, with its share of what was refused."""

    name: str
    refused: Refused
    share: float


def what_if(*, budget: Budget, asked: QueryDict, now: datetime) -> dict[str, Any]:
    """What the template needs: the form, and the answer when it was asked. Nothing of a budget
    whose periods do not follow one another."""
    if budget.period in ENDLESS:
        return {}
    periods = _earlier(budget, now)
    choices = [(name, cells.days_of(starts_at=a, ends_at=b, zone=budget.time_zone))
               for name, (a, b) in periods.items()]  # fmt: skip
    data = asked if "limit" in asked else None
    form = WhatIfForm(data, limit=budget.limit_pico, periods=choices)
    if not form.is_valid():
        return {"form": form}
    chosen = form.cleaned_data["period"] or next(iter(periods))
    starts_at, ends_at = periods[chosen]
    limit = form.cleaned_data["limit"]
    found = replay(scope=budget.scope, starts_at=starts_at, ends_at=ends_at, limit=limit)
    return {"form": form, "said": dict(choices)[chosen], **_answer(found, budget)}


def _answer(found: Replay, budget: Budget) -> dict[str, Any]:
    chart, series = replayed(found, zone=budget.time_zone)
    return {
        "found": found,
        "chart": chart,
        "series": series,
        "tables": [
            ("service", _rows(found.by_service(), found)),
            ("model", _rows(found.by_model(), found)),
        ],
        "reads_entries": "tag" in budget.scope,
    }


def _rows(groups: Sequence[tuple[str, Refused]], found: Replay) -> list[Row]:
    shown, rest = groups[:SHOWN], groups[SHOWN:]
    if rest:
        more = f"{len(rest):,} more"
        shown = [*shown, (more, sum((refused for _, refused in rest), Refused()))]
    whole = found.refused.amount
    return [
        Row(name, refused, refused.amount / whole if whole > 0 else 0) for name, refused in shown
    ]


def _earlier(budget: Budget, now: datetime) -> dict[str, Bounds]:
    """First day, of the budget's zone → bounds of the periods before that of now, the latest
    first."""
    zone = ZoneInfo(budget.time_zone)
    found: dict[str, Bounds] = {}
    ends_at = bounds_now([budget], now)[budget.pk][0]
    for _ in range(PERIODS):
        starts_at = bounds_now([budget], ends_at - timedelta(microseconds=1))[budget.pk][0]
        found[f"{starts_at.astimezone(zone):%Y-%m-%d}"] = starts_at, ends_at
        ends_at = starts_at
    return found
