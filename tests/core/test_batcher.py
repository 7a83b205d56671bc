"""Many callers, one flush; each gets its own result."""

import asyncio
from collections.abc import Sequence
from contextlib import closing

import pytest
from django.db import OperationalError, connection

from apps.core.batcher import Batcher


def run(flush, items, **options):
    async def all_of_them():
        batcher = Batcher(name="test", flush=flush, **options)
        try:
            work = (batcher.submit(item) for item in items)
            return await asyncio.gather(*work, return_exceptions=True)
        finally:
            await batcher.close()

    return asyncio.run(all_of_them())


def test_concurrent_items_share_a_flush_and_keep_their_order():
    flushed = []

    def flush(items: Sequence[int]) -> list[int]:
        flushed.append(list(items))
        return [item * 2 for item in items]

    assert run(flush, range(50)) == [item * 2 for item in range(50)]
    assert flushed == [list(range(50))]


def test_a_batch_is_never_larger_than_allowed():
    sizes = []

    def flush(items):
        sizes.append(len(items))
        return list(items)

    run(flush, range(25), max_items=10)

    assert sizes == [10, 10, 5]


def test_a_result_that_is_an_error_is_raised_to_its_caller_only():
    def flush(items):
        return [ValueError(item) if item == 2 else item for item in items]

    one, two, three = run(flush, [1, 2, 3])

    assert (one, three) == (1, 3)
    assert isinstance(two, ValueError)


def test_one_bad_item_does_not_fail_its_neighbours():
    def flush(items):
        if "bad" in items:
            raise KeyError("bad")
        return list(items)

    first, bad, last = run(flush, ["a", "bad", "b"])

    assert (first, last) == ("a", "b")
    assert isinstance(bad, KeyError)


def test_a_database_that_is_away_is_asked_once_for_a_batch():
    asked = []

    def flush(items):
        asked.append(len(items))
        raise OperationalError("away")

    results = run(flush, range(5))

    assert asked == [5]
    assert {type(result) for result in results} == {OperationalError}


def test_a_cancelled_caller_does_not_take_back_its_item():
    flushed = []

    def flush(items):
        flushed.extend(items)
        return list(items)

    async def scenario():
        batcher = Batcher(name="test", flush=flush)
        task = asyncio.create_task(batcher.submit("kept"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await batcher.close()

    asyncio.run(scenario())
    assert flushed == ["kept"]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_while_nothing_happened_is_replaced():
    time = [0.0]
    lost, again = asyncio.run(after_a_loss(pause=lambda: time.append(1.0), clock=lambda: time[-1]))

    assert lost != again


@pytest.mark.django_db(transaction=True)
def test_one_that_is_lost_between_two_flushes_fails_one_of_them():
    lost, error, again = asyncio.run(after_a_loss(pause=lambda: None, clock=lambda: 0.0, tries=2))

    assert isinstance(error, OperationalError)
    assert again not in {lost, error}


async def after_a_loss(*, pause, clock, tries=1):
    """Pids of the connections that flushes used, the first of which the server ended."""

    def flush(items):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone() * len(items)

    batcher = Batcher(name="test", flush=flush, clock=clock)
    found = [await batcher.submit(0)]
    await asyncio.to_thread(terminate, found[0])
    pause()
    for _ in range(tries):
        found += await asyncio.gather(batcher.submit(0), return_exceptions=True)
    await batcher.close()
    return found


def terminate(pid):
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
