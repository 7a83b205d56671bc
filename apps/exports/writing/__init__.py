"""One writer for each format: a question in, the bytes of a file out."""

from collections.abc import Callable, Mapping
from typing import IO

from apps.exports.models import Format
from apps.exports.types import Asked, Built, Progress
from apps.exports.writing import copying, focus, table, workbook
from apps.finance.query import Query

Writer = Callable[[Query, Asked, IO[bytes], Progress], Built]
WRITERS: Mapping[str, Writer] = {
    Format.XLSX: workbook.write_xlsx,
    Format.CSV: table.write_csv,
    Format.ENTRIES: copying.write_entries,
    Format.LINES: copying.write_lines,
    Format.JSON: table.write_json,
    Format.FOCUS: focus.write_focus,
}
