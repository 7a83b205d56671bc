"""Usage of a file of OpenAI's: tokens and requests of models, without money."""

from collections.abc import Mapping
from datetime import date
from typing import BinaryIO

from apps.reconciliation.models import Category, DateFormat
from apps.reconciliation.reading.amounts import count_of
from apps.reconciliation.reading.cells import day_of
from apps.reconciliation.reading.costs import Reading
from apps.reconciliation.reading.rows import Unreadable, rows_of
from apps.reconciliation.types import ReadLine

_DAY = ("start_time_iso", "start_time")
_REQUESTS = "num_model_requests"
_ACCOUNTS = ("project_id", "project_name")
# what its columns say → our meter; they include one another
_READ, _WRITTEN = "input_cached_tokens", "input_cache_write_tokens"
_ALL_IN, _OUT = "input_tokens", "output_tokens"
_NEEDED = ("model", _REQUESTS, _ALL_IN)


def read_usage(file: BinaryIO, *, accounts: frozenset[str], today: date) -> Reading:
    """Never raises for bad content: it comes back as faults."""
    reading = Reading()
    try:
        rows = rows_of(file)
        _, names = next(rows)
        day_column = next((name for name in _DAY if name in names), "")
        if missing := [n for n in _NEEDED if n not in names] + ([] if day_column else [_DAY[0]]):
            raise Unreadable(f"Columns are missing: {', '.join(missing)}.")
        for number, cells in rows:
            _read(reading, number, cells, day_column, accounts, today)
    except Unreadable as error:
        reading.fault(0, str(error))
    return reading


def _read(
    reading: Reading,
    number: int,
    cells: Mapping[str, str],
    day_column: str,
    accounts: frozenset[str],
    today: date,
) -> None:
    model = cells["model"]
    account = next((cells[name] for name in _ACCOUNTS if cells.get(name)), "")
    if accounts and account not in accounts and model:
        reading.left_out += 1
        return
    with reading.noting(number):
        day = day_of(cells[day_column], DateFormat.ISO, today=today)
        if not model:
            return  # a day without calls
        calls = count_of(cells[_REQUESTS] or "0")
        for item, quantity in _quantities(model, cells).items():
            line = ReadLine(
                number=number,
                day=day,
                item=item[:200],
                category=Category.USAGE,
                account=account[:200],
                quantity=quantity,
                calls=calls,
            )
            reading.lines.append(line)


def _quantities(model: str, cells: Mapping[str, str]) -> dict[str, int]:
    """The item of each meter, as costs name it, and its tokens: none counted twice."""
    counts = {name: count_of(cells.get(name) or "0") or 0 for name in (_READ, _WRITTEN)}
    plain = (count_of(cells[_ALL_IN] or "0") or 0) - sum(counts.values())
    return {
        f"{model}, input": plain,
        f"{model}, cached input": counts[_READ],
        f"{model}, cache writes": counts[_WRITTEN],
        f"{model}, output": count_of(cells.get(_OUT) or "0") or 0,
    }
