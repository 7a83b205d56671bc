"""Every failure in OpenAI's error object, so that the official client raises its own exceptions."""

from collections.abc import Iterable
from math import ceil
from typing import Any

from apps.access.limits import Level
from apps.core.money import exact_usd
from apps.gateway.types import CallRefused, Spent

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_TYPES_BY_CLASS = {4: "invalid_request_error", 5: "server_error"}


# What OpenAI calls what we call otherwise: programs compare these.
_CODES = {
    "budget_exceeded": "insufficient_quota",
    "rate_limited": "rate_limit_exceeded",
    "context_too_long": "context_length_exceeded",
    "content_refused": "content_policy_violation",
}


class ApiError(Exception):
    """One error answer: status, OpenAI's error object, headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        type_: str = "",
        headers: dict[str, str] | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        error = {
            "message": message,
            "type": type_ or _TYPES.get(status) or _TYPES_BY_CLASS[status // 100],
            "param": param,
            "code": code,
        }
        self.body = {"error": error | (details or {})}


def from_refusal(refusal: CallRefused) -> ApiError:
    """A pipeline refusal. Budget refusals are OpenAI's `insufficient_quota`, and the client is told
    not to repeat what a retry cannot change."""
    over_budget = refusal.code == "budget_exceeded"
    headers = limit_headers(refusal.levels) | bill_headers(refusal.attempts, refusal.spent)
    if over_budget or refusal.retry_after is None:
        headers["x-should-retry"] = "false"
    if refusal.retry_after is not None:
        headers["retry-after"] = str(max(1, ceil(refusal.retry_after)))
        headers["retry-after-ms"] = str(ceil(refusal.retry_after * 1000))
    faults = [
        {"pointer": _pointer(f.pointer), "detail": f.detail, "code": f.code} for f in refusal.faults
    ]
    return ApiError(
        429 if over_budget else refusal.status,
        refusal.message,
        code=_CODES.get(refusal.code, refusal.code),
        param=_param(refusal),
        type_="insufficient_quota" if over_budget else "",
        headers=headers,
        details={**({"errors": faults} if faults else {}), **refusal.details},
    )


def bill_headers(attempts: int, spent: Spent | None) -> dict[str, str]:
    """What was sent to providers and what it cost; nothing where nothing was sent."""
    if not attempts:
        return {}
    return {"x-llm-attempts": str(attempts), **cost_headers(spent or Spent())}


def cost_headers(spent: Spent) -> dict[str, str]:
    """An exact cost is not marked."""
    marked = {"x-llm-cost-estimated": "true"} if spent.estimated else {}
    return {"x-llm-cost-usd": exact_usd(spent.pico), **marked}


def limit_headers(levels: Iterable[Level]) -> dict[str, str]:
    """OpenAI's headers of rate limits, by bucket."""
    headers = {}
    for level in levels:
        headers[f"x-ratelimit-limit-{level.bucket}"] = str(level.limit)
        headers[f"x-ratelimit-remaining-{level.bucket}"] = str(level.remaining)
        headers[f"x-ratelimit-reset-{level.bucket}"] = f"{level.reset:.3f}s"
    return headers


def _param(refusal: CallRefused) -> str | None:
    """OpenAI's dotted name of the first fault."""
    if not refusal.faults:
        return None
    return _pointer(refusal.faults[0].pointer).strip("/").replace("/", ".") or None


def _pointer(pointer: str) -> str:
    """The pointer into the caller's own body: parameters stand at the top level under /v1."""
    return pointer.removeprefix("/parameters")
