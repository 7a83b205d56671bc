"""CSV that a spreadsheet may open: lines one by one, and nothing in them that it would run."""

import csv
import re
from collections.abc import Iterable, Iterator

# The full-width forms are read by some spreadsheets as the others. The hyphen is last, as it must
# be between brackets.
FORMULA_STARTS = ("=", "+", "@", "\uff1d", "\uff0b", "\uff20", "\t", "\r", "\n", "\uff0d", "-")
_SKIPPED = " \t\r\n\v\f\u00a0\u200b\u3000\ufeff\"'"
FORMULA = f"^[{_SKIPPED}]*[{''.join(FORMULA_STARTS)}]"
"""A regular expression, of Python's and of Postgres's kind: text that a spreadsheet may run, now or
as soon as somebody edits its cell; also behind blanks and quotes, which some leave out."""

_IS_FORMULA = re.compile(FORMULA)
_IS_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class _Echo:
    """A file for `csv.writer` that hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    return (writer.writerow([_defused(str(cell)) for cell in row]) for row in rows)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run it (see `FORMULA`)."""
    return _IS_FORMULA.match(text) is not None


def _defused(cell: str) -> str:
    """A leading quote keeps a spreadsheet from running a name as a formula; numbers stay."""
    return f"'{cell}" if is_formula(cell) and not _IS_NUMBER.fullmatch(cell) else cell
