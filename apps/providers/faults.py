"""From what went wrong on the wire to a `ProviderError`."""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

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

_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


def from_status(error: openai.APIStatusError, endpoint: Endpoint) -> ProviderError:
    """An answer with a status other than 2xx."""
    status, headers = error.status_code, error.response.headers
    kind = _kind_of(status, error)
    options: dict[str, Any] = {}
    if kind is ErrorKind.TIMEOUT:
        options["outcome"] = Outcome.NOT_BILLED
    elif kind is ErrorKind.BAD_RESPONSE:  # a redirect: the address is wrong and stays wrong
        options |= {"retryable": False, "outcome": Outcome.NOT_BILLED}
    elif error.code == "insufficient_quota":  # no waiting helps, another account may
        options["retryable"] = False
    return ProviderError(
        kind,
        clean(error.message, endpoint),
        status=status,
        retry_after=retry_after(headers),
        code=clean(error.code or "", endpoint),
        provider_request_id=request_id(headers),
        **options,
    )


def from_transport(
    error: openai.APIConnectionError | httpx2.RequestError, *, answered: bool
) -> ProviderError:
    """The connection failed. `answered`: the headers of an answer had arrived."""
    cause = error if isinstance(error, httpx2.RequestError) else error.__cause__
    name = type(cause).__name__
    if isinstance(cause, _NOT_SENT):
        return ProviderError(ErrorKind.CONNECT, f"could not connect ({name})")
    if isinstance(cause, httpx2.PoolTimeout):
        return ProviderError(ErrorKind.TIMEOUT_BEFORE_SEND, "no free connection in time")
    if isinstance(cause, httpx2.TimeoutException):
        return ProviderError(ErrorKind.TIMEOUT, f"no answer in time ({name})")
    if isinstance(cause, httpx2.DecodingError):
        return ProviderError(ErrorKind.BAD_RESPONSE, str(cause))
    if answered:
        return ProviderError(ErrorKind.INCOMPLETE, f"the answer was cut off ({name})")
    return ProviderError(ErrorKind.RESET, f"the connection was lost before an answer ({name})")


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


def _kind_of(status: int, error: openai.APIStatusError) -> ErrorKind:
    if status < 400:
        return ErrorKind.BAD_RESPONSE
    if status >= 500:
        return ErrorKind.SERVER_ERROR
    if status in _CALLERS_FAULT or status == 403:
        for code in (error.code, error.type):
            if code in _KIND_BY_CODE:
                return _KIND_BY_CODE[code]
    if status == 400 and any(phrase in error.message for phrase in _TOO_LONG_PHRASES):
        return ErrorKind.CONTEXT_TOO_LONG
    return _KIND_BY_STATUS.get(status, ErrorKind.BAD_REQUEST)


def clean(text: str, endpoint: Endpoint) -> str:
    """Upstream text that is safe to log: no credential of ours, one line, bounded."""
    for secret in (endpoint.api_key, *endpoint.headers.values()):
        if secret:
            text = text.replace(secret, "[removed]")
    return "".join(c if c.isprintable() else " " for c in text[:MAX_MESSAGE])


def request_id(headers: Mapping[str, str]) -> str:
    return (headers.get("x-request-id") or headers.get("apim-request-id") or "")[:200]


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
