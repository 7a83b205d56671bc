"""An independent auditor: predicts every answer and every counter, in plain dictionaries.

It shares no code with the application. Money is a plain int; a window is a key.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

Key = tuple[str, str]  # budget, first day of the window


@dataclass
class ModelBudget:
    limit: int
    hard: bool
    daily: bool
    service: str  # "": any

    def key(self, slug: str, at: datetime) -> Key:
        return slug, at.strftime("%Y-%m-%d") if self.daily else "1970-01-01"


@dataclass
class ModelHold:
    amount: int
    keys: list[Key]
    expires: float
    open: bool = True
    posted: int = 0
    attempt: str = "dispatched"


@dataclass
class Counters:
    posted: int = 0
    held: int = 0
    overrun: int = 0


@dataclass
class Auditor:
    budgets: dict[str, ModelBudget]
    windows: dict[Key, Counters] = field(default_factory=dict)
    holds: dict[UUID, ModelHold] = field(default_factory=dict)

    def matching(self, service: str, at: datetime) -> dict[str, Key]:
        return {
            slug: budget.key(slug, at)
            for slug, budget in self.budgets.items()
            if budget.service in ("", service)
        }

    def visit(self, service: str, at: datetime) -> dict[str, Key]:
        """Windows of the moment come to be when anybody asks for room in them."""
        keys = self.matching(service, at)
        for key in keys.values():
            self.windows.setdefault(key, Counters())
        return keys

    def hold(self, id_: UUID, amount: int, service: str, at: datetime, ttl: float) -> bool:
        """Whether it must be admitted; and then it is."""
        keys = self.visit(service, at)
        for slug, key in keys.items():
            window, budget = self.windows[key], self.budgets[slug]
            if budget.hard and window.posted + window.held + amount > budget.limit:
                return False
        for key in keys.values():
            self.windows[key].held += amount
        self.holds[id_] = ModelHold(amount, list(keys.values()), at.timestamp() + ttl)
        return True

    def settle(self, id_: UUID, total: int, *, keep_until: float | None = None) -> None:
        hold = self.holds[id_]
        more, taken = total - hold.posted, hold.amount - hold.posted
        keeps = hold.open and keep_until is not None and total < hold.amount
        beyond = max(0, total - hold.amount) if hold.open else max(0, more)
        for window in (self.windows[key] for key in hold.keys):
            window.posted += more
            window.overrun += beyond
            if hold.open:
                window.held += (hold.amount - total if keeps else 0) - taken
        hold.posted = total
        if keeps and keep_until is not None:
            hold.expires = keep_until
        hold.open = keeps

    def give_back(self, id_: UUID) -> None:
        hold = self.holds[id_]
        if hold.open:
            for key in hold.keys:
                self.windows[key].held -= hold.amount - hold.posted
            hold.open = False

    def overdue(self, at: datetime) -> list[UUID]:
        now = at.timestamp()
        return [id_ for id_, hold in self.holds.items() if hold.open and hold.expires <= now]
