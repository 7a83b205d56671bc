"""Routes as the pipeline sees them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A route and its deployments' slugs in the order in which they are tried."""

    slug: str
    targets: tuple[str, ...]


class NoSuchModel(Exception):
    """Neither a route nor a model has that name. Permanent."""


class NothingHealthy(Exception):
    """The route exists, but every deployment behind it is drained. A retry may help later."""
