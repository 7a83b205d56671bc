"""Sums are what the ledger says, in whichever order things happen and are counted."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger.models import Attempt, Entry
from apps.prompts.models import Metric
from apps.results import changes
from apps.results.latencies import bucket_of, quantile, upper_bound
from apps.results.models import Call, Cursor, ScoreHour, VersionHour
from apps.results.services.scoring import score_call
from apps.results.versions import version_metrics
from tests.proof import examples
from tests.results.conftest import NOON, begin, call, count, dims, end, hit

pytestmark = pytest.mark.django_db(transaction=True)


def total(name, **which):
    return sum(VersionHour.objects.filter(**which).values_list(name, flat=True))


def test_a_call_with_retries_is_one_call():
    first = begin("r1", dims())
    end(first, status="failed", ms=100)
    end(begin("r1", dims(), number=2, purpose="retry", at=NOON), ms=900)

    count()

    row = VersionHour.objects.get()
    assert (row.calls, row.failed, row.attempts, row.cost_pico) == (1, 0, 2, 27_000_000)
    assert row.latencies == {str(bucket_of(900)): 1}


def test_a_call_that_is_open_is_not_counted_and_one_that_failed_may_still_be_answered():
    first = begin("r1", dims())
    count()
    assert total("calls") == 0

    end(first, status="failed")
    count()
    assert (total("calls"), total("failed")) == (1, 1)

    end(begin("r1", dims(), number=2))
    count()
    assert (total("calls"), total("failed")) == (1, 0)


def test_counting_again_from_the_start_changes_nothing():
    for number in range(5):
        call(f"r{number}", dims(version=number % 2), flaw="schema" if number == 3 else "")
    hit("h", dims())
    count()
    before = list(VersionHour.objects.order_by("pk").values())

    Cursor.objects.update(xid=0)
    count(batch=2)

    after = list(VersionHour.objects.order_by("pk").values())
    assert [{**row, "id": 0} for row in after] == [{**row, "id": 0} for row in before]
    assert total("calls") == 6
    assert (total("schema_failures"), total("cached")) == (1, 1)


def test_calls_of_no_prompt_and_shadow_copies_are_not_counted():
    call("none", dims().__class__("shop", "team", "cc", "p", "m", "d"))
    end(begin("copy", dims(), purpose="shadow"))

    count()

    assert not Call.objects.exists()


def test_a_late_score_belongs_to_the_hour_of_its_call():
    Metric.objects.create(slug="thumb", name="Thumb")
    call("r1", dims(version=7))
    count()

    score_call(service="shop", request_id="r1", metric="thumb", value=1)
    count()
    score_call(service="shop", request_id="r1", metric="thumb", value=0)
    count()

    row = ScoreHour.objects.get()
    assert (row.prompt_version, row.hour, row.scores, row.total) == (7, NOON, 1, 0)
    (metrics,) = version_metrics(prompt="reply", since=NOON)
    assert metrics.scores == {"thumb": {"count": 1, "mean": 0}}


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(
    django_assert_max_num_queries,
):
    for number in range(40):
        call(f"r{number}")
    with django_assert_max_num_queries(40):  # two rounds: what has ended, and the rest
        count()
    assert total("calls") == 40


steps = st.lists(
    st.tuples(
        st.sampled_from(["call", "fail", "open", "late", "hit", "score", "count"]),
        st.integers(0, 5),  # which call
        st.integers(1, 2),  # version
        st.sampled_from(["", "refusal", "schema"]),
        st.integers(0, 5_000),  # milliseconds
        st.integers(0, 3),  # hours later
    ),
    max_size=14,
)


@given(steps=steps, batch=st.sampled_from([1, 3, 2000]))
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_sums_equal_what_the_ledger_says(steps, batch):
    empty()
    Metric.objects.get_or_create(slug="thumb", defaults={"name": "Thumb"})
    scores, versions = {}, {}
    for what, which, version, flaw, ms, hours in steps:
        at, name = NOON + timedelta(hours=hours), f"r{which}"
        whose = dims(version=versions.setdefault(which, version))
        if what == "call":
            call(name, whose, at=at, ms=ms, flaw=flaw)
        elif what == "fail":
            call(name, whose, at=at, ms=ms, status="failed")
        elif what == "open":
            begin(name, whose, at=at)
        elif what == "late":
            start = begin(name, whose, at=at)
            end(start, at=at, ms=ms, status="unknown", kind="estimate")
            end(start, at=at, ms=ms, kind="charge")
        elif what == "hit":
            hit(name, whose, at=at)
        elif what == "score" and Attempt.objects.filter(request_id=name, status="succeeded"):
            score_call(service="shop", request_id=name, metric="thumb", value=ms % 2)
            scores[name] = ms % 2
        elif what == "count":
            count(batch)
    count(batch)

    assert kept() == expected()
    assert kept_scores() == dict(Counter(scores.values()))


def kept():
    found = defaultdict(Counter)
    for row in VersionHour.objects.all():
        for name in changes.SUMMED:
            found[row.prompt_version][name] += int(getattr(row, name))
        found[row.prompt_version]["latencies"] += sum(row.latencies.values())
    return {version: +counts for version, counts in found.items() if +counts}


def expected():
    """From the single attempts and entries, call by call."""
    attempts, entries = defaultdict(list), defaultdict(list)
    for attempt in Attempt.objects.order_by("started_at", "pk"):
        attempts[attempt.request_id].append(attempt)
    for entry in Entry.objects.all():
        entries[entry.request_id].append(entry)
    found = defaultdict(Counter)
    for name in {*attempts, *entries}:
        tried = attempts[name]
        answers = [one for one in tried if one.status == "succeeded"]
        cached = any(one.kind == "cache_hit" for one in entries[name])
        if not (answers or cached) and any(one.status == "dispatched" for one in tried):
            continue
        version = (tried or entries[name])[0].prompt_version
        flaw = answers[0].flaw if answers else ""
        found[version] += Counter(
            calls=1,
            failed=not (answers or cached),
            refusals=flaw == "refusal",
            schema_failures=flaw == "schema",
            cached=cached,
            attempts=sum(one.ended_at is not None for one in tried),
            input_tokens=sum(one.input_tokens for one in entries[name]),
            output_tokens=sum(one.output_tokens for one in entries[name]),
            cost_pico=sum(one.amount_pico for one in entries[name]),
            latencies=bool(answers),
        )
    return {version: +counts for version, counts in found.items() if +counts}


def kept_scores():
    ones = round(sum(ScoreHour.objects.values_list("total", flat=True)))
    number = sum(ScoreHour.objects.values_list("scores", flat=True))
    return {value: n for value, n in ((1, ones), (0, number - ones)) if n}


def empty():
    tables = "ledger_attempt, ledger_usage, ledger_entry, ledger_entrykey, results_call,"
    tables += " results_score, results_scorehour, results_versionhour, results_exposure,"
    tables += " results_exposurescore"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {tables}")
        cursor.execute("SET session_replication_role = DEFAULT")


@given(st.integers(0, 10_000_000))
def test_a_time_lies_in_its_bucket(milliseconds):
    bucket = bucket_of(milliseconds)
    lower = upper_bound(bucket - 1) if bucket else 0
    assert lower <= milliseconds or bucket == 88
    assert milliseconds < upper_bound(bucket) or bucket == 88


@given(st.lists(st.integers(2, 1_000_000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_within_ten_per_cent(times, share):
    counts = Counter(str(bucket_of(one)) for one in times)
    exact = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]

    found = quantile(counts, share)

    assert found is not None
    assert abs(found - exact) <= 0.1 * exact + 1
