"""Time. What is stored or compared across machines uses the database's clock."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """This process's clock, for deadlines that only this process watches."""
    return datetime.now(UTC)


def db_now() -> datetime:
    """The database's clock: the same for every process, whatever their own clocks say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
