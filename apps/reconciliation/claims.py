"""Their side: what a statement says, by day, model and meter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Count, Sum

from apps.core.money import Pico
from apps.reconciliation.books import added
from apps.reconciliation.models import FileKind, ItemName, Statement
from apps.reconciliation.reading.names import KnownModel, Names
from apps.reconciliation.types import NOT_USAGE, UNMATCHED, Key, Side
from apps.registry.models import Deployment, ModelKind, Provider

Meanings = Mapping[tuple[str, str], tuple[str, str]]


@dataclass
class Claims:
    """`repeated`: what lines come to that equal another one. `has_meters`: whether the statement
    tells input from output; else days and models are compared."""

    sides: dict[Key, Side] = field(default_factory=dict)
    repeated: dict[Key, Pico] = field(default_factory=dict)
    has_meters: bool = True


def claims_of(statement: Statement) -> Claims:
    rows = _sums(statement)
    costs = [row for row in rows if row["file__kind"] == FileKind.COSTS]
    meanings, has_meters = _meanings(statement.provider, rows, costs)
    found, usage = Claims(has_meters=has_meters), dict[Key, Side]()
    for row in rows:
        key, side = Key(row["day"], *meanings[row["item"], row["category"]]), _side(row)
        if row["file__kind"] == FileKind.USAGE:
            usage[key] = _together(usage.get(key), side)
        elif row["is_repeat"]:
            found.repeated[key] = found.repeated.get(key, 0) + side.amount_pico
        else:
            found.sides[key] = _together(found.sides.get(key), side)
    found.sides = _with_usage(found.sides, usage)
    return found


def _sums(statement: Statement) -> list[dict[str, Any]]:
    by = ("day", "item", "category", "is_repeat", "file__kind")
    sums = statement.lines.order_by(*by).values(*by)
    return list(
        sums.annotate(
            amount=Sum("amount_pico"),
            units=Sum("quantity"),
            with_units=Count("quantity"),
            sent=Sum("calls"),
            count=Count("pk"),
        )
    )


def _meanings(
    provider: Provider, rows: list[dict[str, Any]], costs: list[dict[str, Any]]
) -> tuple[Meanings, bool]:
    """What the words of the lines mean, and whether those of costs tell meters. A line without a
    meter among others that have one matches nothing of ours."""
    names = names_of(provider)
    found = {(r["item"], r["category"]): names.meaning(r["item"], r["category"]) for r in rows}
    has_meters = any(_is_meter(found[r["item"], r["category"]][1]) for r in costs) or not costs
    if has_meters:
        for words, (_, meter) in found.items():
            if not meter:
                found[words] = (words[0], UNMATCHED)
    return found, has_meters


def _side(row: Mapping[str, Any]) -> Side:
    return Side(
        amount_pico=int(row["amount"] or 0),
        quantity=int(row["units"]) if row["with_units"] == row["count"] else None,
        calls=None if row["sent"] is None else int(row["sent"]),
        lines=row["count"],
    )


def by_day_and_model(sides: dict[Key, Side]) -> dict[Key, Side]:
    """For a statement that tells no meters: all usage of a day and model as one."""
    whole: dict[Key, Side] = {}
    for key, side in sides.items():
        key = key._replace(meter="") if _is_meter(key.meter) else key
        whole[key] = added(whole.get(key), side)
    return whole


def names_of(provider: Provider) -> Names:
    given = {
        row.item: (row.model.slug if row.model else "", row.meter)
        for row in ItemName.objects.filter(source__provider=provider).select_related("model")
    }
    names: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for deployment in Deployment.objects.filter(provider=provider).select_related("model"):
        model = deployment.model
        is_embedding = model.kind == ModelKind.EMBEDDING
        names[model.slug, is_embedding] |= {deployment.upstream_name, deployment.slug, model.name}
    return Names(
        (KnownModel(slug, tuple(all_), is_emb) for (slug, is_emb), all_ in names.items()), given
    )


def _is_meter(meter: str) -> bool:
    return bool(meter) and meter not in (*NOT_USAGE, UNMATCHED)


def _together(one: Side | None, other: Side) -> Side:
    """As `added`, but lines of one meter are of different calls."""
    if one is None:
        return other
    known = one.calls is not None and other.calls is not None
    calls = (one.calls or 0) + (other.calls or 0) if known else None
    return replace(added(one, other), calls=calls)


def _with_usage(sides: dict[Key, Side], usage: dict[Key, Side]) -> dict[Key, Side]:
    """A file of usage says how much where that of costs does not. Calls are those of a day and
    model, whichever meter names most of them."""
    calls: dict[tuple[object, str], int] = {}
    for key, side in _both(sides, usage):
        if side.calls is not None and key.meter not in NOT_USAGE:
            where = (key.day, key.model)
            calls[where] = max(calls.get(where, 0), side.calls)
    found = {}
    for key, side in sides.items():
        quantity = side.quantity
        if quantity is None and key in usage:
            quantity = usage[key].quantity
        sent = calls.get((key.day, key.model)) if key.meter not in NOT_USAGE else None
        found[key] = replace(side, quantity=quantity, calls=sent)
    return found


def _both(one: dict[Key, Side], other: dict[Key, Side]) -> Iterable[tuple[Key, Side]]:
    yield from one.items()
    yield from other.items()
