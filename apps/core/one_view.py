"""Many reads of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_view() -> Iterator[None]:
    """All reads inside see the database as it is now, however long they take and whatever others
    commit meanwhile: sums are those of the rows beside them. Nothing can be written. Inside another
    transaction they see what that one sees. Decorates a function, too."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
