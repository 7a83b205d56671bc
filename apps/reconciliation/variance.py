"""Why a provider's statement differs from our books: pure, exact, integers of pico-USD.

Of a key that both sides have, with a = amount, q = quantity, N = calls, p = a / q, and o, t for
ours and theirs, the cost is changed from ours to theirs in steps; each column is the difference of
the cost after and before its step, so that they add up whatever the numbers are:

    a_o  →  a_o · N_t / N_o  →  q_t · p_o  →  a_t
          capture            tokens      price or rounding

Costs in between are fractions, rounded once, half to even. Where a side does not count calls, that
step is left out, and a missing call shows as tokens. Where one states no quantity, all that is left
is the rest. What is left is rounding when it is at most half the grain of their amounts for each
line (cents: 0.5 cents a line), else price.

A key on one side only is capture. Credits, discounts, taxes, repeated lines and what could not be
matched have columns of their own. Timing takes both of two neighbouring days whose differences are
exact opposites.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from fractions import Fraction

from apps.core.money import Pico
from apps.reconciliation.types import UNMATCHED, Column, Key, Row, Side

_OWN_COLUMN = {
    "credit": Column.CREDIT,
    "discount": Column.DISCOUNT,
    "tax": Column.TAX,
    "other": Column.REST,
    UNMATCHED: Column.REST,
}
_DAY = timedelta(days=1)


def compare(
    *,
    ours: Mapping[Key, Side],
    theirs: Mapping[Key, Side],
    repeated: Mapping[Key, Pico] | None = None,
    grain: Pico = 1,
) -> list[Row]:
    """A row for each key of either side, in their order. `repeated`: what repeated lines of a key
    come to, which is not in `theirs`; `grain`: the smallest step of their amounts, in pico-USD."""
    again = repeated or {}
    rows = {
        key: Row(
            key,
            ours.get(key),
            theirs.get(key),
            split(key.meter, ours.get(key), theirs.get(key), again.get(key, 0), grain),
        )
        for key in sorted({*ours, *theirs, *again})
    }
    _move_days(rows)
    return list(rows.values())


def totals(rows: Iterable[Row]) -> dict[Column, Pico]:
    found = dict.fromkeys(Column, 0)
    for row in rows:
        for column, amount in row.columns.items():
            found[column] += amount
    return found


def split(
    meter: str, ours: Side | None, theirs: Side | None, repeated: Pico = 0, grain: Pico = 1
) -> dict[Column, Pico]:
    """The columns of one key; see above."""
    columns = dict.fromkeys(Column, 0)
    columns[Column.REPEATED] = repeated
    if own := _OWN_COLUMN.get(meter):
        columns[own] += _amount(theirs) - _amount(ours)
    elif ours is None or theirs is None or _is_nothing(ours):
        columns[Column.CAPTURE] = _amount(theirs) - _amount(ours)
    else:
        columns |= _steps(ours, theirs, grain)
    return columns


def _steps(ours: Side, theirs: Side, grain: Pico) -> dict[Column, Pico]:
    cost = Fraction(ours.amount_pico)
    with_calls = cost * theirs.calls / ours.calls if ours.calls and theirs.calls else cost
    with_tokens, says_how_much = with_calls, False
    if ours.quantity and theirs.quantity is not None:
        with_tokens, says_how_much = cost / ours.quantity * theirs.quantity, True
    left = theirs.amount_pico - round(with_tokens)
    return {
        Column.CAPTURE: round(with_calls) - ours.amount_pico,
        Column.TOKENS: round(with_tokens) - round(with_calls),
        _column_of(left, theirs, grain, says_how_much): left,
    }


def _column_of(left: Pico, theirs: Side, grain: Pico, says_how_much: bool) -> Column:
    if 2 * abs(left) <= grain * theirs.lines:
        return Column.ROUNDING
    return Column.PRICE if says_how_much else Column.REST


def _move_days(rows: dict[Key, Row]) -> None:
    """Neighbouring days whose differences are opposites, the earliest first, each once."""
    moved: set[Key] = set()
    for key in list(rows):
        after = key._replace(day=key.day + _DAY)
        if key in moved or after not in rows or key.meter == UNMATCHED:
            continue
        here, there = _between(rows[key]), _between(rows[after])
        if here and here == -there:
            moved |= {key, after}
    for key in moved:
        row = rows[key]
        kept = dict.fromkeys(Column, 0) | {Column.REPEATED: row.columns[Column.REPEATED]}
        columns = kept | {Column.TIMING: _between(row)}
        rows[key] = Row(key, row.ours, row.theirs, columns)


def _between(row: Row) -> Pico:
    return _amount(row.theirs) - _amount(row.ours)


def _amount(side: Side | None) -> Pico:
    return side.amount_pico if side else 0


def _is_nothing(side: Side) -> bool:
    return not side.amount_pico and not side.quantity
