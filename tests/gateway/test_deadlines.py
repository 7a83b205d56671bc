"""No call is sent after its deadline, whatever it waited for."""

import asyncio

import pytest
from django.db import transaction

from apps.budgets.models import Budget, Hold, Window
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from llmplatform.api_errors import ERRORS
from tests.factories import make_key
from tests.gateway.asgi import Visit
from tests.gateway.conftest import make_call

HELLO = CallSpec(model="small", messages=({"role": "user", "content": "hello there"},))


def test_a_call_that_waited_too_long_for_its_budget_is_not_sent(
    runtime, shop, call_pipeline, upstream
):
    Budget.objects.create(slug="all", name="All", limit_pico=10**12)
    call_pipeline("the first one makes the window")

    with transaction.atomic():
        Window.objects.select_for_update().get()  # as if the database were slow
        call = make_call(shop, HELLO, seconds=0.3)
        running = asyncio.run_coroutine_threadsafe(runtime.pipeline.run(call), runtime.loop)
        with pytest.raises(TimeoutError):
            running.result(timeout=1)

    with pytest.raises(CallRefused) as refused:
        running.result(timeout=60)
    assert refused.value.code == "deadline_exceeded"
    assert len(upstream.log()) == 1
    assert Attempt.objects.get(request_id=call.request_id).error_kind == "timeout_before_send"
    assert Entry.objects.filter(request_id=call.request_id).count() == 0
    assert Hold.objects.filter(status="held").count() == 0


def visit(runtime, shop, seconds):
    body = {"model": "small", "messages": [dict(HELLO.messages[0])]}
    headers = {"x-llm-timeout-seconds": seconds}
    return Visit(runtime, make_key(shop)).run(body=body, headers=headers)


def test_a_caller_says_how_long_it_waits(runtime, shop, upstream):
    upstream.behave(model="small", hang="before_headers")
    found = visit(runtime, shop, "0.4")
    assert (found.status, found.json["error"]["code"]) == (504, "deadline_exceeded")
    assert found.headers["x-should-retry"] == "false", "it may have been billed"
    (entry,) = Entry.objects.all()
    assert entry.kind == "estimate"
    assert found.headers["x-llm-attempts"] == "1"
    assert found.headers["x-llm-cost-usd"] == f"0.{entry.amount_pico:012d}"
    assert found.headers["x-llm-cost-estimated"] == "true"
    assert "retry-after" not in found.headers
    assert [row.retry for row in ERRORS if row.code == "deadline_exceeded"] == ["no"]


@pytest.mark.parametrize("seconds", ["", "0", "-1", "121", "nan", "inf", "1e3", "2,5", "x" * 9_000])
def test_a_wait_that_is_none_is_refused(runtime, shop, upstream, seconds):
    error = visit(runtime, shop, seconds).json["error"]
    assert error["param"] == "x-llm-timeout-seconds"
    assert "such as 2.5" in error["message"]
    assert upstream.log() == []
