"""What the page of a statement shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from apps.core.money import Pico
from apps.reconciliation.models import Difference, Statement, StatementStatus
from apps.reconciliation.standing import Settled, key_of, open_amount, settled
from apps.reconciliation.types import ABOUT, METERS, NOT_USAGE, UNMATCHED, Column

FLAG = 50  # one in so many: 2 %
STATES = {
    "": "all that differ",
    "open": "nobody decided",
    "asked": "wait for approval",
    "booked": "booked",
    "explained": "explained",
}


@dataclass(frozen=True)
class Line:
    """A difference as a page shows it."""

    row: Difference
    done: Settled

    @property
    def meter(self) -> str:
        return METERS.get(self.row.meter, self.row.meter)

    @property
    def parts(self) -> list[tuple[str, Pico]]:
        """Its columns that are something, the largest first."""
        amounts = columns_of(self.row)
        ranked = sorted(amounts, key=lambda column: -abs(amounts[column]))
        return [(ABOUT[column][0], amounts[column]) for column in ranked if amounts[column]]

    @property
    def share(self) -> float | None:
        whole = self.row.theirs_pico or self.row.ours_pico
        return self.row.difference_pico / abs(whole) if whole else None

    @property
    def is_flagged(self) -> bool:
        """It differs by more than 2 % of what they bill."""
        return bool(abs(self.row.difference_pico) * FLAG > abs(self.row.theirs_pico))

    @property
    def open(self) -> Pico:
        return open_amount(self.row, self.done)

    @property
    def states(self) -> list[str]:
        found = {name: getattr(self.done, name) for name in ("booked", "asked", "explained")}
        return [*(name for name, amount in found.items() if amount), *(["open"] * bool(self.open))]

    @property
    def ledger_query(self) -> str:
        """The day and model in the ledger's list; empty where the model is not ours."""
        if self.row.meter in (*NOT_USAGE, UNMATCHED):
            return ""
        start = datetime.combine(self.row.day, time(), UTC)
        return urlencode(
            {
                "time": "all",
                "at__gte": start.isoformat(),
                "at__lt": (start + timedelta(days=1)).isoformat(),
                "provider": self.row.statement.provider.slug,
                "model": self.row.model,
            }
        )


@dataclass(frozen=True)
class Found:
    """All that differs; `lines` are those that the filters leave, the largest difference first."""

    lines: list[Line]
    columns: Mapping[Column, Pico]
    open: Pico
    open_count: int
    unexplained: Pico
    compared: int
    models: list[str] = field(default_factory=list)


def columns_of(row: Difference) -> dict[Column, Pico]:
    return {column: getattr(row, f"{column}_pico") for column in Column}


def found_in(statement: Statement, asked: Mapping[str, str]) -> Found:
    """`asked`: column, state, model, flagged; what is unknown among them filters nothing."""
    done = settled(statement)
    rows = list(statement.differences.select_related("statement__provider"))
    lines = [Line(row, done.get(key_of(row), Settled())) for row in rows]
    differing = [line for line in lines if line.parts or line.states]
    columns = {c: sum(columns_of(line.row)[c] for line in differing) for c in Column}
    kept = [line for line in differing if _is_asked(line, asked)]
    return Found(
        lines=sorted(kept, key=_largest_first),
        columns=columns,
        open=sum(line.open for line in differing),
        open_count=sum(bool(line.open) for line in differing),
        unexplained=sum(abs(line.open + line.done.asked) for line in differing),
        compared=len(rows),
        models=sorted({line.row.model for line in differing}),
    )


def unknown_items(statement: Statement) -> list[str]:
    """Words of its lines that nobody has named yet."""
    rows = statement.differences.filter(meter=UNMATCHED).exclude(theirs_pico=0)
    return list(rows.order_by("model").values_list("model", flat=True).distinct())


def replaced_by(statement: Statement) -> QuerySet[Statement]:
    """Older ones that a draft would take the place of."""
    return Statement.objects.filter(
        provider=statement.provider,
        status__in=(StatementStatus.OPEN, StatementStatus.SIGNED),
        first_day__gte=statement.first_day,
        last_day__lte=statement.last_day,
    ).exclude(pk=statement.pk)


def decisions_of(statement: Statement) -> QuerySet[Any]:
    """Of this statement, the newest first."""
    rows: QuerySet[Any] = statement.decisions.select_related("adjustment", "decided_by")
    return rows.filter(~Q(amount_pico=0))


def _largest_first(line: Line) -> tuple[int, date, str]:
    return -abs(line.row.difference_pico), line.row.day, line.row.model


def _is_asked(line: Line, asked: Mapping[str, str]) -> bool:
    column = asked.get("column", "")
    if column in list(Column) and not getattr(line.row, f"{column}_pico"):
        return False
    state = asked.get("state", "")
    if state in STATES and state and state not in line.states:
        return False
    if asked.get("flagged") and not line.is_flagged:
        return False
    model = asked.get("model", "")
    return not model or line.row.model == model
