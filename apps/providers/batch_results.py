"""The files of results of a batch: lines in any order, of which any may be missing or garbage."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from apps.providers import faults
from apps.providers.answer import Answer
from apps.providers.checks import check_chat
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import ChatResult, Endpoint, Usage
from apps.registry.tiers import DEFAULT_TIER

BATCH_TIER = "batch"
"""The service tier of whatever came through a batch. Answers in its files name none, or the
standard one: the batch says it."""
NOT_RUN = ("batch_expired", "batch_cancelled")
"""Codes of requests that the provider gave back without having tried them."""


@dataclass(frozen=True, slots=True)
class Results:
    """`lines` by custom id, the first of each; `garbage` counts lines that say nothing, `repeated`
    those of an id that had been there."""

    lines: Mapping[str, Mapping[str, Any]]
    garbage: int = 0
    repeated: int = 0

    @property
    def answered(self) -> int:
        """How many hold an answer, be it a useless one."""
        return sum(_response(line).get("status_code") == 200 for line in self.lines.values())


class _StoredAnswer(Answer):
    """An answer that came in a file instead of over a connection of its own."""

    def __init__(self, status: int, request_id: str) -> None:
        super().__init__(status, {})
        self.request_id = request_id


def parse_results(*files: bytes) -> Results:
    """Answers before errors: of an id that is in both files the one in the first counts."""
    lines: dict[str, Mapping[str, Any]] = {}
    garbage = repeated = 0
    for text in b"\n".join(files).split(b"\n"):
        if not text.strip():
            continue
        line = _parsed(text)
        custom_id = line.get("custom_id")
        if not isinstance(custom_id, str):
            garbage += 1
        elif custom_id in lines:
            repeated += 1
        else:
            lines[custom_id] = line
    return Results(lines, garbage, repeated)


def answer_of(line: Mapping[str, Any], endpoint: Endpoint) -> ChatResult:
    """The checked answer of one request. Raises `ProviderError` with its outcome for the books."""
    response = _response(line)
    status, body = response.get("status_code"), response.get("body")
    if status != 200:
        raise _error_of(line, status, body, endpoint)
    answer = _StoredAnswer(200, _request_id(response))
    if not isinstance(body, dict):
        raise answer.error(ErrorKind.BAD_RESPONSE, "the answer is not a JSON object")
    try:
        result = check_chat(answer, body, endpoint)
    except ProviderError as error:
        error.usage = error.usage and _at_batch_tier(error.usage)
        raise
    return replace(result, usage=result.usage and _at_batch_tier(result.usage))


def _at_batch_tier(usage: Usage) -> Usage:
    is_silent = usage.service_tier == DEFAULT_TIER
    return replace(usage, service_tier=BATCH_TIER) if is_silent else usage


def _error_of(
    line: Mapping[str, Any], status: object, body: object, endpoint: Endpoint
) -> ProviderError:
    """A refused request costs nothing; so does one that was never tried."""
    error = line.get("error")
    if isinstance(error, Mapping) and error.get("code") in NOT_RUN:
        return ProviderError(
            ErrorKind.SERVER_ERROR,
            faults.clean(f"not run: {error.get('message') or error['code']}", endpoint),
            outcome=Outcome.NOT_BILLED,
            code=str(error["code"]),
        )
    if type(status) is int and 300 <= status < 600:
        return faults.from_status(status, {}, orjson.dumps(body), endpoint)
    if isinstance(error, Mapping):
        return faults.from_event(error, endpoint)
    return ProviderError(
        ErrorKind.BAD_RESPONSE, "neither an answer nor an error", outcome=Outcome.UNKNOWN
    )


def _response(line: Mapping[str, Any]) -> Mapping[str, Any]:
    response = line.get("response")
    return response if isinstance(response, Mapping) else {}


def _request_id(response: Mapping[str, Any]) -> str:
    found = response.get("request_id")
    return found[:200] if isinstance(found, str) and found.isprintable() else ""


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
