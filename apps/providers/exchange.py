"""One HTTP request and its answer, with every failure told as a `ProviderError`."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream

from apps.providers import faults
from apps.providers.clients import ClientPool
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import Endpoint, Usage

DRAIN_TIMEOUT = 0.25


class Answer:
    """The body of a 2xx, read within the deadline."""

    def __init__(self, response: httpx2.Response, *, deadline: float) -> None:
        self.headers = response.headers
        self.status = response.status_code
        self.request_id = faults.request_id(response.headers)
        self.usage: Usage | None = None
        """What it has reported so far, for the bill of an answer that fails later."""
        self._response = response
        self._parts = response.aiter_raw()
        self._deadline = deadline

    async def read(self) -> bytes:
        """The next bytes, b"" at the end."""
        async with asyncio.timeout_at(self._deadline):
            return await anext(self._parts, b"")

    async def read_all(self) -> bytes:
        parts = []
        while part := await self.read():
            parts.append(part)
        return b"".join(parts)

    async def drain(self) -> None:
        """After the last word, read to the end: only then can the connection be used again."""
        with contextlib.suppress(TimeoutError, httpx2.RequestError):
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await self.read_all()

    async def close(self) -> None:
        await self._parts.aclose()
        await self._response.aclose()

    def failed(self, error: ProviderError) -> ProviderError:
        """Add what is known about the answer to what is known about the error."""
        error.status = self.status
        error.provider_request_id = self.request_id
        if self.usage is not None:
            error.usage = self.usage
            error.outcome = Outcome.BILLED
        return error

    def error(self, kind: ErrorKind, message: str, **options: Any) -> ProviderError:
        return self.failed(ProviderError(kind, message, **options))


@contextlib.asynccontextmanager
async def exchange(
    pool: ClientPool, endpoint: Endpoint, path: str, body: Mapping[str, Any], *, timeout: float
) -> AsyncGenerator[Answer, None]:
    """Send `body` once and give its answer. The connection is freed or closed at the end."""
    deadline = asyncio.get_running_loop().time() + timeout
    sent = False
    answer: Answer | None = None
    try:
        with pool.slot(endpoint) as slot:
            async with asyncio.timeout_at(deadline):
                client = await slot.client()
                sent = True
                response = await _post(client, endpoint, path, body, timeout=timeout)
            answer = Answer(response, deadline=deadline)
            try:
                yield answer
            finally:
                await answer.close()
    except openai.APIStatusError as error:
        raise faults.from_status(error, endpoint) from None
    except (openai.APIConnectionError, httpx2.RequestError) as error:
        raise _known(faults.from_transport(error, answered=answer is not None), answer) from None
    except TimeoutError:
        kind = ErrorKind.TIMEOUT if sent else ErrorKind.CONNECT
        raise _known(ProviderError(kind, f"no answer within {timeout:g} s"), answer) from None


def _known(error: ProviderError, answer: Answer | None) -> ProviderError:
    return error if answer is None else answer.failed(error)


async def _post(
    client: AsyncOpenAI, endpoint: Endpoint, path: str, body: Mapping[str, Any], *, timeout: float
) -> httpx2.Response:
    """The vendor package's own request path, but with the answer's bytes left to us.

    Its response models would double the CPU of a call, and hide what has to be checked.
    """
    limits = httpx2.Timeout(
        min(endpoint.read_timeout, timeout),
        # Below the whole, so that a dead host is told from a slow answer.
        connect=min(endpoint.connect_timeout, 0.9 * timeout),
    )
    answer: object = await client.post(
        path,
        cast_to=httpx2.Response,
        body=body,
        options={"timeout": limits},
        stream=True,
        stream_cls=AsyncStream[object],
    )
    return cast(httpx2.Response, answer)
