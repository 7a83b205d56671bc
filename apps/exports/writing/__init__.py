"""One writer for each format: a question in, the bytes of a file out."""

from collections.abc import Callable, Mapping
from typing import IO

from apps.exports.models import Format
from apps.exports.types import Asked, Built, Progress
from apps.exports.writing import table
from apps.finance.query import Query

Writer = Callable[[Query, Asked, IO[bytes], Progress], Built]
WRITERS: Mapping[str, Writer] = {
    Format.CSV: table.write_csv,
    Format.JSON: table.write_json,
}
