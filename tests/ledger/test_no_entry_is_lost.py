"""Whatever the order in which transactions write and commit, each entry is posted exactly once."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger.models import DayCost
from apps.ledger.posting import post_entries
from apps.ledger.reports import Days, total_spent
from apps.ledger.selectors import rollup_mismatches
from tests.ledger.books import empty, post_all, write, writers
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)

MAY = Days(date(2026, 5, 1), date(2026, 5, 31), "UTC")
WRITERS = 3
steps = st.tuples(
    st.integers(0, WRITERS - 1), st.sampled_from(["write", "commit", "rollback", "post"])
)


def posted():
    return sum(int(row.amount_pico) for row in DayCost.objects.all())


def test_a_long_transaction_is_waited_for_and_seen_all_the_same(transactional_db):
    with writers(2) as (slow, fast):
        write(slow, 1)
        write(fast, 10)
        fast.commit()

        post_entries(zone="UTC")
        assert (posted(), total_spent(days=MAY)) == (0, 10)
        slow.commit()
        assert (posted(), total_spent(days=MAY)) == (0, 11)
        post_all()
        assert (posted(), total_spent(days=MAY)) == (11, 11)


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(steps, max_size=30), batch=st.integers(1, 3))
def test_any_order_of_commits(transactional_db, plan, batch):
    empty()
    pending, committed, amount = [0] * WRITERS, 0, 1
    with writers(WRITERS) as connections:
        for who, what in plan:
            if what == "write":
                write(connections[who], amount)
                pending[who] += amount
                amount *= 2  # each subset of entries has a sum of its own
            elif what == "post":
                post_entries(zone="UTC", batch=batch)
            else:
                getattr(connections[who], what)()
                committed += pending[who] if what == "commit" else 0
                pending[who] = 0
            assert total_spent(days=MAY) == committed
    post_all(batch=batch)

    assert posted() == total_spent(days=MAY) == committed
    assert rollup_mismatches(first=MAY.first, last=MAY.last) == []


def test_writers_and_posters_at_the_same_time(transactional_db):
    """4 writers with transactions of any length, 2 posters, and a reader whose sum never falls."""
    each, totals = 60, []

    def run_writer(seed):
        dice = random.Random(seed)
        with writers(1) as (mine,):
            for _ in range(each):
                write(mine, 1)
                if dice.random() < 0.4:
                    mine.commit()
            mine.commit()

    def run_poster(_):
        for _ in range(25):
            post_entries(zone="UTC", batch=7)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(run_writer, seed) for seed in range(4)]
        runs += [pool.submit(run_poster, n) for n in range(2)]
        while not all(run.done() for run in runs):
            totals.append(total_spent(days=MAY))
        for run in runs:
            run.result()
    post_all()

    assert totals == sorted(totals)
    assert posted() == total_spent(days=MAY) == 4 * each
