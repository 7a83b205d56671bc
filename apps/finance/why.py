"""The page “Why did it change?”: the bridge between two periods, and who moved most."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from django.utils.safestring import SafeString

from apps.core.admin.cells import exact_money
from apps.core.charts import Waterfall
from apps.core.money import Pico, short_usd, usd_beside
from apps.finance.bridge import Bridge, Effect, Step, bridge
from apps.finance.factors import Model, Rates
from apps.finance.figures import NOTHING_NAMED, axis_usd
from apps.finance.list_prices import list_prices
from apps.finance.query import Query
from apps.finance.selectors import cost_rows
from apps.finance.types import Sums
from apps.ledger.reports import Days

MOST = 20  # contributors that are shown
LABELS = {
    Effect.VOLUME: ("Volume", "answers that callers got"),
    Effect.CACHE: ("Our cache", "share of them from our cache"),
    Effect.RETRIES: ("Retries", "requests billed for each answer of a provider"),
    Effect.MIX: ("Model mix", "mean cost of a request, had nothing but the mix changed"),
    Effect.INPUT: ("Input tokens", "mean length of a request, cached input too"),
    Effect.OUTPUT: ("Output tokens", "mean length of an answer"),
    Effect.CACHED: ("Cached input", "share of the input that the provider had in its cache"),
    Effect.PRICE: (
        "Price",
        "cost, in % of the earlier price list for these tokens; service tiers, long inputs too",
    ),
    Effect.OTHER: ("Other", "adjustments, credits, and calls without tokens"),
}


@dataclass(frozen=True)
class Line:
    """An effect in words."""

    label: str
    about: str
    before: str
    after: str
    step: Step

    @property
    def amount(self) -> SafeString:
        return exact_money(self.step.amount, is_change=True)


@dataclass(frozen=True)
class Contributor:
    """A value of the first dimension, by model in both periods."""

    value: str
    label: str
    was: Mapping[Model, Sums]
    now: Mapping[Model, Sums]
    listed: Mapping[Model, Rates]

    @cached_property
    def before(self) -> Pico:
        return sum(sums.amount_pico for sums in self.was.values())

    @cached_property
    def after(self) -> Pico:
        return sum(sums.amount_pico for sums in self.now.values())

    @property
    def change(self) -> Pico:
        return self.after - self.before

    @cached_property
    def bridge(self) -> Bridge:
        """Takes milliseconds, so only those that are shown are asked."""
        return bridge(before=self.was, after=self.now, listed=self.listed)

    @property
    def cause(self) -> str:
        return LABELS[self.bridge.main_cause.effect][0]


@dataclass(frozen=True)
class Why:
    query: Query
    before: Days
    bridge: Bridge
    lines: list[Line]
    contributors: list[Contributor]
    """Largest change first; their changes add up to the whole."""
    shift: str
    after: Sums
    unlisted: list[str]
    """Models that the price list says nothing about: their tokens count alike."""


def why(*, query: Query) -> Why:
    """Two reads of the rollups. Of a question that compares with nothing: against the period
    before."""
    query = query if query.days_before else replace(query, compare="before")
    before = query.days_before
    if before is None:
        raise ValueError("A comparison has days.")
    dimension = query.dimensions[0]
    was, now = _sums(query, before), _sums(query, query.days)
    listed = list_prices(before=before.bounds[1])
    models = _together(was), _together(now)
    whole = bridge(before=models[0], after=models[1], listed=listed)
    found = [
        Contributor(
            value, dimension.label_of(value), was.get(value, {}), now.get(value, {}), listed
        )
        for value in {*was, *now}
    ]
    return Why(
        query=query,
        before=before,
        bridge=whole,
        lines=[_line(step) for step in whole.steps],
        contributors=sorted(found, key=lambda one: (-abs(one.change), one.label)),
        shift=_largest_shift(whole.shifts),
        after=sum(models[1].values(), Sums()),
        unlisted=sorted(map(_named, {*models[0], *models[1]} - {*listed})),
    )


def waterfall_of(found: Why) -> Waterfall:
    whole = max(found.bridge.before, found.bridge.after)
    return Waterfall(
        title="Cost by what changed it",
        first=("Before", found.bridge.before),
        steps=[(line.label, line.step.amount) for line in found.lines],
        last="After",
        format=lambda amount: usd_beside(int(amount), whole),
        axis=axis_usd,
    )


def by_model(query: Query) -> Query:
    """What a bridge is made of: the first dimension, and whose price it is."""
    return replace(query, group_by=tuple(dict.fromkeys((query.group_by[0], "provider", "model"))))


Groups = Mapping[str, Mapping[Model, Sums]]


def _sums(query: Query, days: Days) -> Groups:
    """Value of the first dimension → model of a provider → sums."""
    asked = by_model(query)
    first, keys = query.group_by[0], asked.group_by
    rows = cost_rows(query=asked, keys=keys, days=days)
    groups: dict[str, dict[Model, Sums]] = {}
    for row in rows:
        values = dict(zip(keys, map(str, row.keys), strict=True))
        model = (values["provider"], values["model"])
        groups.setdefault(values[first], {})[model] = row.sums
    return groups


def _together(groups: Groups) -> dict[Model, Sums]:
    found: dict[Model, Sums] = {}
    for models in groups.values():
        for model, sums in models.items():
            found[model] = found.get(model, Sums()) + sums
    return found


def _line(step: Step) -> Line:
    label, about = LABELS[step.effect]
    return Line(label, about, _said(step.effect, step.before), _said(step.effect, step.after), step)


def _said(effect: Effect, value: Fraction | None) -> str:
    if value is None:
        return "–"
    match effect:
        case Effect.VOLUME:
            return f"{int(value):,}"
        case Effect.CACHE | Effect.CACHED | Effect.PRICE:
            return f"{float(value):.1%}"
        case Effect.RETRIES:
            return f"{float(value):.3f}"
        case Effect.INPUT | Effect.OUTPUT:
            return f"{float(value):,.1f}"
        case _:
            return short_usd(round(value))


def _named(model: Model) -> str:
    """“azure/gpt-5”; of what names no model, who billed it."""
    provider, name = model
    if not provider:
        return name or NOTHING_NAMED
    return f"{provider}/{name}" if name else f"{provider} (no model)"


def _largest_shift(shifts: Mapping[Model, tuple[Fraction, Fraction]]) -> str:
    """“azure/gpt-5 from 10.0 % to 25.0 % of the requests”"""
    if not shifts:
        return ""
    grown = {model: now - was for model, (was, now) in shifts.items()}
    model = max(grown, key=lambda model: (abs(grown[model]), grown[model], model))
    was, now = shifts[model]
    if was == now:
        return ""
    return f"{_named(model)} from {float(was):.1%} to {float(now):.1%} of the requests"
