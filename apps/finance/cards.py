"""The explorer's cards: the question's answer in a few figures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.urls import reverse

from apps.core.money import Pico, signed, usd_beside
from apps.finance.explorer import Exploration, Group
from apps.finance.figures import Delta, delta
from apps.finance.forecast import Forecast


@dataclass(frozen=True)
class Card:
    label: str
    value: str
    note: str = ""
    delta: Delta | None = None
    url: str = ""


def cards(
    exploration: Exploration, *, forecast: Forecast | None, provider_saved: Pico | None, today: date
) -> list[Card]:
    return [
        _total(exploration),
        *_forecast(forecast, today),
        _saved(exploration, provider_saved),
        _wasted(exploration),
        _unattributed(exploration),
        *_mover(exploration),
    ]


def _beside(exploration: Exploration) -> Callable[[Pico], str]:
    """How amounts of these cards are written, as they stand side by side."""
    return partial(usd_beside, whole=exploration.total.sums.amount_pico)


def _total(exploration: Exploration) -> Card:
    total, usd = exploration.total, _beside(exploration)
    if total.before is None:
        return Card("Cost", usd(total.sums.amount_pico), "compared with nothing")
    was = f"{usd(total.before.amount_pico)} before"
    return Card("Cost", usd(total.sums.amount_pico), was, total.change)


def _forecast(forecast: Forecast | None, today: date) -> Iterator[Card]:
    if forecast is None:
        return
    name = f"Forecast, {today:%B}"
    off = (
        "too few days to say how sure"
        if forecast.error is None
        else f"± {forecast.error:.0%}, by {forecast.tests} back-tests"
    )
    yield Card(name, usd_beside(forecast.total, forecast.total), off)


def _saved(exploration: Exploration, provider_saved: Pico | None) -> Card:
    ours, usd = exploration.total.sums.avoided_pico, _beside(exploration)
    about = "open for these" if provider_saved is None else f"about {usd(provider_saved)}"
    note = f"providers’ caches: {about}"
    was = exploration.total.before
    change = None if was is None else delta(ours, was.avoided_pico, more_is="better")
    url = f"{reverse('admin:costs_savings')}?{exploration.query.address}"
    return Card("Saved by cache", usd(ours), note, change, url)


def _wasted(exploration: Exploration) -> Card:
    sums, days = exploration.total.sums, exploration.query.days
    share = sums.wasted_pico / sums.amount_pico if sums.amount_pico > 0 else 0
    url = f"{reverse('admin:waste')}?from={days.first}&to={days.last}"
    wasted = _beside(exploration)(sums.wasted_pico)
    return Card("Brought no answer", wasted, f"{share:.1%} of the cost", url=url)


def _unattributed(exploration: Exploration) -> Card:
    dimension = exploration.query.dimensions[0]
    amount, whole = exploration.unattributed.amount_pico, exploration.total.sums.amount_pico
    share = f"{amount / whole:.1%}" if whole > 0 else "0.0%"
    shown = usd_beside(amount, whole)
    return Card(f"No {dimension.label.lower()}", share, f"{shown} unattributed")


def _mover(exploration: Exploration) -> Iterator[Card]:
    mover: Group | None = exploration.largest_mover
    if exploration.total.before is None or mover is None:
        return
    name = " · ".join(mover.labels)
    change = signed(_beside(exploration)(mover.change_pico), mover.change_pico)
    yield Card("Largest mover", change, name, mover.change)
