"""The statements that keep, read and check what attempts of each day were like; `attempts` says
when and why."""

CLEAR = "DELETE FROM ledger_dayattempts"
CLEAR_DAYS = "DELETE FROM ledger_dayattempts WHERE day BETWEEN %(first)s AND %(last)s"
MOVE = "UPDATE ledger_attemptcursor SET xid = %(next)s::xid8"

# The upper bound in `touched` keeps out what another cluster wrote, before a dump of it was
# restored here; what this statement sees of its own is below it.
_TOUCHED = """
    SELECT DISTINCT (started_at AT TIME ZONE %(zone)s)::date AS day FROM ledger_attempt
    WHERE xid >= (SELECT xid FROM ledger_attemptcursor)
"""
FORGET = f"""
    DELETE FROM ledger_dayattempts
    WHERE day IN ({_TOUCHED} AND xid < (SELECT %(next)s::xid8))
"""  # noqa: S608 - no values in it
# The bounds on `started_at` only help to find the day: three hours are more than a clock is ever
# turned back by.
_ENDED = """
    FROM ledger_attempt
    WHERE started_at >= wanted.day::timestamp AT TIME ZONE %(zone)s - interval '3 hours'
      AND started_at < (wanted.day + 1)::timestamp AT TIME ZONE %(zone)s + interval '3 hours'
      AND (started_at AT TIME ZONE %(zone)s)::date = wanted.day AND status <> 'dispatched'
"""
_SUMS = f"""
    SELECT coalesce(sum(calls), 0) AS attempts,
        coalesce(sum(calls) FILTER (WHERE failed), 0) AS failed,
        coalesce(jsonb_object_agg(bucket, calls) FILTER (WHERE bucket IS NOT NULL), '{{}}') AS took
    FROM (
        SELECT status <> 'succeeded' AS failed, count(*) AS calls, CASE WHEN status = 'succeeded'
            THEN width_bucket(ended_at - started_at, %(bounds)s::interval[]) END AS bucket
        {_ENDED} GROUP BY failed, bucket
    ) AS found
"""  # noqa: S608
# Days that are over, have attempts and no row yet, newest first. LIMIT 1 makes the planner look
# for one by the index; EXISTS would let it read the whole table.
ADD = f"""
    INSERT INTO ledger_dayattempts (day, attempts, failed, took)
    WITH over AS (
        SELECT day::date FROM generate_series(
            (SELECT min(started_at) AT TIME ZONE %(zone)s FROM ledger_attempt)::date::timestamp,
            (now() AT TIME ZONE %(zone)s)::date - interval '1 day', interval '1 day'
        ) day
        EXCEPT SELECT day FROM ledger_dayattempts
    ), due AS (
        SELECT wanted.day FROM over AS wanted, LATERAL (SELECT {_ENDED} LIMIT 1) AS one
        ORDER BY wanted.day DESC LIMIT %(batch)s
    )
    SELECT wanted.day, sums.* FROM due AS wanted, LATERAL ({_SUMS}) AS sums
"""  # noqa: S608
_KEPT = f"""
    WITH touched AS MATERIALIZED (
        {_TOUCHED} AND xid < pg_snapshot_xmax(pg_current_snapshot())
    ), kept AS MATERIALIZED (
        SELECT day, attempts, failed, took FROM ledger_dayattempts
        WHERE day BETWEEN %(first)s AND %(last)s AND day NOT IN (SELECT day FROM touched)
          AND EXISTS (
              SELECT FROM ledger_attemptcursor
              WHERE zone = %(zone)s AND xid <= pg_snapshot_xmax(pg_current_snapshot())
          )
    )
"""  # noqa: S608
READ = f"""
    {_KEPT}, wanted AS (
        SELECT day::date FROM generate_series(%(first)s::timestamp, %(last)s, '1 day') day
        EXCEPT SELECT day FROM kept
    )
    SELECT * FROM (
        SELECT * FROM kept
        UNION ALL
        SELECT wanted.day, sums.* FROM wanted, LATERAL ({_SUMS}) AS sums
    ) AS days WHERE attempts > 0 ORDER BY day
"""  # noqa: S608
DRIFT = f"""
    {_KEPT}
    SELECT wanted.day, wanted.attempts, sums.attempts, wanted.failed, sums.failed, wanted.took,
        sums.took
    FROM kept AS wanted, LATERAL ({_SUMS}) AS sums
    WHERE (wanted.attempts, wanted.failed, wanted.took)
        IS DISTINCT FROM (sums.attempts, sums.failed, sums.took)
    ORDER BY wanted.day
"""  # noqa: S608
