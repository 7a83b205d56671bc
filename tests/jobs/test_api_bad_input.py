"""What nobody should send: refused with every fault named, and nothing stored."""

import json

import pytest

from apps.jobs.models import Job, JobPayload
from tests.jobs.conftest import MESSAGES

GOOD = {"model": "small", "messages": MESSAGES}
GREETING = {"prompt": "greeting", "variables": {"name": "Ada"}}


def raw(text):
    """A sound job whose first message says `text`, given as raw JSON."""
    return b'{"model": "small", "messages": [{"role": "user", "content": %s}]}' % text


@pytest.fixture(autouse=True)
def _nothing_is_stored(api, prompt):
    yield
    assert not Job.objects.exists()
    assert not JobPayload.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"7", 400),
        (b"{}", 400),
        (b"\xff\xfe{}", 400),
        (raw(b'"\xff\xfe"'), 400),
        (raw(b"NaN"), 400),
        (raw(b"1e999"), 400),
        (raw(b'"\\ud800"'), 400),
        (raw(b'"a\\u0000b"'), 400),
        (b'{"a\\u0000": 1}', 400),
        (b"[" * 5000 + b"]" * 5000, 400),
        (raw(b'{"a":' * 5000 + b"1" + b"}" * 5000), 400),
        (b'{"model": "small", "messages": "' + b"x" * 20 * 1024 * 1024 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies(api, body, status):
    response = api.post(body)

    assert response.status_code == status
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert (problem["status"], bool(problem["detail"]), bool(problem["request_id"])) == (
        status,
        True,
        True,
    )


def test_a_deep_value_in_an_unknown_place(api):
    deep = b'{"variables": ' + b"[" * 5000 + b"]" * 5000 + b"}"

    assert "nested" in api.post(deep).json()["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_other_content_types(api, content_type):
    assert api.post(b"a=1", Content_Type=content_type).status_code == 415


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"promt": "x"}, ["/promt"]),
        ({"webhook": "https://example.com"}, ["/webhook"]),
        ({"model": 5}, ["/model"]),
        ({"model": None}, ["/model"]),
        ({"model": ""}, ["/model"]),
        ({"model": "x" * 51}, ["/model"]),
        ({"messages": []}, ["/messages"]),
        ({"messages": "hello"}, ["/messages"]),
        ({"messages": ["hello"]}, ["/messages/0"]),
        ({"messages": [{"role": "robot", "content": "x"}]}, ["/messages/0/role"]),
        ({"parameters": []}, ["/parameters"]),
        ({"parameters": {"temperature": 9}}, ["/parameters/temperature"]),
        ({"parameters": {"api_base": "http://169.254.169.254"}}, ["/parameters/api_base"]),
        ({"response_schema": {"type": "nothing"}}, ["/response_schema"]),
        ({"context": "tag"}, ["/context"]),
        ({"context": [5]}, ["/context/0"]),
        ({"context": ["x" * 101]}, ["/context/0"]),
        ({"metadata": {"a": 1}}, ["/metadata/a"]),
        ({"metadata": {"a b": "1"}}, ["/metadata/a b"]),
        ({"metadata": {str(n): "" for n in range(17)}}, ["/metadata"]),
        ({"priority": "urgent"}, ["/priority"]),
        ({"priority": []}, ["/priority"]),
        ({"timeout_seconds": "5"}, ["/timeout_seconds"]),
        ({"timeout_seconds": True}, ["/timeout_seconds"]),
        ({"timeout_seconds": 0}, ["/timeout_seconds"]),
        ({"timeout_seconds": 10**30}, ["/timeout_seconds"]),
        ({"deadline": "2020-01-01T00:00:00Z"}, ["/deadline"]),
        ({"deadline": "9999-12-31T23:59:59-14:00"}, ["/deadline"]),
        ({"deadline": 5}, ["/deadline"]),
        ({"deadline": "2999-01-01T00:00:00Z", "timeout_seconds": 5}, ["/deadline"]),
        ({"cache": "maybe"}, ["/cache"]),
        ({"subject": {}}, ["/subject"]),
        ({"variables": {}}, ["/variables"]),
        ({"channel": "production", "version": 1}, ["/channel", "/version"]),
        ({"prompt": "greeting"}, ["/messages"]),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_fields(api, change, pointers):
    response = api.post({**GOOD, **change})

    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == pointers
    assert all(fault["detail"] for fault in response.json()["errors"])


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("value", [5.5, 2**31, 10**30, 1e30, 1e300])
def test_a_cap_that_is_none_is_not_passed_over(api, name, value):
    response = api.post({**GOOD, "parameters": {name: value}})

    assert response.status_code == 400
    assert {fault["pointer"] for fault in response.json()["errors"]} == {f"/parameters/{name}"}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"variables": {}}, ["/variables/name"]),
        ({"variables": {"name": 5}}, ["/variables/name"]),
        ({"variables": {"name": "Ada", "nmae": "x"}}, ["/variables/nmae"]),
        (
            {"variables": {"nmae": "x", "mood": []}},
            ["/variables/mood", "/variables/name", "/variables/nmae"],
        ),
        ({"variables": "Ada"}, ["/variables"]),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_variables(api, change, pointers):
    response = api.post({**GREETING, **change})

    assert response.status_code == 400
    assert sorted(fault["pointer"] for fault in response.json()["errors"]) == pointers


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"prompt": "nobody"}, "prompt_not_found"),
        ({"channel": "nowhere"}, "prompt_not_found"),
        ({"version": 99}, "prompt_not_found"),
        ({"model": "nobody"}, "model_not_found"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_what_does_not_exist(api, change, code):
    response = api.post({**GREETING, **change})

    assert (response.status_code, response.json()["code"]) == (404, code)


def test_faults_of_fields_headers_and_variables_are_named_at_once(api):
    body = {**GREETING, "variables": {"mood": 5}, "promt": "x", "priority": "urgent"}
    response = api.post(body, Idempotency_Key="")

    assert response.json()["detail"] == "5 faults in the request."
    assert sorted(fault["pointer"] for fault in response.json()["errors"]) == [
        "/headers/Idempotency-Key",
        "/priority",
        "/promt",
        "/variables/mood",
        "/variables/name",
    ]
