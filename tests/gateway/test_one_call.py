"""One call from the door to the ledger."""

import pytest

from apps.budgets.models import Hold
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry


def test_an_answer_is_booked_with_its_exact_cost(call_pipeline, upstream):
    outcome = call_pipeline()

    (sent,) = upstream.log()
    usage = sent["usage"]
    cost = usage["prompt_tokens"] * 1 + usage["completion_tokens"] * 2
    entry = Entry.objects.get()
    assert outcome.text
    assert (outcome.input_tokens, outcome.output_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert outcome.cost_pico == entry.amount_pico == cost
    assert (entry.kind, entry.service, entry.model) == ("charge", "shop", "small")
    assert sum(line["amount_pico"] for line in entry.lines) == cost


def test_the_attempt_and_its_hold_are_resolved(call_pipeline):
    call_pipeline()

    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.number, attempt.purpose) == ("succeeded", 1, "answer")
    assert not Hold.objects.filter(status="held").exists()


def test_the_output_cap_is_always_sent(call_pipeline, upstream):
    call_pipeline()
    call_pipeline("capped by the caller", parameters={"max_tokens": 5})

    first, second = upstream.log()
    assert first["body"]["max_tokens"] == 1024
    assert second["body"]["max_tokens"] == 5


def test_the_same_request_is_answered_from_the_cache_and_the_saving_is_booked(
    call_pipeline, upstream
):
    first = call_pipeline()
    second = call_pipeline()

    assert len(upstream.log()) == 1
    assert (second.cache, second.cost_pico, second.text) == ("hit", 0, first.text)
    hit = Entry.objects.get(kind="cache_hit")
    assert (hit.amount_pico, hit.avoided_pico) == (0, first.cost_pico)


def test_bypass_neither_reads_nor_writes_the_cache(call_pipeline, upstream):
    call_pipeline(cache="bypass")
    call_pipeline(cache="use")

    assert len(upstream.log()) == 2


def test_refresh_replaces_what_is_cached(call_pipeline, upstream):
    call_pipeline()
    assert call_pipeline(cache="refresh").cache == "miss"
    assert call_pipeline().cache == "hit"
    assert len(upstream.log()) == 2


def test_only_refuses_what_is_not_cached(call_pipeline, upstream):
    with pytest.raises(CallRefused) as refused:
        call_pipeline(cache="only")

    assert refused.value.code == "not_cached"
    assert upstream.log() == []


@pytest.mark.parametrize("parameters", [{"temperature": 0.5}, {"max_tokens": 7}, {"seed": 1}])
def test_every_parameter_that_shapes_the_output_is_part_of_the_key(
    call_pipeline, upstream, parameters
):
    call_pipeline()
    call_pipeline(parameters=parameters)

    assert len(upstream.log()) == 2


def test_all_faults_come_at_once_and_nothing_is_sent(call_pipeline, upstream):
    with pytest.raises(CallRefused) as refused:
        call_pipeline(parameters={"temperature": 9, "n": 0, "base_url": "http://evil.example"})

    pointers = sorted(fault.pointer for fault in refused.value.faults)
    assert refused.value.status == 400
    assert pointers == ["/parameters/base_url", "/parameters/n", "/parameters/temperature"]
    assert upstream.log() == []
    assert not Attempt.objects.exists()


def test_an_unknown_model_names_what_there_is(call_pipeline):
    with pytest.raises(CallRefused, match="Known: small"):
        call_pipeline(model="nonsense")
