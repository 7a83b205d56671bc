"""`/v1/*` as a raw ASGI app."""

import asyncio
import re
from collections.abc import Awaitable, Callable
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
from apps.gateway import own_answer
from apps.gateway.openai_api import http, requests, responses
from apps.gateway.openai_api.errors import ApiError, cost_headers, from_refusal, limit_headers
from apps.gateway.openai_api.forms import ChatForm, Form
from apps.gateway.openai_api.models import list_models, one_model
from apps.gateway.openai_api.outbox import Outbox
from apps.gateway.openai_api.response_events import ResponseForm
from apps.gateway.openai_api.response_object import answer_of
from apps.gateway.openai_api.streaming import EventStream
from apps.gateway.runtime import Runtime
from apps.gateway.types import Call, CallOutcome, CallRefused, CallSpec, Spent
from apps.routing.explain import header_of
from apps.routing.types import Decision

log = structlog.get_logger(__name__)


_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")

# OpenAI's endpoints that we do not have, and the way to the same end (docs/adr/0042).
_ELSEWHERE = {
    "responses": "Answers are not kept here: only POST /v1/responses.",
    "completions": "Use /v1/chat/completions.",
    "batches": "Post many jobs at once to /api/v1/batches/.",
    "files": "Post many jobs at once, as JSON lines, to /api/v1/batches/.",
}


@dataclass(frozen=True, slots=True)
class Request:
    scope: http.Scope
    receive: http.Receive
    send: http.Send
    request_id: str
    caller: Caller
    headers: dict[str, str]  # of the answer, whatever it will be

    def explain(self, decision: Decision) -> None:
        self.headers["x-llm-explain"] = header_of(decision)


Endpoint = Callable[[Request], Awaitable[None]]


class OpenAIApp:
    """The endpoints over one runtime, which must be open before the first request."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._routes: dict[str, tuple[str, Endpoint]] = {
            "/v1/chat/completions": ("POST", self._admitted(self._chat)),
            "/v1/embeddings": ("POST", self._admitted(self._embeddings)),
            "/v1/responses": ("POST", self._admitted(self._responses)),
            "/v1/models": ("GET", self._models),
        }

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        request_id = request_id_from(http.header(scope, b"x-request-id"))
        headers = {"x-request-id": request_id}
        try:
            endpoint = self._endpoint(scope)
            caller = self._authenticate(scope)
            await endpoint(Request(scope, receive, send, request_id, caller, headers))
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
            hint = _ELSEWHERE.get(path.removeprefix("/v1/").partition("/")[0], "")
            raise ApiError(
                404, f"There is nothing at {path[:200] or '/'}. {hint}".strip(), code="not_found"
            )
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

    def _admitted(self, endpoint: Endpoint) -> Endpoint:
        """Before its body is read: a refusal under overload must cost next to nothing."""

        async def admitted(request: Request) -> None:
            self._runtime.shedder.admit(request.caller.tier)
            try:
                await endpoint(request)
            finally:
                self._runtime.shedder.leave()

        return admitted

    async def _chat(self, request: Request) -> None:
        spec, options = requests.chat_spec(await _json(request))
        call = self._call(request, spec)
        if options is not None:
            await self._stream(request, call, ChatForm(options))
            return
        await self._answer(request, call)

    async def _embeddings(self, request: Request) -> None:
        await self._answer(
            request, self._call(request, requests.embedding_spec(await _json(request)))
        )

    async def _responses(self, request: Request) -> None:
        asked = await _json(request)
        spec, _ = requests.chat_spec(responses.chat_body(asked))
        call = self._call(request, spec)
        if asked.get("stream"):
            await self._stream(request, call, ResponseForm(asked))
            return
        outcome = await self._outcome(call)
        answer = answer_of(outcome, asked)
        await http.send_json(request.send, 200, answer, _headers(request, outcome))

    async def _answer(self, request: Request, call: Call) -> None:
        outcome = await self._outcome(call)
        await http.send_json(request.send, 200, outcome.body, _headers(request, outcome))

    async def _outcome(self, call: Call) -> CallOutcome:
        # A client that leaves does not stop the call: it is paid for, so its end is booked.
        task = self._runtime.tasks.spawn(self._runtime.pipeline.run(call))
        try:
            return await asyncio.shield(task)
        finally:
            self._runtime.shedder.keep(task)

    async def _stream(self, request: Request, call: Call, form: Form) -> None:
        outbox = Outbox(form.chunk)
        work = outbox.run(self._runtime.pipeline.run(call, outbox.emit))
        stream = EventStream(
            receive=request.receive,
            send=request.send,
            request_id=request.request_id,
            headers=request.headers,
            outbox=outbox,
            form=form,
        )
        task = self._runtime.tasks.spawn(work)
        try:
            await stream.serve(task)
        finally:
            self._runtime.shedder.keep(task)

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
        asked = http.header(request.scope, b"x-llm-explain") == "1"
        return Call(
            spec=spec,
            caller=request.caller,
            request_id=request.request_id,
            deadline=clock_now() + _patience(request),
            on_decision=request.explain if asked else None,
        )


def _patience(request: Request) -> timedelta:
    """How long the caller waits: what is sent later is paid for, and read by nobody."""
    longest = settings.CALL_TIMEOUT_SECONDS
    given = http.header(request.scope, b"x-llm-timeout-seconds")
    if given is None:
        return timedelta(seconds=longest)
    seconds = float(given) if _SECONDS.fullmatch(given) else 0
    if not 0 < seconds <= longest:
        text = f"x-llm-timeout-seconds: give seconds above 0, at most {longest:g}, such as 2.5."
        raise ApiError(400, text, code="invalid_request", param="x-llm-timeout-seconds")
    return timedelta(seconds=seconds)


async def _send_error(send: http.Send, error: ApiError, headers: http.Headers) -> None:
    await http.send_json(send, error.status, error.body, {**headers, **error.headers})


async def _json(request: Request) -> Any:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        body = await http.read_json_body(request.scope, request.receive, limit=limit)
        return strict_json.loads(body)
    except http.WrongMediaType as error:
        raise ApiError(415, str(error), code="unsupported_media_type") from error
    except http.BodyTooSlow as error:
        text = f"The body did not arrive within {http.BODY_SECONDS:g} s."
        raise ApiError(408, text, code="body_too_slow") from error
    except http.BodyTooLarge as error:
        text = f"The body is larger than {limit // 1024 // 1024} MiB."
        raise ApiError(413, text, code="body_too_large") from error
    except strict_json.InvalidJSON as error:
        raise ApiError(400, str(error), code="invalid_json") from error


def _headers(request: Request, outcome: CallOutcome) -> dict[str, str]:
    pin = outcome.pin
    headers = {
        **request.headers,
        **cost_headers(Spent(outcome.cost_pico, outcome.cost_estimated)),
        "x-llm-cache": outcome.cache,
        "x-llm-attempts": str(outcome.attempts),
        **limit_headers(outcome.levels),
    }
    if outcome.degraded != own_answer.MARK:  # what a model said, and may be cached
        headers |= {"x-llm-model": outcome.model, "x-llm-deployment": outcome.deployment}
        headers |= {"x-llm-cache-key": outcome.cache_key} if outcome.cache_key else {}
    if outcome.likeness:
        headers["x-llm-cache-likeness"] = f"{outcome.likeness:.3f}"
    if outcome.degraded:
        headers["x-llm-degraded"] = outcome.degraded
    if outcome.fit is not None:
        headers["x-llm-fit"] = "; ".join(outcome.fit.left_out)
        headers["x-llm-fit-saved-tokens"] = str(outcome.fit.saved_tokens)
    if pin is not None:
        headers["x-llm-prompt-version"] = f"{pin.prompt} v{pin.number}"
    return headers
