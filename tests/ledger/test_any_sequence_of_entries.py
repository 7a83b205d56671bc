"""Calls of every usage class, late truths, corrections, reversals, new prices, credits and rollups
that move at any moment, against an independent bookkeeper.

After each step every entry is what it was when it was booked, to the last byte of its lines (I7,
I10), adds up to the pico (I8), and every report and rollup is the sum of the entries (I9).
Everything is really committed, as rollups never see what is not.
"""

from datetime import UTC, date, datetime, timedelta
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
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.core.ids import uuid7
from apps.ledger.adjusting import approve_adjustment, request_adjustment
from apps.ledger.models import Entry, Usage
from apps.ledger.posting import post_entries, rebuild_all, rebuild_days
from apps.ledger.pricing import price_usage
from apps.ledger.reports import DIMENSIONS, Days, spend_by_day, spend_by_group, total_spent
from apps.ledger.services import (
    NotReversible,
    book_cache_hits,
    close_attempts,
    correct_entry,
    open_attempts,
    resolve_orphans,
    reverse_entry,
)
from apps.ledger.types import AttemptEnd, AttemptStart, CacheHit, Dimensions, UsageReport
from apps.ledger.usage import usage_rows
from apps.ledger.verifying import verify_books
from apps.registry.models import UsageClass
from apps.registry.services.prices import PriceRefused, set_price
from apps.registry.snapshot import read_registry
from tests.factories import make_deployment
from tests.ledger.books import empty
from tests.ledger.call_days import are_right
from tests.ledger.entry_facts import (
    adds_up,
    counter,
    is_whole,
    model_of,
    row_of,
    token_columns,
    unpriced,
    value_of,
)
from tests.ledger.model import ModelEntry, PriceList, sums_by
from tests.proof import checked, examples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu")
START = datetime(2026, 3, 28, 20, tzinfo=UTC)  # Berlin's clocks change, and soon the month ends
EVER = Days(date(2025, 12, 1), date(2027, 12, 31), "UTC")
CLASSES = st.sampled_from(UsageClass.values)
TIERS = st.sampled_from(["default", "default", "flex"])
SERVING = ("answer", "retry", "fallback", "hedge")
PURPOSES = st.sampled_from([*SERVING, "shadow", "similar", "evaluation", "playground"])
COUNTS = st.dictionaries(CLASSES, st.integers(0, 2_000), max_size=5)
STEPS = st.sampled_from([0, 0, 0, 1_000])
PICOS = st.integers(0, 10**7)
BLOCKS = st.sampled_from([1, 1, 7, 3_600_000])


class Ledger(RuleBasedStateMachine):
    open_calls = Bundle("open_calls")
    ended_calls = Bundle("ended_calls")

    def __init__(self) -> None:
        super().__init__()
        empty("ledger_adjustment", "registry_price", "registry_deployment")
        self.now = START
        self.deployments = {slug: make_deployment(slug=slug) for slug in ("here", "there")}
        self.prices = {slug: PriceList() for slug in self.deployments}
        self.sent: dict[Any, tuple[datetime, str, str, str]] = {}
        self.lost: set[Any] = set()
        self.entries: dict[Any, ModelEntry] = {}
        self.frozen: dict[Any, Any] = {}
        users = get_user_model()._default_manager
        self.asks, _ = users.get_or_create(username="asks")
        self.approves, _ = users.get_or_create(username="approves")
        self.zone = "UTC"

    @initialize(zone=st.sampled_from(ZONES), picos=st.lists(PICOS, min_size=len(UsageClass)))
    def begin(self, zone: str, picos: list[int]) -> None:
        """Every class has a price in the standard tier, but a fee of requests only if it comes."""
        self.zone = zone
        for slug in self.deployments:
            for name, pico in zip(UsageClass.values, picos, strict=False):
                if name != "requests" and name != "in_audio":
                    self.price(slug, name, "default", 0, pico, 1)

    @rule(
        slug=st.sampled_from(["here", "there"]),
        picos=st.dictionaries(CLASSES, PICOS, min_size=6),
        tier=TIERS,
        step=STEPS,
        block=BLOCKS,
    )
    def new_prices(
        self, slug: str, picos: dict[str, int], tier: str, step: int, block: int
    ) -> None:
        self.now += timedelta(minutes=1)  # a kind has one price at a moment
        for name, pico in picos.items():
            self.price(slug, name, tier, step, pico, block)

    def price(self, slug: str, name: str, tier: str, step: int, pico: int, block: int) -> None:
        """It holds from now on, and changes nothing that was booked or sent (I10)."""
        try:
            set_price(
                deployment=self.deployments[slug],
                usage_class=name,
                price_pico=pico,
                per_block=block,
                source="test",
                now=self.now,
                service_tier=tier,
                min_input_tokens=step,
            )
        except PriceRefused:
            return  # one began at this very moment
        self.prices[slug].begin((name, tier, step), self.now, pico, block)

    @rule(
        target=open_calls,
        slug=st.sampled_from(["here", "there"]),
        service=st.sampled_from(["shop", "crm"]),
        purpose=PURPOSES,
    )
    def send(self, slug: str, service: str, purpose: str) -> Any:
        id_ = uuid7()
        start = AttemptStart(id_, "req_1", None, 1, purpose, dimensions(service, slug))
        open_attempts(starts=[start], now=self.now)
        self.sent[id_] = (self.now, service, slug, purpose)
        return id_

    @rule(
        target=ended_calls,
        id_=consumes(open_calls),
        counts=COUNTS,
        tier=TIERS,
        status=st.sampled_from(["succeeded", "succeeded", "failed"]),
        kind=st.sampled_from(["charge", "charge", "conflict"]),
    )
    def end(self, id_: Any, counts: dict[str, int], tier: str, status: Any, kind: Any) -> Any:
        """With the prices of the moment at which it was sent; late, if it had been given up."""
        self.close(id_, counts, tier, status, kind)
        self.expect_end(id_, counts, tier, status, kind)
        return id_

    @rule(id_=open_calls, counts=COUNTS, tier=TIERS)
    def lose_sight(self, id_: Any, counts: dict[str, int], tier: str) -> None:
        already = self.close(id_, counts, tier, "unknown", "estimate")
        assert already == (id_ in self.lost)
        if not already:
            self.lost.add(id_)
            self.expect_end(id_, counts, tier, "unknown", "estimate")

    @rule(id_=open_calls, amount=PICOS)
    def die(self, id_: Any, amount: int) -> None:
        with transaction.atomic():
            resolved = resolve_orphans(attempts={id_: amount}, now=self.now)
        assert resolved == ([] if id_ in self.lost else [id_])
        if resolved:
            self.lost.add(id_)
            self.book(id_, self.entry_of(id_, "estimate", "unknown", late=False, amount=amount))

    @rule(id_=ended_calls, counts=COUNTS, tier=TIERS)
    def end_again(self, id_: Any, counts: dict[str, int], tier: str) -> None:
        assert self.close(id_, counts, tier, "succeeded", "charge")

    @rule(id_=ended_calls, counts=COUNTS, tier=TIERS)
    def correct(self, id_: Any, counts: dict[str, int], tier: str) -> None:
        """By other counts, at the prices of then."""
        entry = self.standing(id_)
        sent, _, slug, _ = self.sent[id_]
        lines = self.prices[slug].lines(counts, tier, sent)
        if entry is None or lines is None:
            return
        tokens = token_columns(counts)
        priced = price_usage(counts=counts, prices=self.rows(id_), tier=tier)
        with transaction.atomic():
            reversal, correction = correct_entry(
                entry=entry,
                amount_pico=priced.amount_pico,
                lines=priced.frozen_lines(),
                tokens=tokens,
                reason="r",
                actor="a",
                now=self.now,
            )
        old = self.entries[entry.pk]
        self.entries[reversal.pk] = old.reversed(self.now)
        self.entries[correction.pk] = ModelEntry(
            at=self.now,
            kind="correction",
            purpose=old.purpose,
            amount=sum(pico for _, _, pico in lines),
            service=old.service,
            deployment=slug,
            input=tokens["input_tokens"],
            output=tokens["output_tokens"],
            cached=tokens["cached_tokens"],
            lines=lines,
        )

    @rule(id_=ended_calls)
    def reverse(self, id_: Any) -> None:
        entry = self.standing(id_)
        if entry is None:
            return
        with transaction.atomic():
            reversal = reverse_entry(entry=entry, reason="r", actor="a", now=self.now)
        self.entries[reversal.pk] = self.entries[entry.pk].reversed(self.now)
        with pytest.raises(NotReversible), transaction.atomic():
            reverse_entry(entry=entry, reason="r", actor="a", now=self.now)

    @rule(service=st.sampled_from(["shop", "crm"]), avoided=PICOS, tokens=st.integers(0, 99))
    def hit_the_cache(self, service: str, avoided: int, tokens: int) -> None:
        hit = CacheHit("req_1", None, dimensions(service, "here"), avoided, tokens, 1)
        book_cache_hits(hits=[hit], now=self.now)
        pk = Entry.objects.exclude(pk__in=self.entries).get().pk
        self.entries[pk] = ModelEntry(
            self.now, "cache_hit", "", 0, service, "here", tokens, 1, avoided=avoided
        )

    @rule(amount=st.integers(1, 10**9), days=st.integers(0, 40))
    def credit(self, amount: int, days: int) -> None:
        """On a day that was over, and perhaps posted, long before."""
        day = self.now.date() - timedelta(days=days)
        row = request_adjustment(
            kind="credit",
            day=day,
            amount_pico=-amount,
            provider="p",
            reference="r",
            reason="r",
            by=self.asks,
            now=self.now,
        )
        approve_adjustment(adjustment_id=row.pk, by=self.approves, now=self.now)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        self.entries[row.pk] = ModelEntry(noon, "credit", "", -amount, "", "")

    @rule(hours=st.sampled_from([0.5, 3, 24, 24 * 12]))
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @rule(batch=st.integers(1, 5))
    def post(self, batch: int) -> None:
        post_entries(zone=self.zone, batch=batch)

    @rule(zone=st.sampled_from(ZONES))
    def post_in_another_zone(self, zone: str) -> None:
        self.zone = zone
        post_entries(zone=zone)

    @rule(days=st.integers(0, 40), everything=st.booleans())
    def rebuild(self, days: int, everything: bool) -> None:
        if everything:
            rebuild_all(zone=self.zone)
        else:
            last = self.now.date()
            rebuild_days(first=last - timedelta(days=days), last=last, zone=self.zone)

    @invariant()
    def what_was_booked_stays_and_is_as_predicted(self) -> None:
        """I7, I8, I10."""
        found = {entry.pk: entry for entry in Entry.objects.all()}
        rows = {pk: row_of(entry) for pk, entry in found.items()}
        assert {pk: rows[pk] for pk in self.frozen} == self.frozen
        self.frozen = rows
        assert {pk: model_of(entry) for pk, entry in found.items()} == self.entries
        assert all(adds_up(entry) for entry in found.values())
        assert all(is_whole(usage) for usage in Usage.objects.all())
        checked("I7", "I8", "I10")

    @invariant()
    def reports_and_rollups_are_sums_of_entries(self) -> None:
        """I9, in the zone of the rollups and in others."""
        entries = self.entries.values()
        assert total_spent(days=EVER) == sum(entry.amount for entry in entries)
        for name in DIMENSIONS:
            by_group = {
                group: counter(spend)
                for group, spend in spend_by_group(days=EVER, dimension=name).items()
            }
            assert by_group == sums_by(entries, lambda entry, name=name: value_of(entry, name))
        self.days_of_each_zone_add_up()
        self.months_of_all_dimensions_add_up()
        assert are_right("p")
        assert verify_books(zone=self.zone) == []
        checked("I9")

    def days_of_each_zone_add_up(self) -> None:
        for zone in ZONES:
            days = Days(EVER.first, EVER.last, zone)
            rows = spend_by_day(days=days, dimension="purpose")
            assert {(row.day, row.group): counter(row.spend) for row in rows} == sums_by(
                self.entries.values(),
                lambda entry, zone=zone: (
                    entry.at.astimezone(ZoneInfo(zone)).date(),
                    entry.purpose,
                ),
            )

    def months_of_all_dimensions_add_up(self) -> None:
        rows = usage_rows(days=EVER, group_by=("service", "deployment", "purpose"), period="month")
        found = {row.keys: (row.usage.requests, row.usage.amount_pico) for row in rows}
        expected = sums_by(
            self.entries.values(),
            lambda e: (e.at.date().replace(day=1), e.service, e.deployment, e.purpose),
        )
        assert found == {key: (s["requests"], s["amount"]) for key, s in expected.items()}

    def close(self, id_: Any, counts: dict[str, int], tier: str, status: Any, kind: Any) -> bool:
        tokens = token_columns(counts)
        totals = (tokens["input_tokens"], tokens["output_tokens"])
        usage = UsageReport(counts, *totals, "provider", None, service_tier=tier)
        end = AttemptEnd(id_, status, usage, self.rows(id_), kind)
        with transaction.atomic():
            return close_attempts(ends=[end], now=self.now)[0].already

    def rows(self, id_: Any) -> Any:
        """Read when it ends, as after a restart: later rows are there, and must not be taken."""
        sent, _, slug, _ = self.sent[id_]
        return read_registry().deployments[slug].prices_at(sent)

    def expect_end(
        self, id_: Any, counts: dict[str, int], tier: str, status: str, kind: str
    ) -> None:
        sent, _, slug, _ = self.sent[id_]
        lines = self.prices[slug].lines(counts, tier, sent)
        late = id_ in self.lost and status != "unknown"
        if late:
            self.reverse_the_estimate(id_)
        if kind == "charge":
            kind = "unpriced" if lines is None else "late_charge" if late else kind
        tokens = token_columns(counts)
        self.book(
            id_,
            self.entry_of(
                id_,
                kind,
                status,
                late=late,
                amount=sum(pico for _, _, pico in lines or ()),
                input=tokens["input_tokens"],
                output=tokens["output_tokens"],
                cached=tokens["cached_tokens"],
                lines=lines if lines is not None else unpriced(counts),
            ),
        )

    def reverse_the_estimate(self, id_: Any) -> None:
        reversal = Entry.objects.get(attempt=id_, kind="reversal")
        self.entries[reversal.pk] = self.entries[reversal.reverses_id].reversed(self.now)

    def book(self, id_: Any, entry: ModelEntry) -> None:
        new = Entry.objects.filter(attempt=id_).exclude(pk__in=self.entries).get()
        self.entries[new.pk] = entry

    def entry_of(
        self, id_: Any, kind: str, status: str, *, late: bool, **values: Any
    ) -> ModelEntry:
        _, service, slug, purpose = self.sent[id_]
        if purpose in SERVING and status != "succeeded":
            purpose = "failed"
        elif purpose in SERVING and late:
            purpose = "late"
        return ModelEntry(
            at=self.now, kind=kind, purpose=purpose, service=service, deployment=slug, **values
        )

    def standing(self, id_: Any) -> Entry | None:
        entries = Entry.objects.filter(attempt=id_, reversed_by=None)
        return entries.exclude(kind="reversal").first()


def dimensions(service: str, deployment: str) -> Dimensions:
    return Dimensions(service, "t", "c", "p", "m", deployment)


def test_any_sequence_of_entries_keeps_the_books():
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=examples(4),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
