"""The list of budgets: the most endangered first, whatever page they would be on."""

from typing import Any, Literal

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from apps.budgets.admin.cells import STANDINGS
from apps.budgets.models import Budget
from apps.budgets.overview import Standing, overviews
from apps.core.admin.paginator import BoundedPaginator
from apps.core.clock import db_now


class HardFilter(admin.BooleanFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "hard limit"


class StateFilter(admin.SimpleListFilter):
    """Not a column of the table: `BudgetChangeList` applies it."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(one.name.lower(), STANDINGS[one][0]) for one in Standing]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset

    @property
    def chosen(self) -> Standing | None:
        known = {one.name.lower(): one for one in Standing}
        return known.get(self.value() or "")


class ListPaginator(BoundedPaginator):
    """Of rows that are read already."""

    @cached_property
    def count(self) -> int:
        return len(self.object_list)


class BudgetChangeList(ChangeList):
    """Reads the windows of all budgets that match at once, and sorts them by how endangered they
    are, unless a column is asked for. Each budget of the page gets its `overview`."""

    def get_results(self, request: HttpRequest) -> None:
        found = overviews(budgets=list(self.queryset), now=db_now())
        if (chosen := self._standing()) is not None:
            found = [one for one in found if one.standing == chosen]
        if ORDER_VAR not in self.params:
            found.sort(key=lambda one: one.danger)
        for one in found:
            one.budget.overview = one  # type: ignore[attr-defined]
        self._show([one.budget for one in found])

    def get_ordering_field_columns(self) -> dict[int, Literal["desc", "asc"]]:
        """The order of danger is no column's."""
        return super().get_ordering_field_columns() if ORDER_VAR in self.params else {}

    def _show(self, budgets: list[Budget]) -> None:
        self.paginator = ListPaginator(budgets, self.list_per_page)
        self.result_list = self.paginator.get_page(self.page_num).object_list
        self.result_count = self.full_result_count = len(budgets)
        self.multi_page = len(budgets) > self.list_per_page
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = False

    def _standing(self) -> Standing | None:
        filters = (one for one in self.filter_specs if isinstance(one, StateFilter))
        return next((one.chosen for one in filters), None)
