"""What a statement did to the sums of days or months is added to their totals.

In the database, so that whoever posts, rebuilds or mends need not know of totals, nor processes of
the release before, which write while this one starts.
"""

import pgtrigger

from apps.ledger.models.rollup_keys import MEASURES, TOTALS

# In the order of the key, as all writers of rollups write. `less` are rows as they were, `more` as
# they are now.
_ADD = """
    INSERT INTO {table} AS total ({key}, {measures})
    SELECT {key}, {sums} FROM ({rows}) AS moved GROUP BY {key} ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE SET {added};
"""
_FORGET = "DELETE FROM {table} WHERE entries = 0 AND {period} IN (SELECT {period} FROM less);"
_MORE = "SELECT {key}, {measures} FROM more"
_LESS = "SELECT {key}, {negative} FROM less"
_PARTS = {
    "measures": ", ".join(MEASURES),
    "negative": ", ".join(f"-{name} AS {name}" for name in MEASURES),
    "sums": ", ".join(f"sum({name})" for name in MEASURES),
    "added": ", ".join(f"{name} = total.{name} + excluded.{name}" for name in MEASURES),
}


def of(period: str) -> list[pgtrigger.Trigger]:
    """Those of the rollup of a `period`: day or month."""
    return [
        _trigger("total_more", pgtrigger.Insert, period, _MORE),
        _trigger("total_moved", pgtrigger.Update, period, _MORE, _LESS),
        _trigger("total_less", pgtrigger.Delete, period, _LESS),
    ]


def _trigger(
    name: str, operation: pgtrigger.Operation, period: str, *rows: str
) -> pgtrigger.Trigger:
    add = _ADD.replace("{rows}", " UNION ALL ".join(rows))
    each = f"{add} {_FORGET}" if _LESS in rows else add
    new, old = "more" if _MORE in rows else None, "less" if _LESS in rows else None
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(new=new, old=old),  # type: ignore[no-untyped-call]
        func=" ".join([*(_of(each, period, total) for total in TOTALS), "RETURN NULL;"]),
    )


def _of(statements: str, period: str, total: str) -> str:
    key = ", ".join((period, *TOTALS[total]))
    return statements.format(**_PARTS, period=period, table=f"ledger_{period}{total}", key=key)
