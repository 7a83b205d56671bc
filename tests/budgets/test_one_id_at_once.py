"""Two connections work on one id at the same moment, in any sequence: the second adds nothing.

The second begins while the transaction of the first is open, and the first ends only when the
second waits for its locks or is through; then it commits, or it rolls back as if it had died.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from apps.budgets.models import Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import expire_holds, hold_all, release, settle_all
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import Held, HoldRequest, Resolution, Scope
from apps.core.ids import uuid7
from apps.ledger.models import Attempt, Entry
from apps.ledger.selectors import broken_entries
from apps.ledger.services import (
    NotReversible,
    close_attempts,
    correct_entry,
    open_attempts,
    resolve_orphans,
)
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.registry.types import PriceRow
from tests.budgets.conftest import NOW, make_budget
from tests.budgets.model import Auditor, ModelBudget
from tests.ledger.books import empty
from tests.proof import checked, examples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

BUDGETS = {
    "all": ModelBudget(limit=600, hard=True, daily=False, service=""),
    "shop": ModelBudget(limit=300, hard=True, daily=False, service="shop"),
    "gentle": ModelBudget(limit=100, hard=False, daily=False, service=""),
}
PENNY = (PriceRow(1, "in_uncached", 1, 1, None, None),)  # one pico a token
TTL = 3600.0
BUDGET_TABLES = ("budgets_holdwindow", "budgets_hold", "budgets_window", "budgets_budget")
AMOUNTS = st.lists(st.integers(0, 150), min_size=1, max_size=3)
Work = Callable[[], Any]


class DiedError(Exception):
    """What the first connection dies of."""


class Beside:
    """A second connection to the database, in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._pid = self._pool.submit(self._connect).result()

    def race(self, work: Work, *, first_dies: bool) -> tuple[Any, Any]:
        """What `work` gives in the first transaction (None when it died) and in the second."""
        try:
            with transaction.atomic():
                mine = work()
                other = self._pool.submit(self._in_transaction, work)
                self._wait_until_blocked_or_done(other)
                if first_dies:
                    raise DiedError
        except DiedError:
            mine = None
        return mine, other.result(timeout=30)

    def close(self) -> None:
        self._pool.submit(lambda: connection.close()).result()
        self._pool.shutdown()

    def _wait_until_blocked_or_done(self, other: "Future[Any]") -> None:
        tick = threading.Event()
        for _ in range(10_000):
            if other.done() or self._is_blocked():
                return
            tick.wait(0.001)
        raise AssertionError("The second connection neither waits nor ends.")

    def _is_blocked(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self._pid])
            return bool(cursor.fetchone()[0])

    @staticmethod
    def _connect() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    @staticmethod
    def _in_transaction(work: Work) -> Any:
        with transaction.atomic():
            return work()


@contextmanager
def beside() -> Iterator[Beside]:
    second = Beside()
    try:
        yield second
    finally:
        second.close()


class Twice(RuleBasedStateMachine):
    holds = Bundle("holds")
    ended = Bundle("ended")
    second: Beside

    def __init__(self) -> None:
        super().__init__()
        self.auditor = Auditor({slug: ModelBudget(**vars(b)) for slug, b in BUDGETS.items()})
        self.entries: dict[Any, int] = {}
        empty(*BUDGET_TABLES)
        for slug, b in BUDGETS.items():
            make_budget(slug, b.limit, hard=b.hard, service=b.service, period="lifetime")
        self.budgets = read_budgets()

    @rule(
        target=holds,
        amounts=AMOUNTS,
        service=st.sampled_from(["shop", "search"]),
        reverse=st.booleans(),
        dies=st.booleans(),
    )
    def hold(self, amounts: list[int], service: str, reverse: bool, dies: bool) -> Any:
        requests = [self.request(amount, service) for amount in amounts]
        orders = [requests, requests[::-1] if reverse else requests]

        first, second = self.second.race(lambda: self.hold_and_open(orders.pop(0)), first_dies=dies)

        # Whoever was first decided, and of the second's batch held nothing more.
        order = requests[::-1] if dies and reverse else requests
        expected = [
            request.id
            for request in order
            if self.auditor.hold(request.id, request.amount_pico, service, NOW, TTL)
        ]
        admitted = set(expected)
        assert second == admitted
        assert first == (None if dies else admitted)
        assert Hold.objects.filter(pk__in=[r.id for r in requests]).count() == len(admitted)
        assert Attempt.objects.filter(pk__in=[r.id for r in requests]).count() == len(admitted)
        checked("I4")
        return multiple(*expected)

    @rule(target=ended, id_=holds, actual=st.integers(0, 200), dies=st.booleans())
    def succeed(self, id_: Any, actual: int, dies: bool) -> Any:
        model = self.auditor.holds[id_]
        was_ended, before = model.attempt == "ended", model.posted

        first, second = self.second.race(lambda: self.end(id_, actual), first_dies=dies)

        total = before if was_ended else actual
        assert second == (was_ended or not dies, total)
        assert first == (None if dies else (was_ended, total))
        model.attempt = "ended"
        self.auditor.settle(id_, total)
        checked("I3")
        return id_

    @rule(id_=holds, dies=st.booleans())
    def find_it_dead(self, id_: Any, dies: bool) -> None:
        model = self.auditor.holds[id_]
        found = [id_] if model.attempt == "dispatched" else []

        first, second = self.second.race(lambda: self.orphan(id_, model.amount), first_dies=dies)

        assert second == (found if dies else [])
        assert first == (None if dies else found)
        if found:
            model.attempt = "unknown"
            self.auditor.settle(id_, model.amount)
        checked("I3")

    @rule(id_=holds, dies=st.booleans(), late=st.booleans())
    def give_back(self, id_: Any, dies: bool, late: bool) -> None:
        """Released, or expired by two sweepers. One gives it back, the other skips or finds
        nothing to do."""
        open_ = [id_] if self.auditor.holds[id_].open else []
        due = self.auditor.holds if late else [id_]
        given = sorted(one for one in due if self.auditor.holds[one].open)

        first, second = self.second.race(
            (lambda: sorted(expire_holds(now=NOW.replace(year=2027), limit=1000)))
            if late
            else (lambda: release(hold_ids=[id_], now=NOW)),
            first_dies=dies,
        )

        if late and dies:
            assert second in ([], given)  # locked rows are skipped, until the next sweep
            given = second
        else:
            assert second == (open_ if dies else [])
            assert first == (None if dies else given)
        for one in given:
            self.auditor.give_back(one)
        checked("I3")

    @rule(id_=ended, amount=st.integers(0, 150), dies=st.booleans())
    def correct(self, id_: Any, amount: int, dies: bool) -> None:
        entry = Entry.objects.exclude(kind="reversal").get(attempt=id_, reversed_by=None)

        first, second = self.second.race(lambda: self.replace(entry, amount), first_dies=dies)

        assert (first, second) == ((None, True) if dies else (True, False))
        self.auditor.settle(id_, amount)
        checked("I7")

    @invariant()
    def counters_are_as_predicted(self) -> None:
        found = {
            (w.budget.slug, f"{w.starts_at:%Y-%m-%d}"): (w.posted_pico, w.held_pico, w.overrun_pico)
            for w in Window.objects.select_related("budget")
        }
        expected = {
            key: (window.posted, window.held, window.overrun)
            for key, window in self.auditor.windows.items()
        }
        assert found == expected
        assert verify_windows() == []
        assert broken_entries() == []
        checked("I2", "I5", "I6")

    @invariant()
    def entries_only_come_to_be(self) -> None:
        entries = dict(Entry.objects.values_list("pk", "amount_pico"))
        assert {pk: entries[pk] for pk in self.entries} == self.entries
        self.entries = entries

    def hold_and_open(self, requests: list[HoldRequest]) -> set[Any]:
        answers = hold_all(requests=requests, budgets=self.budgets, now=NOW)
        held = [answer for answer in answers if isinstance(answer, Held)]
        touched = {window_id for answer in held for window_id in answer.window_ids}
        for window in Window.objects.filter(pk__in=touched, hard=True):
            assert window.posted_pico + window.held_pico <= window.limit_pico
            checked("I1")
        service = requests[0].scope.service
        open_attempts(starts=[start_of(answer.id, service) for answer in held], now=NOW)
        return {answer.id for answer in held}

    def end(self, id_: Any, tokens: int) -> tuple[bool, int]:
        usage = UsageReport({"in_uncached": tokens}, tokens, 0, "provider", None)
        end = AttemptEnd(id_, "succeeded", usage, PENNY, "charge")
        booked = close_attempts(ends=[end], now=NOW)[0]
        settle_all(resolutions=[Resolution(id_, booked.amount_pico)], now=NOW)
        return booked.already, booked.amount_pico

    def orphan(self, id_: Any, amount: int) -> list[Any]:
        resolved = resolve_orphans(attempts={id_: amount}, now=NOW)
        settle_all(resolutions=[Resolution(one, amount) for one in resolved], now=NOW)
        return resolved

    def replace(self, entry: Entry, amount: int) -> bool:
        try:
            correct_entry(entry=entry, amount_pico=amount, lines=[], reason="", actor="", now=NOW)
        except NotReversible:
            return False
        settle_all(resolutions=[Resolution(entry.attempt_id, amount)], now=NOW)  # type: ignore[arg-type]
        return True

    def request(self, amount: int, service: str) -> HoldRequest:
        scope = Scope("team", "cc", service, "openai", "mini")
        return HoldRequest(id=uuid7(), amount_pico=amount, scope=scope, ttl_seconds=TTL)


def start_of(id_: Any, service: str) -> AttemptStart:
    dimensions = Dimensions(service, "team", "cc", "openai", "mini", "mini-1")
    return AttemptStart(id_, "req_1", None, 1, "answer", dimensions)


def test_of_two_at_once_the_second_adds_nothing():
    with beside() as second:
        machine = type("Raced", (Twice,), {"second": second})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples(6),
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
