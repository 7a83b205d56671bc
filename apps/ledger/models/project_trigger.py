"""Sums with the project and the channel follow the cursor of the rollups.

In the database, so that whoever moves the cursor posts them too: also processes of the release
before, which know nothing of them, and would leave out for ever what they passed.
"""

import pgtrigger

from apps.ledger.models import sums_sql

_FOLLOW = """
    IF NEW.xid < OLD.xid OR NEW.zone <> OLD.zone THEN
        DELETE FROM ledger_daybyproject;
        DELETE FROM ledger_monthbyproject;
        DELETE FROM ledger_dayfull;
        DELETE FROM ledger_monthfull;
    ELSE
        WITH moved AS MATERIALIZED ({moved}), full_days AS ({full_days}),
            full_months AS ({full_months}), days AS ({days}) {months};
    END IF;
    RETURN NULL;
"""


def trigger() -> pgtrigger.Trigger:
    moved = sums_sql.of_entries("full", which="xid >= OLD.xid AND xid < NEW.xid", zone="NEW.zone")
    return pgtrigger.Trigger(
        name="projects_follow",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.xid IS DISTINCT FROM NEW.xid OR OLD.zone IS DISTINCT FROM NEW.zone"
        ),
        func=_FOLLOW.format(
            moved=moved.as_string(None),
            full_days=sums_sql.add_days("full").as_string(None),
            full_months=sums_sql.add_months("full").as_string(None),
            days=sums_sql.add_days("byproject").as_string(None),
            months=sums_sql.add_months("byproject").as_string(None),
        ),
    )
