"""The credential is in no text that could end in a log, a page or a job row."""

import logging
import traceback
from dataclasses import replace
from typing import Any

import pytest

from apps.providers.adapters import VENDORS, get_adapter
from apps.providers.errors import ProviderError
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import KEY, Run, chat_request, collect, failure

FAULTS: list[dict[str, Any]] = [
    {"status": 401, "error": {"message": "Wrong key: {authorization}", "code": "{authorization}"}},
    {"status": 500, "error": {"message": "{authorization}" * 100}},
    {"reset": "before_headers"},
    {"body": "null"},
]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_holds_the_key(
    upstream: Upstream,
    endpoint: Endpoint,
    run: Run,
    caplog: pytest.LogCaptureFixture,
    vendor: str,
    fault: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    upstream.behave(**fault)
    endpoint = replace(endpoint, vendor=vendor, headers={"x-second-key": "another-secret"})

    for call in (get_adapter(vendor).chat(endpoint, chat_request()), collect(endpoint)):
        error = run(failure(call))
        told = [str(error), repr(error), error.message, error.code, *everything(error)]
        assert KEY not in "".join(told)
        assert "another-secret" not in "".join(told)
    assert KEY not in caplog.text
    assert "another-secret" not in caplog.text


def everything(error: ProviderError) -> list[str]:
    return traceback.format_exception(error)


def test_an_endpoint_does_not_show_its_key(endpoint: Endpoint) -> None:
    assert KEY not in repr(endpoint)
    assert KEY not in str(endpoint)
    assert "shop-token" not in repr(replace(endpoint, headers={"x-token": "shop-token"}))


def test_a_message_is_one_bounded_line(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    upstream.behave(status=400, error={"message": "bad\r\n\x1b[31mred\x1b[0m " + "x" * 5000})

    message = run(failure(get_adapter("compatible").chat(endpoint, chat_request()))).message

    assert message.startswith("Error code: 400 - bad   [31mred [0m xxx")
    assert len(message) == 500
    assert message.isprintable()
