"""One request about a batch, through the vendor's package."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2
import openai
from openai import AsyncOpenAI

from apps.providers import faults
from apps.providers.adapters import get_adapter
from apps.providers.clients import check_endpoint
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import Endpoint
from apps.providers.wire import WireAdapter

TIMEOUT_SECONDS = 60.0

_Result = TypeVar("_Result")


async def asked(endpoint: Endpoint, work: Callable[[AsyncOpenAI], Awaitable[_Result]]) -> _Result:
    """What the package answers. Raises `ProviderError`."""
    adapter = get_adapter(endpoint.vendor)
    assert isinstance(adapter, WireAdapter), endpoint.vendor  # noqa: S101
    await check_endpoint(endpoint)
    http = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=_timeouts(endpoint))
    async with adapter.open_client(endpoint, http) as client:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await work(client)
        except TimeoutError:
            raise ProviderError(ErrorKind.TIMEOUT, "no answer in time") from None
        except openai.OpenAIError as error:
            raise _failed(error, endpoint) from None


def _timeouts(endpoint: Endpoint) -> httpx2.Timeout:
    return httpx2.Timeout(TIMEOUT_SECONDS, connect=endpoint.connect_timeout)


def _failed(error: openai.OpenAIError, endpoint: Endpoint) -> ProviderError:
    if isinstance(error, openai.APIStatusError):
        answer = error.response
        return faults.from_status(answer.status_code, answer.headers, answer.content, endpoint)
    if isinstance(error, openai.APITimeoutError | openai.APIConnectionError):
        if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
            return ProviderError(ErrorKind.CONNECT, "could not connect")
        if isinstance(error, openai.APITimeoutError):
            return ProviderError(ErrorKind.TIMEOUT, "no answer in time")
        return ProviderError(ErrorKind.RESET, "the connection was lost before an answer")
    return ProviderError(ErrorKind.BAD_RESPONSE, f"no answer of its kind ({type(error).__name__})")
