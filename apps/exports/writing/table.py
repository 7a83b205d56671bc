"""The cost report's table, as CSV and JSON: the rows and sums of the page."""

from typing import IO, Any

from apps.core import strict_json
from apps.core.clock import iso_in
from apps.core.money import exact_usd
from apps.exports.types import Asked, Built, Progress
from apps.finance.explorer import Exploration, Group, explore
from apps.finance.export import table_csv
from apps.finance.query import Query
from apps.finance.table import in_order, sort_of
from apps.finance.types import MEASURES, Sums


def write_csv(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    found = explore(query=query)
    progress.expect(len(found.groups))
    for line in table_csv(found, sort=sort_of(found, ""), now=asked.made_at):
        file.write(line.encode())
    return built(found, progress)


def write_json(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    found = explore(query=query)
    progress.expect(len(found.groups))
    file.write(strict_json.dumps(_document(found, asked)))
    return built(found, progress)


def built(found: Exploration, progress: Progress) -> Built:
    progress.step(len(found.groups))
    return Built(len(found.groups), sum(group.sums.amount_pico for group in found.groups))


def sorted_groups(found: Exploration) -> list[Group]:
    return in_order(found, sort_of(found, ""))


def _document(found: Exploration, asked: Asked) -> dict[str, Any]:
    """The same words as the API's answers."""
    query = found.query
    return {
        "zone": query.days.zone,
        "first": str(query.days.first),
        "last": str(query.days.last),
        "currency": "USD",
        "filters": {name: list(values) for name, values in query.filters},
        "generated_at": iso_in(asked.made_at, query.days.zone),
        "generated_for": asked.maker,
        "total": _sums(found.total.sums),
        "results": [_row(query, group) for group in sorted_groups(found)],
    }


def _row(query: Query, group: Group) -> dict[str, Any]:
    key = dict(zip(query.group_by, group.values, strict=True))
    before = group.before
    more = {"before_usd": exact_usd(before.amount_pico)} if before is not None else {}
    return {"group": key} | _sums(group.sums) | more


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        name.replace("amount_pico", "cost_usd").replace("_pico", "_usd"): _cell(sums, name)
        for name in MEASURES
    }


def _cell(sums: Sums, name: str) -> int | str:
    value: int = getattr(sums, name)
    return exact_usd(value) if name.endswith("_pico") else value
