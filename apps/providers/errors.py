"""Why a call failed, whether trying again can help, and whether it may have cost money.

The three answers are decided here, once, in `_RULES`; retry loops, breakers and the ledger read
them from the error and never look at a status code again.
"""

from dataclasses import dataclass
from enum import StrEnum

from apps.providers.usage import Contested, Usage


class Outcome(StrEnum):
    """What a failed call did to the bill."""

    NOT_BILLED = "not_billed"
    """It never reached the model, or was refused: 0, certain."""
    ASSUMED_NOT_BILLED = "assumed_not_billed"
    """The provider failed before it sent a byte of an answer: 0, until its bill says otherwise."""
    UNKNOWN = "unknown"
    """It was sent and the end is not known: book an estimate, keep the rest held."""
    BILLED = "billed"
    """An answer came, if a useless one: charge the error's `usage`, or an estimate without it."""


class ErrorKind(StrEnum):
    CONNECT = "connect"
    """No connection: refused, unreachable, not resolved, TLS. Nothing was sent."""
    TIMEOUT_BEFORE_SEND = "timeout_before_send"
    """No free connection in our own pool in time. The provider isn't at fault."""
    TIMEOUT = "timeout"
    """Sent, but no answer in time."""
    RESET = "reset"
    """Sent, then the connection was lost before any answer."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"
    """An answer that is no answer: HTML, broken JSON, no choices, a redirect, too large."""
    INCOMPLETE = "incomplete"
    """The answer stopped before its end."""
    BAD_REQUEST = "bad_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_REFUSED = "content_refused"
    AUTH = "auth"
    """The credential is wrong, not allowed, or has no money left."""
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    REFUSED = "refused"
    """We refuse to call this address."""
    LEASE_OVER = "lease_over"
    """It was not sent: whoever wanted to send it may no longer be the one who answers."""
    OUTRUN = "outrun"
    """We gave it up: another attempt of the same call answered first."""
    CANCELLED = "cancelled"
    """The caller gave up. Adapters let `asyncio.CancelledError` pass; whoever catches it uses this
    kind for the record."""


@dataclass(frozen=True, slots=True)
class _Rule:
    retryable: bool
    fallback: bool
    outcome: Outcome


_TRANSIENT = (True, True)
_ELSEWHERE = (False, True)
_CALLERS_FAULT = (False, False)

_RULES: dict[ErrorKind, _Rule] = {
    ErrorKind.CONNECT: _Rule(*_TRANSIENT, Outcome.NOT_BILLED),
    ErrorKind.TIMEOUT_BEFORE_SEND: _Rule(*_TRANSIENT, Outcome.NOT_BILLED),
    ErrorKind.TIMEOUT: _Rule(*_TRANSIENT, Outcome.UNKNOWN),
    ErrorKind.RESET: _Rule(*_TRANSIENT, Outcome.UNKNOWN),
    ErrorKind.RATE_LIMITED: _Rule(*_TRANSIENT, Outcome.NOT_BILLED),
    ErrorKind.SERVER_ERROR: _Rule(*_TRANSIENT, Outcome.ASSUMED_NOT_BILLED),
    ErrorKind.BAD_RESPONSE: _Rule(*_TRANSIENT, Outcome.BILLED),
    ErrorKind.INCOMPLETE: _Rule(*_TRANSIENT, Outcome.UNKNOWN),
    ErrorKind.BAD_REQUEST: _Rule(*_CALLERS_FAULT, Outcome.NOT_BILLED),
    ErrorKind.CONTEXT_TOO_LONG: _Rule(*_ELSEWHERE, Outcome.NOT_BILLED),
    ErrorKind.CONTENT_REFUSED: _Rule(*_ELSEWHERE, Outcome.NOT_BILLED),
    ErrorKind.AUTH: _Rule(*_ELSEWHERE, Outcome.NOT_BILLED),
    ErrorKind.NOT_FOUND: _Rule(*_CALLERS_FAULT, Outcome.NOT_BILLED),
    ErrorKind.CONFLICT: _Rule(*_TRANSIENT, Outcome.NOT_BILLED),
    ErrorKind.REFUSED: _Rule(*_ELSEWHERE, Outcome.NOT_BILLED),
    ErrorKind.LEASE_OVER: _Rule(*_CALLERS_FAULT, Outcome.NOT_BILLED),
    ErrorKind.OUTRUN: _Rule(*_CALLERS_FAULT, Outcome.UNKNOWN),
    ErrorKind.CANCELLED: _Rule(*_CALLERS_FAULT, Outcome.UNKNOWN),
}


class ProviderError(Exception):
    """A call to a provider failed.

    `retryable`: the same request may be sent again, to another deployment of the model first.
    `fallback`: another deployment or model may answer where this one can't.
    `retry_after`: seconds that the provider asked us to wait, or None.
    The message never holds a credential. `usage` and `contested` are what the answer had reported
    until then (`Reported`). The keyword arguments override the table for the cases
    that differ from their kind.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
        fallback: bool | None = None,
        outcome: Outcome | None = None,
        usage: Usage | None = None,
        contested: Contested | None = None,
        code: str = "",
        provider_request_id: str = "",
    ) -> None:
        super().__init__(message)
        rule = _RULES[kind]
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.retryable = rule.retryable if retryable is None else retryable
        self.fallback = rule.fallback if fallback is None else fallback
        self.outcome = rule.outcome if outcome is None else outcome
        self.usage = usage
        self.contested = contested
        self.code = code
        self.provider_request_id = provider_request_id

    @property
    def is_final(self) -> bool:
        """Nobody can do better with this request."""
        return not (self.retryable or self.fallback)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
