"""Statements of providers, how their files are read, and what was decided about differences."""

from apps.reconciliation.models.comparison import Choice, Decision, Difference
from apps.reconciliation.models.sources import (
    DateFormat,
    FileFormat,
    ItemName,
    QuantityUnit,
    Source,
)
from apps.reconciliation.models.statements import (
    Category,
    DayBasis,
    FileKind,
    Statement,
    StatementFile,
    StatementLine,
    StatementStatus,
)
from apps.reconciliation.models.waivers import Waiver, WaiverStatus

__all__ = [
    "Category",
    "Choice",
    "DateFormat",
    "DayBasis",
    "Decision",
    "Difference",
    "FileFormat",
    "FileKind",
    "ItemName",
    "QuantityUnit",
    "Source",
    "Statement",
    "StatementFile",
    "StatementLine",
    "StatementStatus",
    "Waiver",
    "WaiverStatus",
]
