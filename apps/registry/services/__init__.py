"""Writes of the registry. `services.imports` stands apart: its data takes a second to load."""

from apps.registry.services.deployments import put_deployment
from apps.registry.services.prices import PriceRefused, check_price, set_price
from apps.registry.services.proposals import (
    approve_all,
    approve_proposal,
    propose_prices,
    reject_proposal,
)
from apps.registry.services.switches import set_active

__all__ = [
    "PriceRefused",
    "approve_all",
    "approve_proposal",
    "check_price",
    "propose_prices",
    "put_deployment",
    "reject_proposal",
    "set_active",
    "set_price",
]
