"""The place of the circuit breaker: every deployment passes until one is built here."""

from typing import Protocol

from apps.registry.types import DeploymentFacts


class Breaker(Protocol):
    """Says whether a deployment may be called now, and learns from each result."""

    def allows(self, deployment: DeploymentFacts) -> bool: ...


class AlwaysClosed:
    """Lets every call through."""

    def allows(self, deployment: DeploymentFacts) -> bool:
        return True
