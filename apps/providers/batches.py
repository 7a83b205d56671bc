"""A provider's Batch API: a file of requests, a batch made of it, and the files of its results.

Few and slow requests, so they go through the vendor's package itself. Each method is one HTTP
request (two for a list of several pages), without retries, and blocks: call it from a thread that
has no event loop. All raise `ProviderError`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from apps.core import strict_json
from apps.providers import faults
from apps.providers.bodies import CHAT, chat_body
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import ChatRequest, Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MAX_RESULT_BYTES = 512 * 1024 * 1024
MARKER = "llmplatform_batch"  # the key of our own id in a batch's metadata
LISTED = 1_000  # batches, the newest first, that are looked through for ours
_PAGE = 100

OVER = ("completed", "failed", "expired", "cancelled")
"""Statuses after which nothing changes any more."""
_STATUSES = (*OVER, "validating", "in_progress", "finalizing", "cancelling")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as its provider tells of it; `completed` and `failed` count its requests."""

    id: str
    status: str
    input_file_id: str
    output_file_id: str = ""
    error_file_id: str = ""
    completed: int = 0
    failed: int = 0
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.status in OVER


def request_line(endpoint: Endpoint, custom_id: str, request: ChatRequest) -> str:
    """One request of a batch's file."""
    line = {
        "custom_id": custom_id,
        "method": "POST",
        "url": f"/v1{CHAT}",
        "body": chat_body(endpoint, request),
    }
    return strict_json.dumps(line).decode()


class BatchApi:
    """The batches of one account."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def upload(self, lines: Iterable[str]) -> str:
        """Store the file of requests; its id. A file alone costs nothing and starts nothing."""
        data = "\n".join(lines).encode()
        made = self._ask(
            lambda client: client.files.create(file=("batch.jsonl", data), purpose="batch")
        )
        return self._id_of(made)

    def create(self, *, file_id: str, marker: str) -> RemoteBatch:
        """Start a batch that carries our own id, by which `find` finds it."""
        made = self._ask(
            lambda client: client.batches.create(
                input_file_id=file_id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={MARKER: marker},
            )
        )
        return self._remote(made)

    def find(self, marker: str) -> list[RemoteBatch]:
        """Every batch that carries `marker`, among the newest of the account."""

        async def look(client: "AsyncOpenAI") -> list[Any]:
            found, seen = [], 0
            async for batch in client.batches.list(limit=_PAGE):
                metadata = getattr(batch, "metadata", None)
                if isinstance(metadata, Mapping) and metadata.get(MARKER) == marker:
                    found.append(batch)
                seen += 1
                if seen >= LISTED:
                    break
            return found

        return [self._remote(batch) for batch in self._ask(look)]

    def get(self, batch_id: str) -> RemoteBatch:
        return self._remote(self._ask(lambda client: client.batches.retrieve(batch_id)))

    def cancel(self, batch_id: str) -> RemoteBatch:
        """Ask for its end. What was answered until then is delivered, and billed."""
        return self._remote(self._ask(lambda client: client.batches.cancel(batch_id)))

    def read(self, file_id: str) -> bytes:
        """The content of a file of results."""
        data: bytes = self._ask(lambda client: client.files.content(file_id)).content
        if len(data) > MAX_RESULT_BYTES:
            message = f"the results are longer than {MAX_RESULT_BYTES} bytes"
            raise ProviderError(ErrorKind.BAD_RESPONSE, message)
        return data

    def delete(self, file_id: str) -> None:
        """Nothing can be started from the file any more. One that is gone is no error."""
        try:
            self._ask(lambda client: client.files.delete(file_id))
        except ProviderError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def _ask(self, work: Callable[["AsyncOpenAI"], Awaitable[_Result]]) -> _Result:
        # Most processes write or read lines of a batch, and never ask: the package takes a second.
        from apps.providers.batch_requests import asked

        return asyncio.run(asked(self._endpoint, work))

    def _remote(self, told: Any) -> RemoteBatch:
        status = getattr(told, "status", None)
        if status not in _STATUSES:
            raise ProviderError(ErrorKind.BAD_RESPONSE, "the answer is no batch")
        counts, errors = getattr(told, "request_counts", None), getattr(told, "errors", None)
        return RemoteBatch(
            id=self._id_of(told),
            status=status,
            input_file_id=_text(told, "input_file_id"),
            output_file_id=_text(told, "output_file_id"),
            error_file_id=_text(told, "error_file_id"),
            completed=_count(counts, "completed"),
            failed=_count(counts, "failed"),
            error=self._said(getattr(errors, "data", None)),
        )

    def _id_of(self, told: Any) -> str:
        if not (found := _text(told, "id")):
            raise ProviderError(ErrorKind.BAD_RESPONSE, "the answer has no id")
        return found

    def _said(self, errors: Any) -> str:
        messages = (
            _text(error, "message") for error in (errors if isinstance(errors, list) else ())
        )
        return faults.clean(" ".join(messages), self._endpoint)


def _text(told: Any, name: str) -> str:
    value = getattr(told, name, None)
    return value if isinstance(value, str) and value.isprintable() else ""


def _count(counts: Any, name: str) -> int:
    value = getattr(counts, name, None)
    return value if type(value) is int and value >= 0 else 0
