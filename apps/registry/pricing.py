"""Prices as people and APIs read them."""

from fractions import Fraction

from apps.core.money import Pico, exact_usd
from apps.registry.types import PriceRow

MILLION = 10**6


def per_unit(row: PriceRow) -> Fraction:
    """Exact pico-USD for one unit."""
    return Fraction(row.price_pico, row.per_block)


def usd_per_unit(row: PriceRow) -> str:
    """Dollars for one unit as an exact decimal, or `price/block` when no decimal is exact."""
    price = per_unit(row)
    if price.denominator == 1:
        return exact_usd(int(price))
    return f"{exact_usd(row.price_pico)}/{row.per_block}"


def usd_per_million(row: PriceRow) -> str:
    """Dollars for a million units, shortest exact decimal, or `price/block` when none is exact."""
    price = per_unit(row) * MILLION
    if price.denominator == 1:
        return shortest(int(price))
    return f"{exact_usd(row.price_pico * MILLION)}/{row.per_block}"


def shortest(amount: Pico) -> str:
    """An exact amount in dollars without needless zeros: `'0.15'`, `'2'`."""
    return exact_usd(amount).rstrip("0").rstrip(".")
