"""Their side: what a statement says, by day, model and meter."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.db.models import Count, Sum

from apps.core.money import Pico
from apps.reconciliation.books import added
from apps.reconciliation.models import ItemName, Statement
from apps.reconciliation.reading.names import KnownModel, Names
from apps.reconciliation.types import NOT_USAGE, UNMATCHED, Key, Side
from apps.registry.models import Deployment, ModelKind, Provider


@dataclass
class Claims:
    """`repeated`: what lines come to that equal another one. `unknown`: items that nobody has named
    yet. `has_meters`: whether it tells input from output; else days and models are compared."""

    sides: dict[Key, Side] = field(default_factory=dict)
    repeated: dict[Key, Pico] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    has_meters: bool = True


def claims_of(statement: Statement) -> Claims:
    names, found = names_of(statement.provider), Claims()
    lines = statement.lines.order_by().values("day", "item", "category", "is_repeat", "file__kind")
    rows = lines.annotate(
        amount=Sum("amount_pico"),
        units=Sum("quantity"),
        with_units=Count("quantity"),
        sent=Sum("calls"),
        count=Count("pk"),
    )
    usage: dict[Key, Side] = {}
    for row in rows.order_by("day", "item", "category", "is_repeat", "file__kind"):
        key = Key(row["day"], *names.meaning(row["item"], row["category"]))
        units = int(row["units"]) if row["with_units"] == row["count"] else None
        sent = None if row["sent"] is None else int(row["sent"])
        side = Side(int(row["amount"] or 0), units, sent, row["count"])
        if row["file__kind"] == "usage":
            usage[key] = _together(usage.get(key), side)
        elif row["is_repeat"]:
            found.repeated[key] = found.repeated.get(key, 0) + side.amount_pico
        else:
            found.sides[key] = _together(found.sides.get(key), side)
            if key.meter == UNMATCHED:
                found.unknown.add(row["item"])
    found.sides = _with_usage(found.sides, usage)
    found.has_meters = any(_is_metered(key) for key in found.sides) or not found.sides
    if found.has_meters:
        _set_apart(found)
    return found


def by_day_and_model(sides: dict[Key, Side]) -> dict[Key, Side]:
    """For a statement that tells no meters: all usage of a day and model as one."""
    whole: dict[Key, Side] = {}
    for key, side in sides.items():
        key = key._replace(meter="") if _is_metered(key) else key
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


def _is_metered(key: Key) -> bool:
    return bool(key.meter) and key.meter not in (*NOT_USAGE, UNMATCHED)


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


def _set_apart(found: Claims) -> None:
    """A line without a meter among others that have one matches nothing of ours."""
    for key in [key for key in found.sides if not key.meter]:
        side = found.sides.pop(key)
        apart = key._replace(meter=UNMATCHED)
        found.sides[apart] = _together(found.sides.get(apart), side)
        found.unknown.add(key.model)
