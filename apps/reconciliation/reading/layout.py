"""Which columns of a file say what. Names are compared without regard to case.

Checked against: OpenAI's reference of its costs and usage endpoints and published exports of its
dashboard; Microsoft's schema of cost and usage details. See docs/reconciling.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.reconciliation.models import DateFormat, FileFormat, QuantityUnit, Source

FIELDS = (
    *("day", "item", "meter", "amount", "quantity", "unit"),
    *("calls", "category", "account", "currency"),
)
NEEDED = ("day", "item", "amount")


@dataclass(frozen=True, slots=True)
class Layout:
    """Field → names that its column may have, the best first. `only`: columns of which one must
    hold one of the words, else a line is about something else."""

    columns: Mapping[str, Sequence[str]]
    date_format: str = DateFormat.ISO
    quantity_unit: str = QuantityUnit.SINGLE
    accounts: frozenset[str] = frozenset()
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)


_OPENAI = {
    "day": ("start_time_iso", "start_time", "date"),
    "item": ("line_item",),
    "amount": ("amount_value", "amount"),
    "currency": ("amount_currency", "currency"),
    "quantity": ("quantity",),
    "account": ("project_id", "project_name"),
}
_AZURE = {
    "day": ("date", "usagedate", "usagedatetime"),
    "item": ("metername", "meter"),
    "amount": ("costinusd", "costinbillingcurrency", "pretaxcost", "cost"),
    "currency": ("billingcurrency", "billingcurrencycode", "currency"),
    "quantity": ("quantity", "usagequantity"),
    "unit": ("unitofmeasure",),
    "category": ("chargetype",),
    "account": ("subscriptionid", "subscriptionguid"),
}
_AZURE_ONLY = dict.fromkeys(
    ("metercategory", "metersubcategory", "productname"), ("openai", "foundry")
)


def layout_of(source: Source) -> Layout:
    accounts = frozenset(filter(None, (part.strip() for part in source.accounts.split(","))))
    if source.format == FileFormat.OPENAI:
        return Layout(_OPENAI, accounts=accounts)
    if source.format == FileFormat.AZURE:
        return Layout(
            _AZURE,
            DateFormat.US,
            source.quantity_unit or QuantityUnit.STATED,
            accounts=accounts,
            only=_AZURE_ONLY,
        )
    named = {name: getattr(source, f"{name}_column") for name in FIELDS}
    columns = {name: (column.lower(),) for name, column in named.items() if column}
    unit = source.quantity_unit or QuantityUnit.SINGLE
    return Layout(columns, source.date_format, unit, accounts=accounts)
