"""Exact money: integers of pico-dollars (10⁻¹² USD).

Every published token price is a whole number of pico-dollars a token, so a token cost needs no
rounding at all; only meters with a block larger than one unit round, half to even, once a line.
"""

import re
from decimal import Context, Decimal

from django.core.exceptions import ValidationError

PICO = 10**12
Pico = int  # an amount of pico-USD

# What is parsed is bounded, or `1e999999` becomes an integer of a million digits; the precision is
# more than the longest text has digits, so that nothing is rounded before it is judged.
_LONGEST, _LARGEST = 100, 30
_EXACT = Context(prec=2 * _LONGEST)
# As our pages show amounts: only a point behind the groups tells that a comma groups thousands.
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+\.[0-9]+")


def line_amount(*, quantity: int, price_pico: int, per_block: int = 1) -> Pico:
    """Cost of `quantity` units at `price_pico` pico-USD per `per_block` units, half to even."""
    product = quantity * price_pico
    whole, rest = divmod(product, per_block)
    twice = 2 * rest
    if twice > per_block or (twice == per_block and whole % 2):
        whole += 1
    return whole


def exact_usd(amount: Pico) -> str:
    """The exact amount in dollars as a plain decimal string, e.g. `'0.000000150000'`."""
    sign, digits = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{digits // PICO}.{digits % PICO:012d}"


def short_usd(amount: Pico) -> str:
    """For people: two decimals from one dollar up, else six; never loses a non-zero amount."""
    if amount == 0:
        return "$0.00"
    sign, value = ("-" if amount < 0 else ""), abs(amount)
    if value >= PICO:
        return f"{sign}${Decimal(value) / PICO:,.2f}"
    if value >= 10**6:
        return f"{sign}${Decimal(value) / PICO:.6f}"
    return f"{sign}${exact_usd(value).rstrip('0')}"


def usd_beside(amount: Pico, whole: Pico) -> str:
    """For a column, or figures side by side: beside a `whole` of dollars all have two decimals, so
    that one can read down them; what is less than a cent is said to be."""
    if abs(whole) < PICO:
        return short_usd(amount)
    cent = PICO // 100
    if 0 < abs(amount) < cent:
        return f"{'-' if amount < 0 else ''}<$0.01"
    sign = "-" if amount < 0 else ""
    return f"{sign}${Decimal(abs(amount)) / PICO:,.2f}"


def signed(text: str, amount: Pico) -> str:
    """What something changed by: an increase says so."""
    return f"+{text}" if amount > 0 else text


def pico_from_usd(value: str | Decimal | int) -> Pico:
    """Parse dollars exactly; more than twelve decimals are an error, never rounded away.

    Raises: `django.core.exceptions.ValidationError`.
    """
    text = str(value)
    try:
        scaled = Decimal(text).scaleb(12, _EXACT)
    except ArithmeticError as error:
        raise _no_amount(text) from error
    if not scaled.is_finite() or len(text) > _LONGEST or scaled.adjusted() > _LARGEST:
        raise _no_amount(text)
    if scaled != scaled.to_integral_value():
        raise ValidationError(f"“{text}” is finer than a pico-dollar (12 decimals).")
    return int(scaled)


def plain_usd(text: str) -> str:
    """Dollars as people write them, without the sign and the commas between thousands.

    Raises: `django.core.exceptions.ValidationError` where a comma may mean either.
    """
    text = text.removeprefix("$")
    if "," in text and not _GROUPED.fullmatch(text):
        raise ValidationError(
            "Write it with a point and without a comma, such as 1234.50: "
            "0,15 means fifteen cents to some and 15 dollars to others."
        )
    return text.replace(",", "")


def _no_amount(text: str) -> ValidationError:
    return ValidationError(f"“{text[:30]}” is not an amount of dollars.")
