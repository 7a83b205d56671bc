"""One HTTP request and its answer, with every failure told as a `ProviderError`."""

import asyncio
import contextlib
import io
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from apps.core import strict_json
from apps.providers import faults
from apps.providers.answer import Answer
from apps.providers.clients import Client, ClientPool
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.transport import timeouts
from apps.providers.types import Endpoint

DRAIN_TIMEOUT = 0.25
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_REFUSAL_BYTES = 64 * 1024  # what is read of an answer that is only a status and its reason
_IN_ONE_PIECE = 1024 * 1024  # bytes; a longer body is written in parts, so that others get a turn


class Body(Answer):
    """The body of a 2xx, read within the deadline."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        super().__init__(response.status, response.headers)
        self._content = response.content
        self._total = 0

    async def read(self) -> bytes:
        """The next bytes, b"" at the end."""
        part = await self._content.readany()
        self._total += len(part)
        if self._total > MAX_ANSWER_BYTES:
            message = f"the answer is longer than {MAX_ANSWER_BYTES} bytes"
            raise self.error(ErrorKind.BAD_RESPONSE, message)
        return part

    async def read_all(self) -> bytes:
        parts = []
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    async def drain(self) -> None:
        """After the last word, read to the end: only then can the connection be used again."""
        if self._content.at_eof():
            return
        with contextlib.suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await self.read_all()


@contextlib.asynccontextmanager
async def exchange(
    pool: ClientPool, endpoint: Endpoint, path: str, body: Mapping[str, Any], *, timeout: float
) -> AsyncGenerator[Body, None]:
    """Send `body` once and give its answer. The connection is freed or closed at the end."""
    deadline = asyncio.get_running_loop().time() + timeout
    data = _written(body)
    answer: Body | None = None
    with pool.slot(endpoint) as slot:
        client = slot.opened or await _ready(slot.client(), timeout)
        left = deadline - asyncio.get_running_loop().time()
        try:
            response = await _post(client, endpoint, path, data, timeout=left)
            try:
                answer = await _accepted(response, endpoint)
                yield answer
            finally:
                response.close()  # one that was read to its end has given its connection back
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            failed = _of_transport(error, answered=answer is not None)
            raise _known(failed, answer) from None


def _of_transport(error: Exception, *, answered: bool) -> ProviderError:
    """The connection failed. `answered`: the headers of an answer had arrived."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return ProviderError(ErrorKind.CONNECT, f"could not connect ({name})")
    if isinstance(error, aiohttp.InvalidURL):
        return ProviderError(ErrorKind.CONNECT, f"could not connect ({name})")
    if isinstance(error, TimeoutError):
        return ProviderError(ErrorKind.TIMEOUT, f"no answer in time ({name})")
    if answered:
        return ProviderError(ErrorKind.INCOMPLETE, f"the answer was cut off ({name})")
    return ProviderError(ErrorKind.RESET, f"the connection was lost before an answer ({name})")


def _known(error: ProviderError, answer: Body | None) -> ProviderError:
    return error if answer is None else answer.failed(error)


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return strict_json.dumps(body)
    except TypeError as error:
        message = f"the request cannot be written as JSON: {error}"
        raise ProviderError(ErrorKind.BAD_REQUEST, message) from None


async def _ready(opening: Coroutine[Any, Any, Client], timeout: float) -> Client:
    try:
        async with asyncio.timeout(timeout):
            return await opening
    except TimeoutError:
        raise ProviderError(ErrorKind.CONNECT, f"not ready within {timeout:g} s") from None


async def _post(
    client: Client, endpoint: Endpoint, path: str, data: bytes, *, timeout: float
) -> aiohttp.ClientResponse:
    head = await client.heads.get(path, endpoint.model)
    return await client.session.post(
        head.url,
        data=data if len(data) <= _IN_ONE_PIECE else io.BytesIO(data),
        headers=head.headers,
        allow_redirects=False,
        timeout=timeouts(
            total=timeout, connect=endpoint.connect_timeout, read=endpoint.read_timeout
        ),
    )


async def _accepted(response: aiohttp.ClientResponse, endpoint: Endpoint) -> Body:
    if not 200 <= response.status < 300:
        text = await _reason(response)
        raise faults.from_status(response.status, response.headers, text, endpoint)
    answer = Body(response)
    if response.headers.get("content-encoding", "identity") != "identity":
        message = "the answer is compressed though we asked for plain bytes"
        raise answer.error(ErrorKind.BAD_RESPONSE, message)
    return answer


async def _reason(response: aiohttp.ClientResponse) -> bytes:
    """What is said beside the status. The status stands, whatever becomes of the rest."""
    parts, total = [], 0
    with contextlib.suppress(aiohttp.ClientError, OSError):
        while total < MAX_REFUSAL_BYTES and (part := await response.content.readany()):
            parts.append(part)
            total += len(part)
    return b"".join(parts)
