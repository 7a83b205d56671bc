"""Stage 8: one attempt = one HTTP request. It runs in a task of its own that a caller who goes away
cannot cancel, so that exactly one resolution follows.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.gateway.answers import Answer, from_chat, from_embedding
from apps.gateway.assembler import Assembler, says_something
from apps.gateway.prepare import Prepared
from apps.gateway.types import CallKind, always
from apps.providers.adapters import get_adapter
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import ChatRequest, EmbeddingRequest, Endpoint
from apps.registry.secrets import SecretMissing, resolve_secret
from apps.registry.types import DeploymentFacts

# Passes a chunk of a stream on; must not raise when the client has gone.
Emit = Callable[[Mapping[str, Any]], Awaitable[None]]


def endpoint_of(deployment: DeploymentFacts) -> Endpoint:
    """Where to send it. Raises `ProviderError` (kind `auth`) when the credential is missing."""
    try:
        key = resolve_secret(deployment.secret_ref)
    except SecretMissing as error:
        raise ProviderError(ErrorKind.AUTH, str(error)) from error
    return Endpoint(
        deployment=deployment.slug,
        vendor=deployment.vendor,
        base_url=deployment.base_url,
        api_key=key,
        model=deployment.upstream_name,
        api_version=deployment.api_version,
        connect_timeout=deployment.connect_timeout,
        read_timeout=deployment.read_timeout,
        finish_required=deployment.finish_required,
    )


def chat_request(
    prepared: Prepared, endpoint: Endpoint, *, stream: bool, timeout: float
) -> ChatRequest:
    return ChatRequest(
        messages=prepared.messages,
        parameters=_capped(prepared, endpoint),
        stream=stream,
        timeout=timeout,
    )


async def dispatch(
    prepared: Prepared,
    endpoint: Endpoint,
    *,
    timeout: float,
    emit: Emit | None,
    seen: Assembler,
    may_send: Callable[[], bool] = always,
) -> Answer:
    """Send it, once. What a stream has said so far stands in `seen`, also when it breaks.

    Raises `ProviderError`; one that comes after the first chunk was passed on can be neither
    retried nor answered by another.
    """
    if timeout <= 0:
        raise ProviderError(
            ErrorKind.TIMEOUT_BEFORE_SEND, "The deadline passed before it was sent."
        )
    if not may_send():
        raise ProviderError(ErrorKind.LEASE_OVER, "Another worker may own the job by now.")
    adapter = get_adapter(endpoint.vendor)
    if prepared.spec.kind is CallKind.EMBEDDING:
        inputs = tuple(i if isinstance(i, str) else tuple(i) for i in prepared.spec.inputs)
        request = EmbeddingRequest(inputs, prepared.parameters, timeout)  # type: ignore[arg-type]
        return from_embedding(await adapter.embed(endpoint, request))
    chat = chat_request(prepared, endpoint, stream=emit is not None, timeout=timeout)
    if emit is None:
        return from_chat(await adapter.chat(endpoint, chat))
    return await _stream(adapter.stream(endpoint, chat), emit, seen)


async def _stream(chunks: Any, emit: Emit, seen: Assembler) -> Answer:
    """Chunks that say nothing yet (the role, no text) wait for the first that does: until then
    another deployment can still answer."""
    started, first_token_ms = time.monotonic(), None
    waiting: list[Mapping[str, Any]] = []
    try:
        async for chunk in chunks:
            seen.add(chunk)
            if not chunk.raw.get("choices"):
                continue
            waiting.append(chunk.raw)
            if first_token_ms is None and not says_something(chunk.raw):
                continue
            if first_token_ms is None:
                first_token_ms = int((time.monotonic() - started) * 1000)
            for raw in waiting:
                await emit(raw)
            waiting.clear()
    except ProviderError as error:
        if first_token_ms is not None:
            error.retryable = error.fallback = False
        raise
    return seen.answer(first_token_ms=first_token_ms)


def _capped(prepared: Prepared, endpoint: Endpoint) -> Mapping[str, Any]:
    """The output cap is always sent. Its name is the caller's own, else the vendor's newest."""
    if endpoint.vendor != "compatible":
        name = prepared.cap_name or "max_completion_tokens"
        return {**prepared.parameters, name: prepared.output_cap}
    # Several such servers know only the old name, and would ignore the new one: no cap at all.
    return {**prepared.parameters, "max_tokens": prepared.output_cap}
