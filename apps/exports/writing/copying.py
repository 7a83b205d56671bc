"""Ledger entries and price lines as CSV: as many as there are, streamed from Postgres."""

from typing import IO

from psycopg import sql

from apps.exports import entry_sql
from apps.exports.books import copied, counted, counted_lines
from apps.exports.types import LARGEST, Asked, Built, ExportRefused, Progress
from apps.finance.query import Query
from apps.finance.selectors import total

_LOOK = 1000  # rows between two words about progress


def write_entries(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    rows = counted(query)
    _copy(entry_sql.entries_select(query, defused=True), rows, file, progress)
    return Built(rows, total(query=query).amount_pico)


def write_lines(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    rows, amount = counted_lines(query)
    _copy(entry_sql.lines_select(query, defused=True), rows, file, progress)
    return Built(rows, amount)


def _copy(statement: sql.Composed, rows: int, file: IO[bytes], progress: Progress) -> None:
    progress.expect(rows)
    unsaid, size = -1, 0  # the head is no row
    for data in copied(statement):
        size += file.write(data)
        unsaid += 1  # COPY hands over a row at a time
        if size > LARGEST:
            raise ExportRefused(
                f"It has {rows:,} rows, more than the {LARGEST // 1024**2} MB of a file. Ask for "
                "fewer days, or filter."
            )
        if unsaid == _LOOK:
            progress.step(unsaid)
            unsaid = 0
    progress.step(unsaid)
