"""CSV that a spreadsheet may open: lines one by one, and nothing in them that it would run."""

import csv
from collections.abc import Iterable, Iterator

# The last four are the full-width forms, which some spreadsheets read as the first four.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class _Echo:
    """A file for `csv.writer` that hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    return (writer.writerow([_defused(str(cell)) for cell in row]) for row in rows)


def _defused(cell: str) -> str:
    """A leading quote keeps a spreadsheet from running a name as a formula; numbers stay."""
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) and not is_number else cell
