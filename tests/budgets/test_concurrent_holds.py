"""Many callers at once: exactly what fits is admitted, nothing deadlocks, every pico is found."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from apps.budgets.models import Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import expire_holds, hold_all, release, settle_all
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import Held, Resolution
from apps.ledger.services import close_attempts, open_attempts
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.registry.types import PriceRow
from tests.budgets.conftest import NOW, SHOP, make_budget, request

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 64
PENNY = (PriceRow(1, "in_uncached", 1, 1, None, None),)  # one pico a token
SPEND = Dimensions("shop", "shop-team", "cc-100", "openai", "gpt-mini", "mini-1")


def in_threads(work: Callable[[int], Any], times: int, threads: int = THREADS) -> list[Any]:
    """Results of `work(0 … times-1)`, all threads starting at the same moment."""
    barrier = threading.Barrier(threads)

    def one(thread: int) -> list[Any]:
        barrier.wait(timeout=30)
        try:
            return [work(number) for number in range(thread, times, threads)]
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return [result for results in pool.map(one, range(threads)) for result in results]


@contextmanager
def sampled() -> Iterator[list[int]]:
    """While it lasts: the highest `posted + held - limit` of all hard windows, again and again."""
    peaks: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.002):
            rows = Window.objects.filter(hard=True).values_list(
                "posted_pico", "held_pico", "limit_pico"
            )
            peaks.extend(posted + held - limit for posted, held, limit in rows)
        connection.close()

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peaks
    finally:
        done.set()
        sampler.join()


def test_exactly_as_many_as_fit_are_admitted():
    make_budget("all", limit_pico=5000)  # 50 holds of 100
    make_budget("wide", limit_pico=10**9, service="shop")
    budgets = read_budgets()

    def attempt(_: int) -> bool:
        with transaction.atomic():
            answer = hold_all(requests=[request(100)], budgets=budgets, now=NOW)[0]
        return isinstance(answer, Held)

    with sampled() as peaks:
        admitted = in_threads(attempt, times=256)

    assert admitted.count(True) == 50
    assert Window.objects.get(budget__slug="all").held_pico == 5000
    assert Hold.objects.count() == 50
    assert len(peaks) > 10
    assert max(peaks) <= 0


def test_a_storm_of_everything_neither_deadlocks_nor_loses_a_pico():
    """Batches over many budgets in every order: holds, settlements, releases, expiry."""
    scopes = ["service", "team", "model", "provider"]
    for number, field in enumerate(scopes * 2):
        hard = number % 3 != 0
        make_budget(f"b{number}", 20_000, hard=hard, **{field: getattr(SHOP, field)})
    budgets = list(read_budgets())

    def work(number: int) -> int:
        chance = random.Random(number)
        requests = [request(chance.randint(1, 300), ttl_seconds=1) for _ in range(5)]
        held = _hold_and_open(requests, chance.sample(budgets, k=len(budgets)))
        chance.shuffle(held)
        for id_ in held[:3]:
            _close(id_, chance.randint(0, 350))
        with transaction.atomic():
            if number % 2:
                release(hold_ids=held[3:], now=NOW)
            else:
                expire_holds(now=NOW.replace(year=2027), limit=20)
        return len(held)

    with sampled() as peaks:
        held = in_threads(work, times=160, threads=32)

    assert Hold.objects.count() == sum(held)
    assert verify_windows() == []
    overrun = max(Window.objects.values_list("overrun_pico", flat=True))
    assert max(peaks) <= overrun  # only what calls cost beyond their holds may exceed a limit
    with transaction.atomic():
        expire_holds(now=NOW.replace(year=2027), limit=10_000)
    assert set(Window.objects.values_list("held_pico", flat=True)) == {0}


def _hold_and_open(requests: list[Any], budgets: list[Any]) -> list[Any]:
    with transaction.atomic():
        answers = hold_all(requests=requests, budgets=budgets, now=NOW)
        held = [answer.id for answer in answers if isinstance(answer, Held)]
        starts = [AttemptStart(id_, "req_1", None, 1, "answer", SPEND) for id_ in held]
        open_attempts(starts=starts, now=NOW)
    return held


def _close(id_: Any, tokens: int) -> None:
    usage = UsageReport({"in_uncached": tokens}, tokens, 0, "provider", None)
    end = AttemptEnd(id_, "succeeded", usage, PENNY, "charge")
    with transaction.atomic():
        booked = close_attempts(ends=[end, end], now=NOW)
        settle_all(resolutions=[Resolution(b.attempt_id, b.amount_pico) for b in booked], now=NOW)
