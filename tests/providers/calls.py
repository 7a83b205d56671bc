"""Requests and calls that the tests of this folder share."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import pytest

from apps.providers.adapters import get_adapter
from apps.providers.errors import ProviderError
from apps.providers.types import ChatRequest, Chunk, EmbeddingRequest, Endpoint

Run = Callable[[Coroutine[Any, Any, Any]], Any]
KEY = "key-of-the-tests"
QUESTION = {"role": "user", "content": "one two three"}


def chat_request(*, timeout: float = 10, **parameters: Any) -> ChatRequest:
    return ChatRequest((QUESTION,), {"max_tokens": 50, **parameters}, stream=False, timeout=timeout)


def embedding_request(*inputs: str, **parameters: Any) -> EmbeddingRequest:
    return EmbeddingRequest(inputs or ("a b", "c"), parameters, timeout=10)


def stream(endpoint: Endpoint, request: ChatRequest | None = None) -> AsyncGenerator[Chunk, None]:
    return get_adapter(endpoint.vendor).stream(endpoint, request or chat_request())


async def collect(endpoint: Endpoint, request: ChatRequest | None = None) -> list[Chunk]:
    return [chunk async for chunk in stream(endpoint, request)]


async def failure(call: Coroutine[Any, Any, Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value
