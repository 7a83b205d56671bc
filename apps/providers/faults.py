"""From what went wrong on the wire to a `ProviderError`."""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import Endpoint

MAX_RETRY_AFTER = 3600.0
MAX_MESSAGE = 500

_KIND_BY_STATUS = {
    401: ErrorKind.AUTH,
    402: ErrorKind.AUTH,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.CONFLICT,
    429: ErrorKind.RATE_LIMITED,
}
# OpenAI and vLLM give a code, llama.cpp a type, Azure a code for its filter.
_KIND_BY_CODE = {
    "context_length_exceeded": ErrorKind.CONTEXT_TOO_LONG,
    "exceed_context_size_error": ErrorKind.CONTEXT_TOO_LONG,
    "content_filter": ErrorKind.CONTENT_REFUSED,
    "content_policy_violation": ErrorKind.CONTENT_REFUSED,
}
_TOO_LONG_PHRASES = ("maximum context length", "context window", "context size")
_CALLERS_FAULT = (400, 413, 422)


def from_status(
    status: int, headers: Mapping[str, str], body: bytes, endpoint: Endpoint
) -> ProviderError:
    """An answer with a status other than 2xx. Reads `body` as the openai package does."""
    error = _error_object(body)
    code = "" if error.get("code") is None else str(error["code"])
    message = error.get("message")
    message = message if isinstance(message, str) else ""
    kind = _kind_of(status, (code, str(error.get("type"))), message)
    options: dict[str, Any] = {}
    if kind is ErrorKind.TIMEOUT:
        options["outcome"] = Outcome.NOT_BILLED
    elif kind is ErrorKind.BAD_RESPONSE:  # a redirect: the address is wrong and stays wrong
        options |= {"retryable": False, "outcome": Outcome.NOT_BILLED}
    elif code == "insufficient_quota":  # no waiting helps, another account may
        options["retryable"] = False
    told = f"Error code: {status}" + (f" - {message}" if message else "")
    return ProviderError(
        kind,
        clean(told, endpoint),
        status=status,
        retry_after=retry_after(headers),
        code=clean(code, endpoint),
        provider_request_id=request_id(headers),
        **options,
    )


def _error_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = value.get("error", value) if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def from_event(error: object, endpoint: Endpoint) -> ProviderError:
    """An error that a provider reported inside a 200."""
    fields = error if isinstance(error, Mapping) else {"message": error}
    code = fields.get("code") or fields.get("type") or ""
    kind = _KIND_BY_CODE.get(str(code), ErrorKind.SERVER_ERROR)
    if code in (429, "429", "rate_limit_exceeded"):
        kind = ErrorKind.RATE_LIMITED
    return ProviderError(
        kind,
        clean(str(fields.get("message") or "error without a message"), endpoint),
        outcome=Outcome.UNKNOWN,
        code=clean(str(code), endpoint),
    )


def _kind_of(status: int, codes: tuple[str, str], message: str) -> ErrorKind:
    if status < 400:
        return ErrorKind.BAD_RESPONSE
    if status >= 500:
        return ErrorKind.SERVER_ERROR
    if status in _CALLERS_FAULT or status == 403:
        for code in codes:
            if code in _KIND_BY_CODE:
                return _KIND_BY_CODE[code]
    if status == 400 and any(phrase in message for phrase in _TOO_LONG_PHRASES):
        return ErrorKind.CONTEXT_TOO_LONG
    return _KIND_BY_STATUS.get(status, ErrorKind.BAD_REQUEST)


def clean(text: str, endpoint: Endpoint) -> str:
    """Upstream text that is safe to log: no credential of ours, one line, bounded."""
    for secret in (endpoint.api_key, *endpoint.headers.values()):
        if secret:
            text = text.replace(secret, "[removed]")
    return "".join(c if c.isprintable() else " " for c in text[:MAX_MESSAGE])


def request_id(headers: Mapping[str, str]) -> str:
    text = (headers.get("x-request-id") or headers.get("apim-request-id") or "")[:200]
    # Bytes that are no text would come as characters that no database can store.
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (RFC 9110: seconds or a date).

    Nonsense counts as not given, the past as 0, and nothing as more than an hour.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    seconds = None if milliseconds is None else milliseconds / 1000
    if seconds is None:
        seconds = _number(headers.get("retry-after"))
    if seconds is None:
        seconds = _seconds_until(
            headers.get("retry-after"), now=time.time() if now is None else now
        )
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(date: str | None, *, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp() - now
    except (ValueError, OverflowError):
        return None
