"""Tells routing how long attempts take and how they end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from apps.providers.errors import ErrorKind, ProviderError
from apps.registry.types import DeploymentFacts
from apps.routing.types import AttemptResult, Observer

# The caller's fault, the caller's leaving, or our own: the deployment cannot help it.
_IGNORED = {
    ErrorKind.BAD_REQUEST,
    ErrorKind.CONTEXT_TOO_LONG,
    ErrorKind.CONTENT_REFUSED,
    ErrorKind.CANCELLED,
    ErrorKind.CONFLICT,
    ErrorKind.REFUSED,
    ErrorKind.TIMEOUT_BEFORE_SEND,
}


@contextmanager
def observed(observer: Observer, deployment: DeploymentFacts) -> Iterator[None]:
    """Around one physical request: begins it, and says how it ended, whatever happens."""
    started, result = time.monotonic(), AttemptResult.FAILED
    observer.began(deployment)
    try:
        yield
        result = AttemptResult.ANSWERED
    except ProviderError as error:
        result = result_of(error)
        raise
    finally:
        observer.observe(deployment, seconds=time.monotonic() - started, outcome=result)


def result_of(error: ProviderError) -> AttemptResult:
    if error.kind is ErrorKind.RATE_LIMITED:
        return AttemptResult.LIMITED
    return AttemptResult.IGNORED if error.kind in _IGNORED else AttemptResult.FAILED
