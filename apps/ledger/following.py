"""Sums that follow a table by a cursor over transactions (`posting` says why not over ids).

Transaction ids belong to one database cluster. A cursor ahead of its cluster came with a dump that
was restored elsewhere; like a cursor of another time zone it begins anew, with nothing summed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

_BEGIN = """
    INSERT INTO {table} (id, xid, zone) VALUES (1, '0', %(zone)s)
    ON CONFLICT (id) DO UPDATE SET xid = '0', zone = excluded.zone
    WHERE {table}.zone <> excluded.zone OR {table}.xid > pg_snapshot_xmax(pg_current_snapshot())
"""
# The oldest transaction that may still write entries. Those of other databases of the cluster
# cannot, and are left out when pg_locks says that they are there; what it does not say is waited
# for. A transaction that ended meanwhile is seen by the next statement.
HORIZON = """
    WITH moment AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot),
    elsewhere AS MATERIALIZED (
        SELECT lock.transactionid AS xid
        FROM pg_locks lock JOIN pg_stat_activity other USING (pid)
        WHERE lock.locktype = 'transactionid' AND lock.mode = 'ExclusiveLock' AND lock.granted
          AND other.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    SELECT coalesce((
        SELECT running FROM pg_snapshot_xip(snapshot) running
        WHERE running::xid NOT IN (SELECT xid FROM elsewhere) ORDER BY running LIMIT 1
    ), pg_snapshot_xmax(snapshot))::text
    FROM moment
"""


def begin(table: str) -> str:
    """Makes the one row of a cursor's table, or sends it back to the start: what it stands for
    doesn't fit the zone, or the cluster. A row is counted when it did."""
    return sql.SQL(_BEGIN).format(table=sql.Identifier(table)).as_string(None)


@dataclass(frozen=True)
class Turn:
    """One transaction of a follower. Transactions before `horizon` have ended for good."""

    cursor: CursorWrapper
    horizon: str


@dataclass(frozen=True)
class Follower:
    """`table`: of its cursor. `lock`: a number that nothing else locks. `clear`: the statements
    that forget everything that was summed."""

    table: str
    lock: int
    clear: Sequence[str]

    @contextmanager
    def turn(self, *, zone: str) -> Iterator[Turn | None]:
        """One process at a time, with the cursor of this zone and cluster. None: another process is
        at it. Never inside another transaction."""
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [self.lock])
            if not cursor.fetchone()[0]:
                yield None
                return
            cursor.execute(begin(self.table), {"zone": zone})
            for statement in self.clear if cursor.rowcount else ():
                cursor.execute(statement)
            cursor.execute(HORIZON)
            yield Turn(cursor, cursor.fetchone()[0])
