"""What every vendor's adapter can do."""

from collections.abc import AsyncGenerator
from typing import Protocol

from apps.providers.types import (
    ChatRequest,
    ChatResult,
    Chunk,
    EmbeddingRequest,
    EmbeddingResult,
    Endpoint,
)


class Adapter(Protocol):
    """Turns a request into exactly one HTTP call and its answer into checked, plain values.

    All methods raise `ProviderError` and let `asyncio.CancelledError` pass, with the connection
    closed. None retries: a second call is a second attempt, and that is the caller's to book.
    """

    async def chat(self, endpoint: Endpoint, request: ChatRequest) -> ChatResult:
        """A whole answer, in one piece."""
        ...

    def stream(self, endpoint: Endpoint, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """The answer as it is written. Closing the generator early closes the connection.

        It ends normally only when the provider said that the answer is complete.
        """
        ...

    async def embed(self, endpoint: Endpoint, request: EmbeddingRequest) -> EmbeddingResult:
        """One vector for each input."""
        ...

    async def close(self) -> None:
        """Close this event loop's idle connections; the adapter stays usable."""
        ...
