"""Numbers made readable: changes, amounts, layers of a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.core.chart_marks import Number
from apps.core.charts import COLOURS, Series
from apps.core.money import PICO, Pico, exact_usd, short_usd

NOTHING_NAMED = "(none)"
OTHER = "other"
NO_COMPARISON = "–"


@dataclass(frozen=True)
class Delta:
    """A change against the period before. `judgement`: better, worse, or nothing to say."""

    text: str
    judgement: str = ""

    @property
    def is_known(self) -> bool:
        return self.text != NO_COMPARISON


def delta(now: Number | None, before: Number | None, *, more_is: str = "") -> Delta:
    """`more_is`: what a rise means, “better” or “worse”; empty when neither."""
    if not before or now is None:
        return Delta(NO_COMPARISON)
    change = (now - before) / abs(before)
    if abs(change) < 0.0005:
        return Delta("± 0.0 %")
    arrow = "▲" if change > 0 else "▼"
    opposite = {"better": "worse", "worse": "better"}.get(more_is, "")
    return Delta(f"{arrow} {abs(change):,.1%}", more_is if change > 0 else opposite)


def axis_usd(value: Number) -> str:
    """An amount of pico-USD at an axis: as short as it can be read."""
    dollars = Decimal(int(value)) / PICO
    if dollars == 0:
        return "$0"
    if dollars >= 10 or dollars == dollars.to_integral_value():
        return f"${dollars:,.0f}"
    return f"${dollars.normalize():f}" if dollars < 1 else f"${dollars:,.2f}"


def mark_usd(value: Number) -> str:
    return short_usd(int(value))


def split_usd(amount: Pico) -> tuple[str, str]:
    """The exact amount in two parts: what one reads, and the digits down to 10⁻¹²."""
    whole = exact_usd(amount)
    cut = whole.index(".") + 3
    sign, digits = ("-", whole[1:cut]) if whole.startswith("-") else ("", whole[:cut])
    units, cents = digits.split(".")
    return f"{sign}{int(units):,}.{cents}", whole[cut:]


def largest(totals: Mapping[str, int], *, apart: str = "") -> list[str]:
    """The names of groups that have a colour of their own, the largest first. `apart` is one of
    them, whatever it comes to."""
    ranked = sorted(totals, key=lambda name: (name != apart, -totals[name], name))
    return sorted(ranked[: COLOURS - 1], key=lambda name: (-totals[name], name))


def layers(groups: Mapping[str, Sequence[int]]) -> list[Series]:
    """One layer for each of the largest groups, the rest together in grey. `groups`: what each is
    called → one value for each bar."""
    own = largest({name: sum(values) for name, values in groups.items()})
    rest = [values for name, values in groups.items() if name not in own]
    made = [Series(name, groups[name], n) for n, name in enumerate(own, 1)]
    return [*made, the_rest([sum(values) for values in zip(*rest, strict=True)])] if rest else made


def the_rest(values: Sequence[int]) -> Series:
    return Series(OTHER, values, COLOURS)
