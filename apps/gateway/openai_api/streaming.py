"""A call as a stream of server-sent events."""

import asyncio

import structlog
from django.conf import settings

from apps.gateway import metrics
from apps.gateway.openai_api import http
from apps.gateway.openai_api.errors import ApiError, from_refusal
from apps.gateway.openai_api.forms import Form
from apps.gateway.openai_api.outbox import ClientTooSlow, Outbox
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
        form: Form,
    ) -> None:
        self._receive, self._send = receive, send
        self._request_id = request_id
        self._headers = headers
        self._outbox = outbox
        self._form = form
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
        await self._write(self._form.end(outcome), last=True)

    async def _end_with(self, error: ApiError) -> None:
        """Say so in the stream, and do not call it done."""
        await self._write(self._form.error(error), last=True)

    async def _write(self, data: bytes, *, last: bool = False) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            if not self._started:
                self._started = True
                await http.start_events(self._send, self._headers)
            await http.send_part(self._send, data, last=last)

    def _cut_off(self, reason: str) -> None:
        metrics.STREAMS_CUT.labels(reason).inc()
        log.warning("stream_cut_off", request_id=self._request_id, reason=reason)


def _too_slow() -> ApiError:
    text = "The client read too slowly; the rest of the answer is lost. It is billed all the same."
    return ApiError(499, text, code="client_too_slow", type_="invalid_request_error")
