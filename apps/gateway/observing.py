"""Tells routing how long attempts take and how they end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from apps.gateway import metrics
from apps.providers.errors import ErrorKind, ProviderError
from apps.registry.types import DeploymentFacts
from apps.routing.breaker import Reason
from apps.routing.rests import Rest
from apps.routing.types import AttemptResult, Observer

log = structlog.get_logger(__name__)
FORBIDDEN = 403
_RESULTS = {
    ErrorKind.CONNECT: AttemptResult.FAILED,
    ErrorKind.TIMEOUT: AttemptResult.TIMED_OUT,
    ErrorKind.RESET: AttemptResult.FAILED,
    ErrorKind.RATE_LIMITED: AttemptResult.LIMITED,
    ErrorKind.SERVER_ERROR: AttemptResult.FAILED,
    ErrorKind.BAD_RESPONSE: AttemptResult.FAILED,
    ErrorKind.INCOMPLETE: AttemptResult.FAILED,
    ErrorKind.AUTH: AttemptResult.UNAUTHORISED,
    ErrorKind.NOT_FOUND: AttemptResult.MISSING,
    # The caller's fault, the caller's leaving, or our own: the deployment cannot help it.
    ErrorKind.TIMEOUT_BEFORE_SEND: AttemptResult.IGNORED,
    ErrorKind.BAD_REQUEST: AttemptResult.IGNORED,
    ErrorKind.CONTEXT_TOO_LONG: AttemptResult.IGNORED,
    ErrorKind.CONTENT_REFUSED: AttemptResult.IGNORED,
    ErrorKind.CONFLICT: AttemptResult.IGNORED,
    ErrorKind.REFUSED: AttemptResult.IGNORED,
    ErrorKind.OUTRUN: AttemptResult.OUTRUN,
    ErrorKind.CANCELLED: AttemptResult.IGNORED,
    ErrorKind.LEASE_OVER: AttemptResult.IGNORED,
}


@contextmanager
def observed(deployment: DeploymentFacts, *observers: Observer) -> Iterator[None]:
    """Around one physical request: begins it, and says how it ended, whatever happens."""
    started, result, retry_after = time.monotonic(), AttemptResult.FAILED, None
    for observer in observers:
        observer.began(deployment)
    try:
        yield
        result = AttemptResult.ANSWERED
    except ProviderError as error:
        result, retry_after = result_of(error), error.retry_after
        raise
    finally:
        seconds = time.monotonic() - started
        for observer in observers:
            observer.observe(deployment, seconds=seconds, outcome=result, retry_after=retry_after)


def tell_of_rest(deployment: DeploymentFacts, rest: Rest) -> None:
    """For operators: a refused credential needs one, the other rests end by themselves."""
    metrics.RESTS.labels(deployment.slug, rest.reason).inc()
    tell = log.error if rest.reason is Reason.CREDENTIAL else log.warning
    tell(
        "deployment_rests",
        deployment=deployment.slug,
        provider=deployment.provider,
        reason=str(rest.reason),
        seconds=round(rest.seconds, 1),
    )


def tell_of_places(deployment: str, limit: int) -> None:
    """What a deployment bears at once, since it pushed calls back."""
    metrics.PLACES.labels(deployment).set(limit)


def result_of(error: ProviderError) -> AttemptResult:
    if error.kind is ErrorKind.AUTH and error.status == FORBIDDEN:
        return AttemptResult.FORBIDDEN
    if error.code == "insufficient_quota":  # a 429 that waiting does not end
        return AttemptResult.UNAUTHORISED
    return _RESULTS[error.kind]
