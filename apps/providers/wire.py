"""The OpenAI wire format, which all vendors here share. A vendor's folder says what differs."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator

import httpx2
from openai import AsyncOpenAI

from apps.providers.bodies import CHAT, EMBEDDINGS, chat_body
from apps.providers.checks import check_chat, check_embeddings, parse_object
from apps.providers.clients import ClientPool
from apps.providers.exchange import exchange
from apps.providers.streams import ChatStream
from apps.providers.types import (
    ChatRequest,
    ChatResult,
    Chunk,
    EmbeddingRequest,
    EmbeddingResult,
    Endpoint,
)


class WireAdapter(ABC):
    """An `Adapter` for any server that speaks OpenAI's REST interface."""

    def __init__(self) -> None:
        self._pool = ClientPool(self.open_client)

    @abstractmethod
    def build_client(self, endpoint: Endpoint, http_client: httpx2.AsyncClient) -> AsyncOpenAI:
        """The vendor package's client for an account, with `max_retries=0`."""

    def open_client(self, endpoint: Endpoint, http_client: httpx2.AsyncClient) -> AsyncOpenAI:
        """The package's client, which knows nothing that the endpoint does not say."""
        client = self.build_client(endpoint, http_client)
        # The package takes these from the environment and would send them to every vendor.
        client.organization = client.project = None
        return client

    async def chat(self, endpoint: Endpoint, request: ChatRequest) -> ChatResult:
        body = chat_body(endpoint, request)
        async with exchange(self._pool, endpoint, CHAT, body, timeout=request.timeout) as answer:
            raw = parse_object(answer, await answer.read_all())
            return check_chat(answer, raw, endpoint)

    async def stream(self, endpoint: Endpoint, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        # Without include_usage a stream reports no tokens, and nobody knows what it cost.
        body = {
            **chat_body(endpoint, request),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with exchange(self._pool, endpoint, CHAT, body, timeout=request.timeout) as answer:
            events = ChatStream(answer, endpoint)
            while not events.done:
                for chunk in events.feed(await answer.read()):
                    yield chunk
            await answer.drain()

    async def embed(self, endpoint: Endpoint, request: EmbeddingRequest) -> EmbeddingResult:
        body = {**request.parameters, "model": endpoint.model, "input": request.inputs}
        async with exchange(
            self._pool, endpoint, EMBEDDINGS, body, timeout=request.timeout
        ) as answer:
            raw = parse_object(answer, await answer.read_all())
            return check_embeddings(answer, raw, endpoint, request)

    async def close(self) -> None:
        await self._pool.evict(keep=0)
