"""A call as a stream of server-sent events."""

import asyncio
from typing import Any

import structlog
from django.conf import settings

from apps.core import strict_json
from apps.core.money import exact_usd
from apps.gateway import metrics
from apps.gateway.openai_api import http
from apps.gateway.openai_api.errors import ApiError, from_refusal
from apps.gateway.openai_api.outbox import ClientTooSlow, Outbox, StreamOptions
from apps.gateway.types import CallOutcome, CallRefused

log = structlog.get_logger(__name__)
SEND_SECONDS = 60.0  # a client that takes nothing for so long is given up
_KEEP_ALIVE = b": keep-alive\n\n"  # a comment, by the HTML standard: clients skip it


class EventStream:
    """One answer on its way to one client.

    The status line waits for the first chunk, so that what fails before it is an ordinary error
    answer, until `STREAM_KEEP_ALIVE_SECONDS` have passed: then comments keep proxies and clients
    from giving up, and an error can only be an event.
    """

    def __init__(
        self,
        *,
        receive: http.Receive,
        send: http.Send,
        request_id: str,
        headers: http.Headers,
        outbox: Outbox,
        options: StreamOptions,
    ) -> None:
        self._receive, self._send = receive, send
        self._request_id = request_id
        self._headers = headers
        self._outbox = outbox
        self._options = options
        self._started = False

    async def serve(self, call: "asyncio.Task[CallOutcome]") -> None:
        """Raises `CallRefused` only while the answer has not begun. Whatever becomes of the client,
        `call` is not cancelled."""
        # Servers report a closed connection here, and not from `send`.
        leaving = asyncio.ensure_future(self._receive())
        leaving.add_done_callback(lambda _: self._outbox.leave())
        try:
            await self._serve(call)
        except TimeoutError:
            self._outbox.leave()
            self._cut_off("client_takes_nothing")
        finally:
            leaving.cancel()

    async def _serve(self, call: "asyncio.Task[CallOutcome]") -> None:
        try:
            while (data := await self._outbox.take(settings.STREAM_KEEP_ALIVE_SECONDS)) is not None:
                await self._write(data or _KEEP_ALIVE)
        except ClientTooSlow:
            self._cut_off("client_too_slow")
            await self._end_with(_too_slow())
            return
        if not self._outbox.gone:
            await self._end(call)

    async def _end(self, call: "asyncio.Task[CallOutcome]") -> None:
        try:
            outcome = await asyncio.shield(call)
        except CallRefused as refusal:
            if not self._started:
                raise
            await self._end_with(from_refusal(refusal))
            return
        if self._options.include_usage:
            await self._write(_event(last_chunk(outcome)))
        await self._write(b"data: [DONE]\n\n", last=True)

    async def _end_with(self, error: ApiError) -> None:
        """Say so in the stream, and do not call it done."""
        await self._write(_event(error.body), last=True)

    async def _write(self, data: bytes, *, last: bool = False) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            if not self._started:
                self._started = True
                await http.start_events(self._send, self._headers)
            await http.send_part(self._send, data, last=last)

    def _cut_off(self, reason: str) -> None:
        metrics.STREAMS_CUT.labels(reason).inc()
        log.warning("stream_cut_off", request_id=self._request_id, reason=reason)


def last_chunk(outcome: CallOutcome) -> dict[str, Any]:
    """OpenAI's last chunk, with the cost beside the usage, and what the headers of a plain answer
    say: here they had left before it was known."""
    body = outcome.body.items()
    head = {name: value for name, value in body if name not in {"choices", "usage", "object"}}
    usage = {**(outcome.body.get("usage") or {}), "cost_usd": exact_usd(outcome.cost_pico)}
    about = {
        "model": outcome.model,
        "deployment": outcome.deployment,
        "cache": outcome.cache,
        "cache_key": outcome.cache_key,
        "attempts": outcome.attempts,
    }
    return {
        **head,
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": usage,
        "llmplatform": about,
    }


def _event(value: Any) -> bytes:
    return b"data: " + strict_json.dumps(value) + b"\n\n"


def _too_slow() -> ApiError:
    text = "The client read too slowly; the rest of the answer is lost. It is billed all the same."
    return ApiError(499, text, code="client_too_slow", type_="invalid_request_error")
