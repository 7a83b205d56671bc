"""Columns of FOCUS 1.4's dataset “Cost and Usage” that we write, and what the specification says of
each. Which text was read: docs/exports.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["String", "Decimal", "Date/Time", "JSON"]


@dataclass(frozen=True, slots=True)
class Column:
    """`is_nullable` by itself; more depends on the row (`focus_check`)."""

    kind: Kind = "String"
    is_nullable: bool = False
    is_mandatory: bool = True
    allowed: tuple[str, ...] = ()
    least: int | None = None


_OPTIONAL = Column(is_nullable=True, is_mandatory=False)
_MONEY = Column("Decimal")
_TIME = Column("Date/Time")
# In the order of the specification, which is the alphabet's.
COLUMNS: Mapping[str, Column] = {
    "BilledCost": _MONEY,
    "BillingAccountId": Column(),
    "BillingAccountName": Column(is_nullable=True),
    "BillingCurrency": Column(allowed=("USD",)),
    "BillingPeriodEnd": _TIME,
    "BillingPeriodStart": _TIME,
    "ChargeCategory": Column(allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    "ChargeClass": Column(is_nullable=True, allowed=("Correction",)),
    "ChargeDescription": Column(is_nullable=True),
    "ChargeFrequency": Column(is_mandatory=False, allowed=("One-Time", "Recurring", "Usage-Based")),
    "ChargePeriodEnd": _TIME,
    "ChargePeriodStart": _TIME,
    "ConsumedQuantity": Column("Decimal", is_nullable=True, is_mandatory=False),
    "ConsumedUnit": _OPTIONAL,
    "ContractedCost": _MONEY,
    "ContractedUnitPrice": Column("Decimal", is_nullable=True, is_mandatory=False, least=0),
    "EffectiveCost": _MONEY,
    "HostProviderName": Column(),
    "InvoiceIssuerName": Column(),
    "ListCost": _MONEY,
    "ListUnitPrice": Column("Decimal", is_nullable=True, is_mandatory=False, least=0),
    "PricingCategory": Column(
        is_nullable=True,
        is_mandatory=False,
        allowed=("Standard", "Dynamic", "Committed", "Other"),
    ),
    "PricingQuantity": Column("Decimal", is_nullable=True),
    "PricingUnit": Column(is_nullable=True),
    "ResourceId": _OPTIONAL,
    "ResourceName": _OPTIONAL,
    "ResourceType": _OPTIONAL,
    "ServiceCategory": Column(allowed=("AI and Machine Learning",)),
    "ServiceName": Column(),
    "ServiceProviderName": Column(),
    "ServiceSubcategory": Column(is_mandatory=False, allowed=("Generative AI",)),
    "SkuId": _OPTIONAL,
    "SkuMeter": _OPTIONAL,
    "SkuPriceDetails": Column("JSON", is_nullable=True, is_mandatory=False),
    "SkuPriceId": _OPTIONAL,
    "SubAccountId": _OPTIONAL,
    "SubAccountName": _OPTIONAL,
    "Tags": Column("JSON", is_nullable=True, is_mandatory=False),
}
# Our own come after those of the specification.
CUSTOM = (
    *("x_CacheSavings", "x_Channel", "x_CostCenter", "x_EntryKind", "x_Estimated"),
    *("x_ExperimentArm", "x_LineCount", "x_Prompt", "x_PromptVersion", "x_Service"),
    "x_ServiceTier",
)
COSTS = ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")
