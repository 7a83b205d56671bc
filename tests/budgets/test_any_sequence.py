"""Whatever happens in whatever order: windows, holds and ledger agree with an independent model."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
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

from apps.budgets.models import Budget, Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import expire_holds, hold_all, release, settle_all
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import Held, HoldRequest, Resolution, Scope
from apps.core.ids import uuid7
from apps.ledger.models import Entry
from apps.ledger.selectors import broken_entries
from apps.ledger.services import close_attempts, correct_entry, open_attempts, resolve_orphans
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.registry.types import PriceRow
from tests.budgets.conftest import NOW, make_budget
from tests.budgets.model import Auditor, ModelBudget
from tests.proof import checked, examples

BUDGETS = {
    "all-time": ModelBudget(limit=400, hard=True, daily=False, service=""),
    "daily": ModelBudget(limit=150, hard=True, daily=True, service="shop"),
    "gentle": ModelBudget(limit=100, hard=False, daily=True, service=""),
}
PENNY = (PriceRow(1, "in_uncached", 1, 1, None, None),)  # one pico a token
SERVICES = st.sampled_from(["shop", "search"])
AMOUNTS = st.integers(0, 150)
TTL = 3600.0


class Books(RuleBasedStateMachine):
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = NOW
        self.auditor = Auditor({slug: ModelBudget(**vars(b)) for slug, b in BUDGETS.items()})
        self.seen: dict[Any, tuple[int, str]] = {}
        for slug, b in BUDGETS.items():
            period = "day" if b.daily else "lifetime"
            make_budget(slug, b.limit, hard=b.hard, service=b.service, period=period)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @rule(target=holds, amounts=st.lists(AMOUNTS, min_size=1, max_size=4), service=SERVICES)
    def hold(self, amounts: list[int], service: str) -> Any:
        requests = [self.request(uuid7(), amount, service) for amount in amounts]
        answers = hold_all(requests=requests, budgets=read_budgets(), now=self.now)

        admitted = [
            self.auditor.hold(request.id, request.amount_pico, service, self.now, TTL)
            for request in requests
        ]

        assert [isinstance(answer, Held) for answer in answers] == admitted
        pairs = [pair for pair in zip(requests, answers, strict=True) if isinstance(pair[1], Held)]
        assert Hold.objects.filter(pk__in=[r.id for r in requests]).count() == len(pairs)
        for request, answer in pairs:
            self.no_hard_window_is_over(answer.window_ids)
            checked("I1")
            self.open_attempt(request.id, service)
        return multiple(*pairs)

    @rule(hold=holds)
    def hold_again(self, hold: Any) -> None:
        request, first = hold
        again = hold_all(requests=[request], budgets=read_budgets(), now=self.now)[0]
        assert isinstance(again, Held)
        assert again.window_ids == first.window_ids
        checked("I4")
        self.auditor.visit(request.scope.service, self.now)

    @rule(hold=holds, actual=st.integers(0, 200))
    def succeed(self, hold: Any, actual: int) -> None:
        """In time or late, under the hold or over it, for the first time or again."""
        id_ = hold[0].id
        booked = close_attempts(ends=[self.end(id_, "succeeded", actual)], now=self.now)[0]
        model = self.auditor.holds[id_]

        assert booked.already == (model.attempt == "ended")
        assert booked.amount_pico == (model.posted if booked.already else actual)

        model.attempt = "ended"
        self.settle(id_, booked.amount_pico)

    @rule(hold=holds, estimate=AMOUNTS)
    def lose_sight(self, hold: Any, estimate: int) -> None:
        id_ = hold[0].id
        booked = close_attempts(ends=[self.end(id_, "unknown", estimate)], now=self.now)[0]
        model = self.auditor.holds[id_]
        assert booked.already == (model.attempt != "dispatched")
        if booked.already:
            return
        model.attempt = "unknown"
        until = self.now + timedelta(seconds=django_settings.UNKNOWN_HOLD_SECONDS)
        settle_all(resolutions=[Resolution(id_, estimate, keep_held=True)], now=self.now)
        self.auditor.settle(id_, estimate, keep_until=until.timestamp())

    @rule(hold=holds)
    def die(self, hold: Any) -> None:
        id_ = hold[0].id
        model = self.auditor.holds[id_]
        resolved = resolve_orphans(attempts={id_: model.amount}, now=self.now)
        assert resolved == ([id_] if model.attempt == "dispatched" else [])
        if resolved:
            model.attempt = "unknown"
            self.settle(id_, model.amount)

    @rule(hold=holds)
    def release(self, hold: Any) -> None:
        was_open = self.auditor.holds[hold[0].id].open
        assert release(hold_ids=[hold[0].id], now=self.now) == [hold[0].id] * was_open
        self.auditor.give_back(hold[0].id)

    @rule(hold=holds, amount=AMOUNTS)
    def correct(self, hold: Any, amount: int) -> None:
        id_ = hold[0].id
        standing = Entry.objects.filter(attempt=id_, reversed_by=None).exclude(kind="reversal")
        if self.auditor.holds[id_].attempt != "ended" or (entry := standing.first()) is None:
            return
        correct_entry(entry=entry, amount_pico=amount, lines=[], reason="", actor="", now=self.now)
        self.settle(id_, amount)

    @rule(hours=st.sampled_from([1, 5, 24, 60]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        overdue = self.auditor.overdue(self.now)
        assert sorted(expire_holds(now=self.now, limit=1000)) == sorted(overdue)
        for id_ in overdue:
            self.auditor.give_back(id_)

    @rule(slug=st.sampled_from(sorted(BUDGETS)), limit=st.integers(0, 500))
    def change_limit(self, slug: str, limit: int) -> None:
        Budget.objects.filter(slug=slug).update(limit_pico=limit)
        self.auditor.budgets[slug].limit = limit

    @invariant()
    def counters_are_as_predicted(self) -> None:
        """I2, I3, I5, I6: posted, held and overrun of every window."""
        found = {
            (w.budget.slug, f"{w.starts_at:%Y-%m-%d}"): (w.posted_pico, w.held_pico, w.overrun_pico)
            for w in Window.objects.select_related("budget")
        }
        expected = {
            key: (window.posted, window.held, window.overrun)
            for key, window in self.auditor.windows.items()
        }
        assert found == expected
        checked("I2", "I3", "I5", "I6")

    @invariant()
    def windows_agree_with_the_ledger(self) -> None:
        """I2, I8: against the entries and holds themselves."""
        assert verify_windows() == []
        assert broken_entries() == []
        checked("I8")

    @invariant()
    def what_was_booked_stays_booked(self) -> None:
        """I7: entries only ever come to be."""
        entries = {e.pk: (e.amount_pico, e.kind) for e in Entry.objects.all()}
        assert {pk: entries[pk] for pk in self.seen} == self.seen
        self.seen = entries
        checked("I7")

    def no_hard_window_is_over(self, window_ids: tuple[int, ...]) -> None:
        for w in Window.objects.filter(pk__in=window_ids, hard=True):
            assert w.posted_pico + w.held_pico <= w.limit_pico

    def settle(self, id_: Any, total: int) -> None:
        settle_all(resolutions=[Resolution(id_, total)] * 2, now=self.now)
        self.auditor.settle(id_, total)

    def request(self, id_: Any, amount: int, service: str) -> HoldRequest:
        scope = Scope("team", "cc", service, "openai", "mini")
        return HoldRequest(id=id_, amount_pico=amount, scope=scope, ttl_seconds=TTL)

    def open_attempt(self, id_: Any, service: str) -> None:
        dimensions = Dimensions(service, "team", "cc", "openai", "mini", "mini-1")
        start = AttemptStart(id_, "req_1", None, 1, "answer", dimensions)
        open_attempts(starts=[start], now=self.now)

    def end(self, id_: Any, status: Any, tokens: int) -> AttemptEnd:
        usage = UsageReport({"in_uncached": tokens}, tokens, 0, "provider", None)
        kind: Any = "estimate" if status == "unknown" else "charge"
        return AttemptEnd(id_, status, usage, PENNY, kind)


@pytest.mark.slow
def test_any_sequence_of_events_keeps_the_books(db):
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=examples(20),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
