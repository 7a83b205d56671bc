"""Every failure is OpenAI's error object, and says rightly whether a retry can help."""

import pytest

from apps.budgets.models import Budget
from apps.gateway import pipeline as stages
from apps.gateway.guards import Verdict
from apps.gateway.openai_api import http
from apps.registry.models import Deployment
from tests.factories import make_key, make_service, make_tier
from tests.gateway.asgi import HELLO, Visit

CHAT = {"model": "small", "messages": [HELLO]}
PATH = "/v1/chat/completions"


@pytest.fixture
def visit(runtime, shop):
    return lambda: Visit(runtime, make_key(shop))


def told(seen: Visit) -> tuple:
    error = seen.json["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    return seen.status, error["type"], error["code"], error["param"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{not json", "invalid_json"),
        (b'{"model": NaN}', "invalid_json"),
        (b'{"model": "\\ud800"}', "invalid_json"),
        (b'{"model": "a\\u0000b"}', "invalid_json"),
        (b'{"model": "\xff"}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"", "invalid_json"),
    ],
)
def test_what_is_no_json(visit, body, code):
    seen = visit().run(pieces=[body])

    assert told(seen) == (400, "invalid_request_error", code, None)


def test_a_body_that_is_no_object(visit):
    assert told(visit().run(body=["hello"]))[:2] == (400, "invalid_request_error")


def test_a_body_that_is_announced_as_too_large_is_not_read(visit, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    announced = visit()
    announced.run(body=CHAT, headers={"content-length": "1001"})
    counted = visit().run(pieces=[b"x" * 600, b"x" * 600])

    assert told(announced) == (413, "invalid_request_error", "body_too_large", None)
    assert announced._pieces  # nothing was taken
    assert told(counted) == (413, "invalid_request_error", "body_too_large", None)


@pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, {"content-encoding": "gzip"}])
def test_another_media_type(visit, headers):
    seen = visit().run(body=CHAT, headers=headers)

    assert told(seen) == (415, "invalid_request_error", "unsupported_media_type", None)


def test_a_body_that_never_ends(visit, monkeypatch):
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)

    class Dribbling(Visit):
        async def _receive(self):
            if self._pieces:
                return {"type": "http.request", "body": self._pieces.pop(), "more_body": True}
            return await super()._receive()

    known = visit()
    seen = Dribbling(known.runtime, known.key).run(pieces=[b"{"])

    assert told(seen) == (408, "invalid_request_error", "body_too_slow", None)


def test_no_key_and_a_wrong_key(visit):
    seen = visit()
    seen.key = "llmp_wrong"

    assert told(seen.run(body=CHAT)) == (401, "authentication_error", "invalid_api_key", None)


def test_a_wrong_address_and_a_wrong_method(visit):
    assert told(visit().run("/v1/nothing", {}))[0] == 404
    assert "/api/v1/batches/" in visit().run("/v1/batches", {}).json["error"]["message"]
    wrong = visit().run(PATH, method="GET")
    assert told(wrong)[:3] == (405, "invalid_request_error", "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


def test_a_model_that_does_not_exist(visit):
    seen = visit().run(body={**CHAT, "model": "nonsense"})

    assert told(seen) == (404, "invalid_request_error", "model_not_found", "model")


def test_parameters_that_are_wrong_unknown_or_refused_are_all_named(visit, upstream):
    wrong = {"temperature": 9, "top_k": 4, "prediction": {"type": "content"}, "store": True}
    seen = visit().run(body={**CHAT, **wrong, "stream_options": {"include_usage": True}})

    assert told(seen)[0] == 400
    assert seen.json["error"]["param"] == "stream_options"
    without = visit().run(body={**CHAT, **wrong})
    named = {fault["pointer"] for fault in without.json["error"]["errors"]}
    assert named == {f"/{name}" for name in wrong}
    assert upstream.log() == []


def test_a_call_that_does_not_fit_its_budget_is_not_repeated(visit):
    Budget.objects.create(slug="b", name="B", service="shop", period="month", limit_pico=1)

    seen = visit().run(body=CHAT)

    assert told(seen) == (429, "insufficient_quota", "insufficient_quota", None)
    assert seen.headers["x-should-retry"] == "false"


def test_a_rate_limit_says_when_to_come_back(runtime, shop, upstream):
    tier = make_tier(slug="slow", requests_per_second=1, burst=1)
    key = make_key(make_service("slow", tier=tier))
    crowd = [Visit(runtime, key) for _ in range(8)]  # at once: a second is long enough for one
    for ended in [visit.start(body=CHAT) for visit in crowd]:
        ended.result(timeout=30)

    seen = next(visit for visit in crowd if visit.status == 429)

    assert told(seen) == (429, "rate_limit_error", "rate_limit_exceeded", None)
    assert int(seen.headers["retry-after"]) >= 1
    assert "x-should-retry" not in seen.headers


def test_a_policy_says_no_for_good(visit, monkeypatch):
    monkeypatch.setattr(stages, "guard_input", lambda prepared: Verdict(blocked="No."))

    seen = visit().run(body=CHAT)

    assert told(seen) == (403, "permission_error", "blocked", None)
    assert seen.headers["x-should-retry"] == "false"


def test_drained_deployments_may_come_back(visit):
    Deployment.objects.update(active=False)

    seen = visit().run(body=CHAT)

    assert told(seen)[:3] == (503, "server_error", "no_deployment")
    assert "retry-after" in seen.headers


def test_an_upstream_that_only_fails(visit, upstream):
    upstream.behave(status=500)

    seen = visit().run(body=CHAT)

    assert told(seen)[:3] == (503, "server_error", "provider_failed")
    assert "retry-after" in seen.headers


def test_a_context_that_is_too_long_has_openais_code(visit, upstream):
    error = {"message": "too long", "code": "context_length_exceeded"}
    upstream.behave(status=400, error=error)

    seen = visit().run(body=CHAT)

    assert told(seen)[:3] == (400, "invalid_request_error", "context_length_exceeded")
    assert seen.headers["x-should-retry"] == "false"


def test_a_fault_of_ours_tells_nothing_of_our_insides(visit, monkeypatch):
    def explode(prepared):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(stages, "guard_input", explode)

    seen = visit().run(body=CHAT)

    assert told(seen)[:3] == (500, "server_error", "internal_error")
    assert "secret" not in str(seen.json)
