"""What may be called and at what price."""

from apps.registry.models.catalogue import Deployment, Model, ModelKind, Provider, Tokenizer, Vendor
from apps.registry.models.prices import Price, PriceKind, PriceProposal, UsageClass, kind_of

__all__ = [
    "Deployment",
    "Model",
    "ModelKind",
    "Price",
    "PriceKind",
    "PriceProposal",
    "Provider",
    "Tokenizer",
    "UsageClass",
    "Vendor",
    "kind_of",
]
