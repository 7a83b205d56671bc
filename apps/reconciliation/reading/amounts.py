"""Numbers of files: exact, bounded, and never guessed."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from django.core.exceptions import ValidationError

from apps.core.money import PICO, Pico, plain_usd

_LONGEST = 100  # of a number's text
_EXACT = Context(prec=2 * _LONGEST, rounding=ROUND_HALF_EVEN)
_LARGEST = 2**63
_BLOCKS = {"": 1, "k": 1000, "m": 10**6}
_UNIT = re.compile(r"([1-9][0-9]{0,8}) ?([km]?)(?: ?(?:tokens?|requests?|calls?))?\Z")


@dataclass(frozen=True, slots=True)
class Amount:
    """`decimals`: how many of its dollars matter, at most 12; `was_finer`: it had more, and was
    rounded to a pico-dollar, half to even. Exports carry the noise of their own arithmetic."""

    pico: Pico
    decimals: int
    was_finer: bool


def amount_of(text: str) -> Amount:
    """Dollars. Raises: `django.core.exceptions.ValidationError`."""
    value = _number(plain_usd(text), "an amount of dollars")
    exact = _EXACT.multiply(value, PICO)
    pico = int(exact.to_integral_value(ROUND_HALF_EVEN))
    if abs(pico) >= _LARGEST:
        raise ValidationError(f"“{text}” is more than a line can hold: 9.2 million dollars.")
    return Amount(pico, _decimals(pico), pico != exact)


def quantity_of(text: str, *, unit: str, unit_of_measure: str = "") -> int | None:
    """Whole units, half to even where an export rounded them itself. `unit`: one of
    `models.QuantityUnit`. None: its unit of measure is none of tokens or requests, such as an hour.

    Raises: `ValidationError`.
    """
    block = _stated(unit_of_measure) if unit == "stated" else int(unit)
    value = _number(text, "a quantity")
    if block is None:
        return None
    whole = int(_EXACT.multiply(value, block).to_integral_value(ROUND_HALF_EVEN))
    if abs(whole) >= _LARGEST:
        raise ValidationError(f"“{text[:30]}” is too large.")
    return whole


def count_of(text: str) -> int | None:
    """Raises: `ValidationError`."""
    return quantity_of(text, unit="1")


def _number(text: str, what: str) -> Decimal:
    text = text.strip()
    try:
        value = Decimal(text)
    except ArithmeticError as error:
        raise ValidationError(f"“{text[:30]}” is not {what}.") from error
    if not value.is_finite() or len(text) > _LONGEST or value.adjusted() > 30:
        raise ValidationError(f"“{text[:30]}” is not {what}.")
    if value == 0:  # some write zero with thousands of decimals
        return Decimal(0)
    if value.adjusted() < -40:
        raise ValidationError(f"“{text[:30]}” is not {what}.")
    return value


def _decimals(pico: Pico) -> int:
    if not pico:
        return 0
    digits = f"{abs(pico) % PICO:012d}".rstrip("0")
    return len(digits)


def _stated(unit_of_measure: str) -> int | None:
    """“1M”, “1 K”, “1000 Tokens”: how many units its block has."""
    found = _UNIT.match(unit_of_measure.strip().lower())
    return int(found[1]) * _BLOCKS[found[2]] if found else None
