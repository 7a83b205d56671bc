"""Rolling windows, carry-over, raises and shorter answers in any order: the invariants hold.

What windows say is added up again from holds alone, by other code than the application's. It
begins on the noon before Berlin's clocks go forward or back: days of 23 and 25 hours are in it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.budgets.models import Budget, BudgetRaise, Hold, HoldWindow, ThresholdCrossing, Window
from apps.budgets.selectors import rooms_now, verify_windows
from apps.budgets.services import expire_holds, hold_all, settle_all
from apps.budgets.services.raises import approve_raise, request_raise
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import Held, OutputTerms, Resolution
from tests.budgets.conftest import make_budget, request
from tests.proof import checked, examples

HOUR = timedelta(hours=1)
TERMS = OutputTerms(input_pico=5, token_pico=3)
BERLIN = ZoneInfo("Europe/Berlin")
FORWARD, BACK = datetime(2026, 3, 28, 11, tzinfo=UTC), datetime(2026, 10, 24, 10, tzinfo=UTC)


class Features(RuleBasedStateMachine):
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = FORWARD
        self.admitted: dict[Any, Any] = {}  # hold → when
        self.carried: dict[int, int] = {}
        self.crossed: set[Any] = set()
        users = get_user_model()._default_manager
        self.asks, self.approves = users.create_user("asks"), users.create_user("approves")
        shorter = {"on_exceeded": "cap", "min_output_tokens": 4, "time_zone": BERLIN.key}
        make_budget("rolling", 200, period="hours", length=6, **shorter)
        carries = {"carry_over": "both", "carry_cap_percent": 50, "time_zone": BERLIN.key}
        make_budget("carrying", 150, period="day", **carries)
        make_budget("capped", 150, period="day", **shorter)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(start=st.sampled_from([FORWARD, BACK]))
    def begin(self, start: datetime) -> None:
        self.now = start
        Budget.objects.update(created_at=start)

    @rule(target=holds, tokens=st.integers(1, 60))
    def hold(self, tokens: int) -> Any:
        budgets = read_budgets()
        left = {room.budget: room.left for room in self.rooms().values()}
        wanted = request(5 + 3 * tokens, output=TERMS, ttl_seconds=HOUR.total_seconds() * 2)

        answer = hold_all(requests=[wanted], budgets=budgets, now=self.now)[0]

        refusing = [slug for slug, room in left.items() if wanted.amount_pico > room]
        affordable = (min(left.values()) - 5) // 3
        if not refusing:
            expected: Any = (True, None)
        elif "carrying" in refusing or affordable < 4:
            expected = (False, None)
        else:
            expected = (True, affordable)
        is_held = isinstance(answer, Held)
        assert (is_held, getattr(answer, "output_cap", None)) == expected
        if is_held:
            self.admitted[wanted.id] = self.now
            assert all(room.left >= 0 for room in self.rooms().values())
            checked("I1")
        return wanted.id

    @rule(id_=holds, actual=st.integers(0, 250), unknown=st.booleans())
    def settle(self, id_: Any, actual: int, unknown: bool) -> None:
        resolution = Resolution(id_, actual, keep_held=unknown)
        settle_all(resolutions=[resolution] * 2, now=self.now)

    @rule(hours=st.sampled_from([0.1, 1, 5, 7, 24]))
    def time_passes(self, hours: float) -> None:
        self.now += HOUR * hours

    @rule()
    def expire(self) -> None:
        expire_holds(now=self.now, limit=100)

    @rule(slug=st.sampled_from(["rolling", "carrying", "capped"]), limit=st.integers(0, 300))
    def change_limit(self, slug: str, limit: int) -> None:
        Budget.objects.filter(slug=slug).update(limit_pico=limit)

    @rule(slug=st.sampled_from(["rolling", "carrying", "capped"]), amount=st.integers(1, 100))
    def raise_once(self, slug: str, amount: int) -> None:
        row = request_raise(
            budget=Budget.objects.get(slug=slug),
            amount_pico=amount,
            reason="A sale",
            by=self.asks,
            now=self.now,
            until=self.now + 8 * HOUR,
        )
        approve_raise(raise_id=row.pk, by=self.approves, now=self.now)

    @invariant()
    def windows_are_the_sum_of_their_holds(self) -> None:
        """I2; of a rolling one, what was admitted in its period. (No ledger here: no posted.)"""
        assert [d for d in verify_windows() if not d.what.startswith("posted of")] == []
        for room in self.rooms().values():
            taken = Hold.objects.filter(pk__in=self.in_period(room))
            posted = sum(hold.posted_pico for hold in taken)
            held = sum(h.amount_pico - h.posted_pico for h in taken if h.status == "held")
            assert (room.posted, room.held) == (posted, held), room.budget
        checked("I2")

    @invariant()
    def a_hold_stays_in_the_local_day_of_its_admission(self) -> None:
        """I2, I12: also when it is settled, or expires, days later."""
        links = HoldWindow.objects.filter(window__budget__period="day").select_related("window")
        for link in links:
            admitted = self.admitted[link.hold_id].astimezone(BERLIN)
            midnight = datetime(admitted.year, admitted.month, admitted.day, tzinfo=BERLIN)
            morrow = admitted.date() + timedelta(days=1)
            ends = datetime(morrow.year, morrow.month, morrow.day, tzinfo=BERLIN)
            found = (link.window.starts_at, link.window.ends_at)
            assert found == (midnight.astimezone(UTC), ends.astimezone(UTC))

    @invariant()
    def what_was_carried_is_frozen(self) -> None:
        found = dict(Window.objects.values_list("pk", "carried_pico"))
        assert {pk: found[pk] for pk in self.carried} == self.carried
        self.carried = found

    @invariant()
    def limits_have_their_raises_and_carry(self) -> None:
        for room in self.rooms().values():
            raises = BudgetRaise.objects.filter(window=room.window_id, until__gt=self.now)
            raised = sum(row.amount_pico for row in raises)
            budget = Budget.objects.get(pk=room.budget_id)
            assert room.limit == budget.limit_pico + room.carried + raised

    @invariant()
    def thresholds_tell_once_and_stay(self) -> None:
        keys = list(
            ThresholdCrossing.objects.values_list("window", "period_at", "percent", "basis")
        )
        assert len(keys) == len(set(keys))
        assert self.crossed <= set(keys)
        self.crossed = set(keys)

    def rooms(self) -> Any:
        return rooms_now(budgets=read_budgets(), now=self.now)

    def in_period(self, room: Any) -> list[Any]:
        linked = HoldWindow.objects.filter(window=room.window_id).values_list("hold_id", flat=True)
        if room.length is None:
            return list(linked)
        step = (room.length / 48).total_seconds()
        oldest = (self.now - room.length).timestamp() // step
        return [id_ for id_ in linked if self.admitted[id_].timestamp() // step >= oldest]


@pytest.mark.slow
def test_any_sequence_of_features_keeps_the_invariants(db):
    run_state_machine_as_test(
        Features,
        settings=settings(
            max_examples=examples(15),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
