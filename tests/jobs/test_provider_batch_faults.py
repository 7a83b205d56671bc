"""What comes back from a Batch API may be wrong, late or twice, and each step may fail: nothing is
lost, and nothing paid twice."""

import pytest

from apps.jobs.services.claim import claim
from apps.jobs.services.provider_batches import times
from apps.ledger.models import Entry
from tests.jobs.conftest import state
from tests.jobs.lane import (
    attempts,
    batch,
    booked,
    gathered,
    held,
    lanes,
    next_round,
    outcomes,
    paid,
    pass_time,
    post,
    run_to_the_end,
    sound,
    statuses,
)


def test_rows_that_failed_go_the_normal_way_and_their_holds_come_back(lane_shop, upstream):
    upstream.batches(rows={"0": "expired", "1": 400, "2": 500})
    jobs = [post(lane_shop) for _ in range(4)]
    gathered()
    run_to_the_end()
    assert statuses(jobs) == ["queued", "queued", "queued", "succeeded"]
    assert lanes(jobs) == ["returned"] * 3 + ["batch"]
    assert outcomes() == ["not_run", "failed", "failed", "answered"]
    assert (booked(), held()) == (paid(upstream), 0)
    assert {c.ticket.job_id for c in claim(limit=9)} == {job.pk for job in jobs[:3]}
    sound()


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_batch_that_did_not_run_costs_nothing(lane_shop, upstream, end):
    upstream.batches(end=end, run=0)
    jobs = [post(lane_shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued"] * 2, ["not_run"] * 2)
    assert (booked(), held(), attempts()) == (0, 0, ["failed"] * 2)


@pytest.mark.parametrize("fault", ["missing", "garbage"])
def test_a_result_that_is_missing_may_have_been_paid(lane_shop, upstream, fault):
    upstream.batches(rows={"0": fault})
    jobs = [post(lane_shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued", "succeeded"], ["unknown", "answered"])
    # In no order: both were made in the same instant.
    assert sorted(attempts()) == ["succeeded", "unknown"]
    assert held() > 0
    assert booked() >= paid(upstream) - 50 * 10
    assert "without a result: 1" in batch().error
    sound()


def test_a_job_that_may_not_be_repeated_ends_when_its_result_is_missing(lane_shop, upstream):
    upstream.batches(rows={"0": "missing"})
    job = post(lane_shop, on_unknown="fail")
    gathered()
    run_to_the_end()
    assert (state(job).status, state(job).error_code) == ("failed", "outcome_unknown")


def test_a_result_that_comes_twice_is_booked_once(lane_shop, upstream):
    upstream.batches(rows={"0": "repeated"})
    job = post(lane_shop)
    gathered()
    run_to_the_end()
    assert (statuses([job]), Entry.objects.count()) == (["succeeded"], 1)
    assert booked() == paid(upstream)


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [("no_usage", "estimate", "succeeded"), ("mismatch", "conflict", "succeeded")],
)
def test_usage_is_judged_as_on_the_normal_way(lane_shop, upstream, fault, kind, status):
    upstream.batches(rows={"0": fault})
    job = post(lane_shop)
    gathered()
    run_to_the_end()
    assert (state(job).status, Entry.objects.get().kind) == (status, kind)


def test_a_useless_answer_is_paid_and_the_job_goes_on(lane_shop, upstream):
    upstream.batches(rows={"0": "no_choices"})
    job = post(lane_shop)
    gathered()
    run_to_the_end()
    assert (state(job).status, outcomes()) == ("queued", ["failed"])
    assert (booked(), state(job).cost_pico) == (paid(upstream), paid(upstream))


def test_a_file_of_results_that_is_gone_leaves_everything_unknown(lane_shop, upstream):
    upstream.batches(faults={"content": [404]})
    jobs = [post(lane_shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued"] * 2, ["unknown"] * 2)


@pytest.mark.parametrize("step", ["upload", "create", "get", "content"])
@pytest.mark.parametrize("fault", [500, 429, "reset", "lost", "html"])
def test_a_fault_at_any_step_neither_loses_nor_doubles_anything(lane_shop, upstream, step, fault):
    upstream.batches(faults={step: [fault]})
    jobs = [post(lane_shop) for _ in range(2)]
    gathered()
    pass_time(times.SETTLED)
    run_to_the_end(10)
    assert statuses(jobs) == ["succeeded"] * 2
    assert len([b for b in upstream.store()["batches"] if b["ran"]]) == 1
    assert (booked(), held()) == (paid(upstream), 0)
    sound()


def test_what_a_provider_refuses_to_run_goes_the_normal_way(lane_shop, upstream):
    upstream.batches(faults={"create": [400]})
    job = post(lane_shop)
    gathered()
    assert (batch().state, statuses([job]), lanes([job])) == ("ended", ["queued"], ["returned"])
    assert (booked(), held()) == (0, 0)


def test_a_create_that_nobody_heard_of_is_found_again(lane_shop, upstream):
    upstream.batches(faults={"create": ["lost"]})
    job = post(lane_shop)
    gathered()
    assert (batch().state, len(upstream.store()["batches"])) == ("creating", 1)
    run_to_the_end()
    assert upstream.store()["asked"].count("create") == 1
    assert statuses([job]) == ["succeeded"]


def test_before_it_is_sent_again_its_first_file_is_deleted(lane_shop, upstream):
    upstream.batches(faults={"create": ["reset"]})
    job = post(lane_shop)
    gathered()
    next_round()
    assert upstream.store()["asked"].count("create") == 1  # it may yet appear
    pass_time(times.SETTLED)
    run_to_the_end()
    asked = upstream.store()["asked"]
    assert asked.index("delete") < len(asked) - 1 - asked[::-1].index("create")
    assert asked.count("create") == 2
    assert statuses([job]) == ["succeeded"]
