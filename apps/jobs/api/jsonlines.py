"""JSON lines in and out, in memory that does not grow with them."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import count
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from apps.core import strict_json
from apps.core.api import too_large
from apps.core.faults import Fault

MAX_BYTES = 100 * 1024 * 1024  # of an upload; it waits on disk, not in memory
_PIECE = 64 * 1024


class Upload:
    """Lines that were sent, on disk. Iterate once; close it."""

    def __init__(self, file: IO[bytes], fingerprint: str) -> None:
        self._file = file
        self.fingerprint = fingerprint

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        """What each line holds, or the `Fault` that makes it none; empty lines are left out."""
        self._file.seek(0)
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        for number in count(1):
            line = self._file.readline(limit + 1)
            if not line:
                return
            if len(line) > limit:
                raise too_large(limit)
            if line.strip():
                yield _value(line, number)


def _value(line: bytes, number: int) -> Any:
    try:
        return strict_json.loads(line, first_line=number)
    except strict_json.InvalidJSON as error:
        return Fault("", str(error), "parse_error")


class JSONLinesParser(BaseParser):
    media_type = "application/x-ndjson"

    def parse(  # type: ignore[override]  # DRF hands on whatever a parser gives
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Upload:
        file = TemporaryFile()  # noqa: SIM115 - outlives this function; `Upload.close` ends it
        digest, size = hashlib.sha256(), 0
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > MAX_BYTES:
                file.close()
                raise too_large(MAX_BYTES)
            digest.update(piece)
            file.write(piece)
        return Upload(file, digest.hexdigest())


class JSONLParser(JSONLinesParser):
    media_type = "application/jsonl"


class JSONLinesRenderer(BaseRenderer):
    """Only names the type: what it stands for is streamed past it."""

    media_type = "application/x-ndjson"
    format = "jsonl"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return strict_json.dumps(data)
