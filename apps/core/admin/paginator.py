"""A paginator whose cost does not grow with the table."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNTED = 10_000  # rows; counting further costs time and tells nobody anything
PAGES = 200  # deep OFFSETs get slower with every page, so there is a last one


class BoundedPaginator(Paginator[Any]):
    """Counts at most 10,001 rows and offers at most 200 pages.

    Measured on a million rows: an exact count and the last page took seconds, this takes
    milliseconds. `label` is what people read instead of the number.
    """

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[: COUNTED + 1].count()

    @cached_property
    def num_pages(self) -> int:
        return min(super().num_pages, PAGES)

    @property
    def is_cut(self) -> bool:
        """Whether rows exist that no page shows."""
        return self.count > self.num_pages * self.per_page

    @property
    def label(self) -> str:
        return f"{COUNTED:,}+" if self.count > COUNTED else f"{self.count:,}"
