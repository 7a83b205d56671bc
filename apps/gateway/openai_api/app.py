"""`/v1/*` as a raw ASGI app."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings

from apps.access import keys
from apps.access.types import AuthenticationFailed, Caller
from apps.core import strict_json
from apps.core.clock import now as clock_now
from apps.core.middleware import request_id_from
from apps.core.money import exact_usd
from apps.gateway.openai_api import http, requests
from apps.gateway.openai_api.errors import ApiError, from_refusal, limit_headers
from apps.gateway.openai_api.models import list_models, one_model
from apps.gateway.runtime import Runtime
from apps.gateway.types import Call, CallOutcome, CallRefused, CallSpec

log = structlog.get_logger(__name__)
_QUEUE = 256  # chunks of a stream that a slow client may fall behind before upstream waits for it


@dataclass(frozen=True, slots=True)
class Request:
    scope: http.Scope
    receive: http.Receive
    send: http.Send
    request_id: str
    caller: Caller


Endpoint = Callable[[Request], Awaitable[None]]


class OpenAIApp:
    """The endpoints over one runtime, which must be open before the first request."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._routes: dict[str, tuple[str, Endpoint]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/embeddings": ("POST", self._embeddings),
            "/v1/models": ("GET", self._models),
        }

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        request_id = request_id_from(http.header(scope, b"x-request-id"))
        headers = {"x-request-id": request_id}
        try:
            endpoint = self._endpoint(scope)
            caller = self._authenticate(scope)
            await endpoint(Request(scope, receive, send, request_id, caller))
        except ApiError as error:
            await _send_error(send, error, headers)
        except CallRefused as refusal:
            await _send_error(send, from_refusal(refusal), headers)
        except http.ClientGone:
            log.info("client_gone", request_id=request_id)
        except Exception:
            # The last line of defence: the caller gets OpenAI's object for our own faults too.
            log.exception("gateway_error", request_id=request_id)
            fault = ApiError(500, "Something went wrong on our side.", code="internal_error")
            await _send_error(send, fault, headers)

    def _endpoint(self, scope: http.Scope) -> Endpoint:
        path = scope["path"].rstrip("/")
        method, endpoint = self._routes.get(path, ("", None))
        if endpoint is None and path.startswith("/v1/models/"):
            method, endpoint = "GET", self._model
        if endpoint is None:
            raise ApiError(404, f"There is nothing at {path[:200]}.", code="not_found")
        if scope["method"] != method:
            raise ApiError(
                405, f"Use {method} here.", code="method_not_allowed", headers={"allow": method}
            )
        return endpoint

    def _authenticate(self, scope: http.Scope) -> Caller:
        token = keys.bearer(http.header(scope, b"authorization"))
        records = self._runtime.config.current.keys
        try:
            return keys.authenticate(token, records=records, now=clock_now())
        except AuthenticationFailed as error:
            raise ApiError(401, str(error), code="invalid_api_key") from error

    async def _chat(self, request: Request) -> None:
        spec, stream, with_usage = requests.chat_spec(await _json(request))
        call = self._call(request, spec)
        if stream:
            await self._stream(request, call, with_usage)
            return
        await self._answer(request, call)

    async def _embeddings(self, request: Request) -> None:
        await self._answer(
            request, self._call(request, requests.embedding_spec(await _json(request)))
        )

    async def _answer(self, request: Request, call: Call) -> None:
        # A client that leaves does not stop the call: it is paid for, so its end is booked.
        task = self._runtime.tasks.spawn(self._runtime.pipeline.run(call))
        outcome = await asyncio.shield(task)
        await http.send_json(request.send, 200, outcome.body, _headers(request, outcome))

    async def _stream(self, request: Request, call: Call, with_usage: bool) -> None:
        """Pass chunks on as they come. The headers wait for the first chunk, so that everything
        that fails before it is an ordinary error answer."""
        chunks: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(_QUEUE)
        client = _Client(chunks)
        task = self._runtime.tasks.spawn(client.run(self._runtime.pipeline.run(call, client.emit)))
        first = await chunks.get()
        if first is None:
            await asyncio.shield(task)  # raises what went wrong, or ends an empty answer
        await http.start_events(request.send, {"x-request-id": request.request_id})
        try:
            await _pass_on(request.send, first, chunks)
        except OSError:
            client.leave()  # the upstream stream is still drained to its usage
            return
        await self._end(request, task, with_usage)

    async def _end(
        self, request: Request, task: "asyncio.Task[CallOutcome]", with_usage: bool
    ) -> None:
        try:
            outcome = await asyncio.shield(task)
        except CallRefused as refusal:
            # The stream broke after its beginning: say so in the stream, and do not call it done.
            await http.send_event(request.send, strict_json.dumps(from_refusal(refusal).body))
            await request.send({"type": "http.response.body", "body": b""})
            return
        if with_usage:
            await http.send_event(request.send, strict_json.dumps(_usage_chunk(outcome)))
        await http.end_events(request.send)

    async def _models(self, request: Request) -> None:
        body = list_models(self._runtime.config.current)
        await http.send_json(request.send, 200, body, {"x-request-id": request.request_id})

    async def _model(self, request: Request) -> None:
        name = request.scope["path"].rstrip("/").removeprefix("/v1/models/")
        body = one_model(self._runtime.config.current, name)
        if body is None:
            raise ApiError(404, f"The model “{name[:100]}” does not exist.", code="model_not_found")
        await http.send_json(request.send, 200, body, {"x-request-id": request.request_id})

    def _call(self, request: Request, spec: CallSpec) -> Call:
        deadline = clock_now() + timedelta(seconds=settings.CALL_TIMEOUT_SECONDS)
        return Call(
            spec=spec, caller=request.caller, request_id=request.request_id, deadline=deadline
        )


class _Client:
    """The reading end of a stream. After it has left, chunks are dropped, the call goes on."""

    def __init__(self, chunks: "asyncio.Queue[Mapping[str, Any] | None]") -> None:
        self._chunks = chunks
        self._gone = False

    async def emit(self, chunk: Mapping[str, Any]) -> None:
        if not self._gone:
            await self._chunks.put(chunk)

    def leave(self) -> None:
        self._gone = True
        while not self._chunks.empty():
            self._chunks.get_nowait()

    async def run(self, call: Awaitable[CallOutcome]) -> CallOutcome:
        try:
            return await call
        finally:
            if not self._gone:
                await self._chunks.put(None)


async def _pass_on(send: http.Send, first: Mapping[str, Any] | None, chunks: Any) -> None:
    chunk = first
    while chunk is not None:
        data = {name: value for name, value in chunk.items() if name != "usage"}
        await http.send_event(send, strict_json.dumps(data))
        chunk = await chunks.get()


async def _send_error(send: http.Send, error: ApiError, headers: http.Headers) -> None:
    await http.send_json(send, error.status, error.body, {**headers, **error.headers})


async def _json(request: Request) -> Any:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        return strict_json.loads(await http.read_body(request.receive, limit=limit))
    except http.BodyTooLarge as error:
        text = f"The body is larger than {limit // 1024 // 1024} MiB."
        raise ApiError(413, text, code="body_too_large") from error
    except strict_json.InvalidJSON as error:
        raise ApiError(400, str(error), code="invalid_json") from error


def _usage_chunk(outcome: CallOutcome) -> dict[str, Any]:
    """OpenAI's last chunk, with the cost beside the usage."""
    head = {name: outcome.body.get(name) for name in ("id", "created", "model")}
    usage = {**(outcome.body.get("usage") or {}), "cost_usd": exact_usd(outcome.cost_pico)}
    return {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}


def _headers(request: Request, outcome: CallOutcome) -> dict[str, str]:
    pin = outcome.pin
    headers = {
        "x-request-id": request.request_id,
        "x-llm-cost-usd": exact_usd(outcome.cost_pico),
        "x-llm-model": outcome.model,
        "x-llm-deployment": outcome.deployment,
        "x-llm-cache": outcome.cache,
        "x-llm-attempts": str(outcome.attempts),
        **limit_headers(outcome.levels),
    }
    if outcome.degraded:
        headers["x-llm-degraded"] = outcome.degraded
    if pin is not None:
        headers["x-llm-prompt-version"] = f"{pin.prompt} v{pin.number}"
    return headers
