"""A file as rows of cells by column, one after the other: bounded, and never all in memory."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

MAX_BYTES = 20 * 1024 * 1024
MAX_LINES = 200_000
_DELIMITERS = ",;\t"
_CHUNK = 1 << 20
_NO_TEXT = "Not UTF-8. Save it as “CSV UTF-8”, or export it again."


class Unreadable(Exception):
    """The file as a whole; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a file from all others."""

    sha256: str
    size: int


def stamp(file: BinaryIO) -> Stamp:
    """Raises: `Unreadable` when it is empty, too large, or no text."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise Unreadable(f"Larger than {MAX_BYTES >> 20} MB. Export fewer days at once.")
        if b"\0" in chunk:  # a workbook, or another encoding; and no database keeps it
            raise Unreadable(_NO_TEXT)
    if not size:
        raise Unreadable("The file is empty.")
    file.seek(0)
    return Stamp(digest.hexdigest(), size)


def rows_of(file: BinaryIO) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The line's number and its cells by the name of the column in small letters; the first pair
    holds the names alone, with empty cells. Raises: `Unreadable`."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from _rows(text)
    except UnicodeDecodeError as error:
        raise Unreadable(_NO_TEXT) from error
    except csv.Error as error:
        raise Unreadable(f"No CSV: {error}.") from error
    finally:
        text.detach()


def _rows(text: io.TextIOWrapper) -> Iterator[tuple[int, Mapping[str, str]]]:
    first = text.readline(10_000)
    delimiter = max(_DELIMITERS, key=first.count)
    names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise Unreadable(f"Two columns have the name {', '.join(twice)}.")
    yield 1, dict.fromkeys(names, "")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    for count, cells in enumerate(reader, 1):
        if count > MAX_LINES:
            raise Unreadable(f"More than {MAX_LINES:,} lines. Export fewer days at once.")
        if any(map(str.strip, cells)):
            padded = cells + [""] * (len(names) - len(cells))
            yield reader.line_num + 1, dict(zip(names, map(str.strip, padded), strict=False))
