"""A request for room, and the budgets that it counts to."""

from collections.abc import Iterable, Mapping, Sequence

from apps.budgets.admission import Room
from apps.budgets.snapshot import matching
from apps.budgets.types import BudgetFacts, HoldRequest


class Wanted:
    """A request, with the budgets that it and each of its cheaper models count to."""

    def __init__(self, request: HoldRequest, budgets: Sequence[BudgetFacts]) -> None:
        self.request = request
        self._own = matching(budgets, request.scope)
        self._cheaper = {
            model: matching(budgets, instead.scope) for model, instead in request.cheaper.items()
        }

    @property
    def concerned(self) -> Iterable[BudgetFacts]:
        yield from self._own
        for budgets in self._cheaper.values():
            yield from budgets

    def rooms(self, rooms: Mapping[int, Room]) -> list[Room]:
        return [rooms[budget.id] for budget in self._own]

    def cheaper_rooms(self, rooms: Mapping[int, Room]) -> dict[str, list[Room]]:
        return {model: [rooms[b.id] for b in found] for model, found in self._cheaper.items()}
