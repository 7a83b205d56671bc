"""The embedding model behind the part of OpenAI's API that a client of embeddings uses.

An ASGI application for loopback: `POST /v1/embeddings`, `GET /v1/models`, `GET /health`. It knows
no keys; errors have OpenAI's form.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from llmplatform.embedded.embedding_model import DIMENSIONS, MODEL, Embedding, EmbeddingModel

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_TEXTS = 2048
FIELDS = {"model", "input", "encoding_format", "dimensions", "user"}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

model = EmbeddingModel()


class RequestError(Exception):
    """A fault of the caller, in OpenAI's terms."""

    def __init__(self, message: str, *, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.status = status


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    try:
        status, answer = 200, await _answer(scope["method"], scope["path"], receive)
    except RequestError as error:
        status, answer = error.status, _error_body(error)
    await _send_json(send, status, answer)


async def _answer(method: str, path: str, receive: Receive) -> dict[str, Any]:
    match method, path:
        case "GET", "/health":
            return {"status": "ok"}
        case "GET", "/v1/models":
            return {
                "object": "list",
                "data": [{"id": MODEL, "object": "model", "owned_by": "local"}],
            }
        case "POST", "/v1/embeddings":
            return await _embeddings(_parse(await _read(receive)))
        case _:
            raise RequestError(f"Nothing is served at {method} {path}", status=404)


async def _embeddings(request: dict[str, Any]) -> dict[str, Any]:
    texts = _texts(request)
    encode = _encoder(request)
    found = await asyncio.to_thread(model.embed, texts)
    tokens = sum(embedding.tokens for embedding in found)
    return {
        "object": "list",
        "model": MODEL,
        "data": [
            {"object": "embedding", "index": index, "embedding": encode(embedding)}
            for index, embedding in enumerate(found)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


# --- The request ---------------------------------------------------------------------------------
async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(f"The body is larger than {MAX_BODY_BYTES} bytes", status=413)
        if not message.get("more_body"):
            return bytes(body)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"The body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise RequestError("The body must be a JSON object")
    if unknown := request.keys() - FIELDS:
        raise RequestError(f"Unknown field: {min(unknown)}", param=min(unknown))
    if request.get("model") != MODEL:
        text = f"The model {request.get('model')!r} does not exist; this server has {MODEL!r}"
        raise RequestError(text, param="model", status=404)
    if request.get("dimensions") not in (None, DIMENSIONS):
        text = f"{MODEL} always gives {DIMENSIONS} dimensions"
        raise RequestError(text, param="dimensions")
    return request


def _texts(request: dict[str, Any]) -> list[str]:
    given = request.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RequestError("'input' must be a text or a list of texts", param="input")
    if not 1 <= len(texts) <= MAX_TEXTS or "" in texts:
        text = f"'input' must hold 1 to {MAX_TEXTS} texts, none of them empty"
        raise RequestError(text, param="input")
    return texts


def _encoder(request: dict[str, Any]) -> Callable[[Embedding], Any]:
    match request.get("encoding_format"):
        case None | "float":
            return lambda embedding: embedding.vector.tolist()
        case "base64":  # little-endian float32, as OpenAI sends it
            return lambda embedding: base64.b64encode(
                embedding.vector.astype("<f4").tobytes()
            ).decode()
        case _:
            raise RequestError("'encoding_format' is 'float' or 'base64'", param="encoding_format")


# --- The response --------------------------------------------------------------------------------
def _error_body(error: RequestError) -> dict[str, Any]:
    return {
        "error": {
            "message": str(error),
            "type": "invalid_request_error",
            "param": error.param,
            "code": "model_not_found" if error.param == "model" else None,
        }
    }


async def _send_json(send: Send, status: int, answer: dict[str, Any]) -> None:
    body = orjson.dumps(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
