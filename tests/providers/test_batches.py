"""The Batch API as an adapter: what it does to the provider, and what its failures mean."""

import orjson
import pytest

from apps.providers.batch_results import answer_of, parse_results
from apps.providers.batches import BatchApi, request_line
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import ChatRequest

MESSAGES = ({"role": "user", "content": "hello there"},)


@pytest.fixture
def api(endpoint):
    return BatchApi(endpoint)


def line(endpoint, custom_id="one"):
    request = ChatRequest(MESSAGES, {"max_tokens": 9}, stream=False, timeout=1)
    return request_line(endpoint, custom_id, request)


def run(api, endpoint, *custom_ids, marker="ours"):
    file_id = api.upload([line(endpoint, custom_id) for custom_id in custom_ids])
    return api.create(file_id=file_id, marker=marker)


def ended(api, batch):
    while not batch.is_over:
        batch = api.get(batch.id)
    return batch


def results_of(api, batch):
    files = [name for name in (batch.output_file_id, batch.error_file_id) if name]
    return parse_results(*[api.read(name) for name in files])


def test_a_batch_from_file_to_answers(api, endpoint):
    batch = ended(api, run(api, endpoint, "one", "two"))

    assert (batch.status, batch.completed, batch.failed) == ("completed", 2, 0)
    results = results_of(api, batch)
    assert (set(results.lines), results.answered) == ({"one", "two"}, 2)
    answer = answer_of(results.lines["one"], endpoint)
    assert answer.message["content"]
    assert answer.usage.service_tier == "batch"


def test_a_line_is_what_a_plain_call_would_send(endpoint):
    assert orjson.loads(line(endpoint)) == {
        "custom_id": "one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "fake-chat", "max_tokens": 9, "messages": list(MESSAGES)},
    }


def test_it_is_found_by_our_own_id_alone(api, endpoint):
    ours = run(api, endpoint, "one")
    run(api, endpoint, "one", marker="another")

    assert [batch.id for batch in api.find("ours")] == [ours.id]
    assert api.find("nobody") == []


def test_no_batch_can_be_made_of_a_deleted_file(api, endpoint):
    file_id = api.upload([line(endpoint)])
    api.delete(file_id)
    api.delete(file_id)

    with pytest.raises(ProviderError) as caught:
        api.create(file_id=file_id, marker="ours")
    assert caught.value.kind is ErrorKind.BAD_REQUEST


def test_a_cancelled_batch_ends(api, endpoint, upstream):
    upstream.batches(looks=None)
    batch = run(api, endpoint, "one")
    api.cancel(batch.id)
    assert ended(api, batch).status == "cancelled"


@pytest.mark.parametrize(
    ("fault", "kind", "outcome"),
    [
        (500, ErrorKind.SERVER_ERROR, Outcome.ASSUMED_NOT_BILLED),
        (429, ErrorKind.RATE_LIMITED, Outcome.NOT_BILLED),
        (401, ErrorKind.AUTH, Outcome.NOT_BILLED),
        (400, ErrorKind.BAD_REQUEST, Outcome.NOT_BILLED),
        ("reset", ErrorKind.RESET, Outcome.UNKNOWN),
        ("lost", ErrorKind.RESET, Outcome.UNKNOWN),
        ("html", ErrorKind.BAD_RESPONSE, Outcome.BILLED),
    ],
)
def test_each_failure_is_told_as_what_it_is(api, endpoint, upstream, fault, kind, outcome):
    upstream.batches(faults={"create": [fault]})
    with pytest.raises(ProviderError) as caught:
        run(api, endpoint, "one")
    assert (caught.value.kind, caught.value.outcome) == (kind, outcome)
    assert upstream.store()["asked"].count("create") == 1  # nothing is tried again underneath


def test_garbage_and_repetitions_are_counted_and_take_nobody_along(api, endpoint, upstream):
    upstream.batches(rows={"0": "garbage", "1": "repeated", "2": "missing", "3": 400})
    batch = ended(api, run(api, endpoint, "a", "b", "c", "d", "e"))

    results = results_of(api, batch)

    assert set(results.lines) == {"b", "d", "e"}
    assert (results.garbage, results.repeated, results.answered) == (1, 1, 2)
    with pytest.raises(ProviderError) as caught:
        answer_of(results.lines["d"], endpoint)
    assert caught.value.outcome is Outcome.NOT_BILLED


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ({"response": None, "error": {"code": "batch_expired"}}, Outcome.NOT_BILLED),
        ({"response": None, "error": {"code": "odd"}}, Outcome.UNKNOWN),
        ({"response": {"status_code": "200"}}, Outcome.UNKNOWN),
        ({"response": {"status_code": 200, "body": None}}, Outcome.BILLED),
        ({"response": []}, Outcome.UNKNOWN),
        ({"response": {"status_code": 503, "body": None}}, Outcome.ASSUMED_NOT_BILLED),
    ],
)
def test_what_is_no_answer_says_what_it_may_have_cost(endpoint, line, outcome):
    with pytest.raises(ProviderError) as caught:
        answer_of(line, endpoint)
    assert caught.value.outcome is outcome


def test_an_address_that_must_not_be_called_is_refused(api, settings):
    settings.OUTBOUND_ALLOWED_HOSTS = []
    with pytest.raises(ProviderError) as caught:
        api.find("ours")
    assert caught.value.kind is ErrorKind.REFUSED
