"""Whatever is charged, contested, priced later, corrected, reversed, adjusted and credited, in any
order: entries, rollups, reports, budgets and jobs stay equal to an independent sum."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.budgets.models import Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.core.ids import uuid7
from apps.jobs.models import Job
from apps.jobs.services.quarantine import resolve_entry
from apps.jobs.services.repricing import price_again
from apps.jobs.verifying import verify_costs
from apps.ledger.adjusting import (
    AdjustmentRefused,
    approve_adjustment,
    reject_adjustment,
    request_adjustment,
)
from apps.ledger.models import Choice, Entry
from apps.ledger.posting import post_entries
from apps.ledger.reports import Days, spend_by_group, total_spent
from apps.ledger.selectors import open_quarantine
from apps.ledger.services import (
    NotReversible,
    close_attempts,
    correct_entry,
    open_attempts,
    reverse_entry,
)
from apps.ledger.types import AttemptStart, Dimensions
from apps.ledger.verifying import verify_books
from apps.registry.models import UsageClass
from tests.budgets.conftest import held, make_budget
from tests.factories import make_price, make_priced_deployment
from tests.ledger.books import empty
from tests.ledger.conftest import end_of, prices, usage
from tests.proof import examples

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
DAY = date(2026, 5, 30)
NOON = datetime(2026, 5, 30, 12, tzinfo=UTC)
ALWAYS = Days(date(2025, 1, 1), date(2027, 12, 31), "UTC")
PRICES = prices(in_uncached=5, out_text=7)  # of audio finance learns the price later
LATER = {"in_uncached": 5, "out_text": 7, "in_audio": 11}
SAID = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 9}
COUNTS = st.fixed_dictionaries({name: st.integers(0, 9) for name in LATER})
SERVICES = st.sampled_from(["shop", "crm"])
RESET = """
    SET session_replication_role = replica;
    TRUNCATE ledger_adjustment, ledger_quarantinedecision, budgets_hold, budgets_holdwindow,
        budgets_window, budgets_bucket, budgets_budget, jobs_job CASCADE;
    SET session_replication_role = origin;
"""


def cost(counts: dict[str, int]) -> int:
    return sum(LATER[name] * count for name, count in counts.items())


class Money(RuleBasedStateMachine):
    """Expects for each call what it costs now, and for each service what was adjusted."""

    calls = Bundle("calls")
    asked = Bundle("asked")
    make_job: Any
    people: list[User]

    def __init__(self) -> None:
        super().__init__()
        empty()
        with connection.cursor() as cursor:
            cursor.execute(RESET)
        make_budget("all", 10**9, period="lifetime")
        self.costs: dict[Any, tuple[str, int]] = {}  # attempt → service, total
        self.waits: dict[Any, str] = {}  # attempt → unpriced, conflict or unknown
        self.adjusted: Counter[str] = Counter()
        self.open: dict[Any, tuple[str, int, User]] = {}
        self.seen: dict[Any, int] = {}

    @rule(target=calls, counts=COUNTS, service=SERVICES, days=st.integers(0, 3))
    def charge(self, counts: dict[str, int], service: str, days: int) -> Any:
        """Unpriced when it used audio."""
        start = self.start(service, days)
        is_priced = not counts["in_audio"]
        self.end(start, usage=usage(counts))
        self.book(start, service, cost(counts) if is_priced else 0, "" if is_priced else "unpriced")
        return start

    @rule(target=calls, service=SERVICES, days=st.integers(0, 3))
    def contest(self, service: str, days: int) -> Any:
        start = self.start(service, days)
        bound = {"in_uncached": 50, "out_text": 100}
        report = usage(bound, source="bound", raw={"contested": SAID}, problem="9 is not 3 + 4")
        self.end(start, usage=report, kind="conflict")
        self.book(start, service, cost(bound), "conflict")
        return start

    @rule(target=calls, service=SERVICES, days=st.integers(0, 3))
    def lose_sight(self, service: str, days: int) -> Any:
        start = self.start(service, days)
        bound = {"in_uncached": 10}
        self.end(start, usage=usage(bound), kind="estimate", status="unknown")
        self.book(start, service, cost(bound), "unknown")
        return start

    @rule(start=calls, tokens=st.integers(0, 99))
    def end_late(self, start: AttemptStart, tokens: int) -> None:
        """For a call of known end it is no news, even if what was booked is reversed."""
        service, _ = self.costs[start.id]
        [booked] = self.end(start, usage=usage({"out_text": tokens}))
        if not booked.already:
            self.book(start, service, 7 * tokens, "")

    @rule(start=calls, choice=st.sampled_from(Choice), counts=COUNTS)
    def resolve(self, start: AttemptStart, choice: Choice, counts: dict[str, int]) -> None:
        service, total = self.costs[start.id]
        entry = self.standing(start)
        amounts = {Choice.KEEP: total, Choice.COUNTS: cost(counts), Choice.PROVIDER: 3 * 5 + 6 * 7}
        try:
            resolve_entry(
                entry_id=entry.pk if entry else uuid7(),
                choice=choice,
                counts=counts,
                reason="r",
                by=self.people[0],
            )
        except (NotReversible, ValueError, Entry.DoesNotExist):
            assert self.waits[start.id] not in ("conflict", "unknown") or choice == Choice.PROVIDER
        else:
            self.book(start, service, amounts[choice], "", settle=False)

    @rule(start=calls)
    def price(self, start: AttemptStart) -> None:
        service, _ = self.costs[start.id]
        ids = list(Entry.objects.filter(attempt=start.id).values_list("pk", flat=True))
        result = price_again(entry_ids=ids, reason="r", actor="a")
        assert result.priced == (self.waits[start.id] == "unpriced")
        if result.priced:
            entry = self.standing(start)
            assert entry is not None
            counts = {line["usage_class"]: line["quantity"] for line in entry.lines}
            self.book(start, service, cost(counts), "", settle=False)

    @rule(start=calls, amount=st.integers(0, 99))
    def correct(self, start: AttemptStart, amount: int) -> None:
        entry = self.standing(start)
        if entry is None:
            return
        words: Any = {"reason": "r", "actor": "a", "now": NOON}
        with transaction.atomic():
            correct_entry(entry=entry, amount_pico=amount, lines=[], **words)
            self.book(start, entry.service, amount, "")

    @rule(start=calls)
    def reverse(self, start: AttemptStart) -> None:
        entry = self.standing(start)
        if entry is None:
            return
        with transaction.atomic():
            reverse_entry(entry=entry, reason="r", actor="a", now=NOON)
            self.book(start, entry.service, 0, "")

    @rule(
        target=asked,
        amount=st.integers(-500, 500).filter(bool),
        service=st.sampled_from(["shop", ""]),
        days=st.integers(0, 150),
        who=st.integers(0, 1),
    )
    def ask(self, amount: int, service: str, days: int, who: int) -> Any:
        row = request_adjustment(
            kind="credit" if amount < 0 else "provider_adjustment",
            day=DAY - timedelta(days),
            amount_pico=amount,
            provider="p",
            service=service,
            reference="invoice",
            reason="r",
            by=self.people[who],
            now=NOON,
        )
        self.open[row.pk] = (service, amount, self.people[who])
        return row.pk

    @rule(row=asked, who=st.integers(0, 1), approve=st.booleans())
    def decide(self, row: Any, who: int, approve: bool) -> None:
        by, how = self.people[who], approve_adjustment if approve else reject_adjustment
        service, amount, asker = self.open.get(row, ("", 0, None))
        may = row in self.open and not (approve and asker == by)
        try:
            how(adjustment_id=row, by=by, now=NOON)
        except AdjustmentRefused:
            assert not may
        else:
            assert may
            self.adjusted[service] += amount if approve else 0
            del self.open[row]

    @rule()
    def post(self) -> None:
        post_entries(zone="UTC", batch=3)

    @invariant()
    def sums_are_as_expected(self) -> None:
        expected = Counter(self.adjusted)
        for service, total in self.costs.values():
            expected[service] += total
        groups = spend_by_group(days=ALWAYS, dimension="service")
        assert {name: s.amount_pico for name, s in groups.items() if s.amount_pico} == {
            name: total for name, total in expected.items() if total
        }
        assert total_spent(days=ALWAYS) == sum(expected.values())
        posted = sum(Window.objects.values_list("posted_pico", flat=True))
        assert posted == sum(total for _, total in self.costs.values())  # no adjustment moved it

    @invariant()
    def what_waits_is_counted(self) -> None:
        found, expected = open_quarantine(), Counter(self.waits.values())
        assert (found.unpriced, found.conflict, found.unknown) == (
            expected["unpriced"],
            expected["conflict"],
            expected["unknown"],
        )

    @invariant()
    def what_was_booked_stays_booked(self) -> None:
        entries = dict(Entry.objects.values_list("pk", "amount_pico"))
        assert {pk: entries[pk] for pk in self.seen} == self.seen
        self.seen = entries

    def teardown(self) -> None:
        for _ in range(2):  # before the rest is in the rollups, and after
            assert verify_books(zone="UTC") == []
            assert verify_windows() == []
            assert verify_costs() == []
            post_entries(zone="UTC")

    def start(self, service: str, days: int) -> AttemptStart:
        job = self.make_job(status="succeeded")
        id_, at = held(10**4, now=NOON), NOON - timedelta(days)
        dims = Dimensions(service, f"{service}-team", "cc", "p", "m", "deployment")
        start = AttemptStart(id_, "req", job.pk, 1, "answer", dims)
        open_attempts(starts=[start], now=at)
        return start

    def end(self, start: AttemptStart, **values: Any) -> Any:
        with transaction.atomic():
            return close_attempts(ends=[end_of(start, prices=PRICES, **values)], now=NOON)

    def book(
        self, start: AttemptStart, service: str, total: int, waits: str, *, settle: bool = True
    ) -> None:
        """What is expected from now on; with `settle` the budget and the job are told, as whoever
        calls the ledger has to."""
        self.costs[start.id], self.waits[start.id] = (service, total), waits
        if settle:
            with transaction.atomic():
                settle_all(resolutions=[Resolution(start.id, total)], now=NOON)
            Job.objects.filter(pk=start.job_id).update(cost_pico=total)

    def standing(self, start: AttemptStart) -> Entry | None:
        entries = Entry.objects.filter(attempt=start.id, reversed_by=None)
        return entries.exclude(kind="reversal").first()


@pytest.mark.timeout(600)
def test_any_sequence_of_money_keeps_every_equality(transactional_db, make_job):
    deployment = make_priced_deployment(slug="deployment", input_pico=5, output_pico=7)
    make_price(deployment, UsageClass.IN_AUDIO, 11)
    Money.make_job = staticmethod(make_job)
    Money.people = [User.objects.create_user(name) for name in ("one", "two")]
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=examples(8),
            stateful_step_count=20,
            deadline=None,
            phases=[Phase.reuse, Phase.generate],  # a shorter example would take many minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
