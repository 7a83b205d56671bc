"""The same call through the vendor's package and through us: what arrives, and what a refusal
says."""

from dataclasses import replace
from typing import Any

import openai
import pytest

from apps.providers.adapters import get_adapter
from apps.providers.errors import ProviderError
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import QUESTION, Run, chat_request, collect, embedding_request, failure

# Of one request: what it measures, and what only its own time limits make.
OWN = {"x-stainless-read-timeout", "x-stainless-raw-response", "connection", "accept-encoding"}


def package(endpoint: Endpoint) -> openai.AsyncOpenAI:
    if endpoint.vendor == "azure":
        return openai.AsyncAzureOpenAI(
            api_key=endpoint.api_key,
            azure_endpoint=endpoint.base_url,
            api_version=endpoint.api_version,
            max_retries=0,
        )
    return openai.AsyncOpenAI(api_key=endpoint.api_key, base_url=endpoint.base_url, max_retries=0)


@pytest.fixture(params=["openai", "azure", "compatible"])
def account(request: pytest.FixtureRequest, upstream: Upstream, endpoint: Endpoint) -> Endpoint:
    if request.param != "azure":
        return replace(endpoint, vendor=request.param)
    base_url = f"http://{upstream.host}"
    return replace(endpoint, vendor="azure", base_url=base_url, api_version="2026-01-01")


def test_a_plain_call_arrives_alike(upstream: Upstream, account: Endpoint, run: Run) -> None:
    async def both() -> None:
        await get_adapter(account.vendor).chat(account, chat_request(temperature=0.5))
        async with package(account) as client:
            await client.chat.completions.create(
                model=account.model, messages=[QUESTION], max_tokens=50, temperature=0.5
            )

    run(both())

    ours, theirs = map(arrived, upstream.log())
    assert ours == theirs


def test_a_stream_arrives_alike(upstream: Upstream, account: Endpoint, run: Run) -> None:
    async def both() -> None:
        await collect(account)
        async with package(account) as client:
            chunks = await client.chat.completions.create(
                model=account.model,
                messages=[QUESTION],
                max_tokens=50,
                stream=True,
                stream_options={"include_usage": True},
            )
            async for _ in chunks:
                pass

    run(both())

    ours, theirs = map(arrived, upstream.log())
    assert ours == theirs


def test_embeddings_arrive_alike(upstream: Upstream, account: Endpoint, run: Run) -> None:
    async def both() -> None:
        await get_adapter(account.vendor).embed(account, embedding_request())
        async with package(account) as client:
            await client.embeddings.create(
                model=account.model, input=["a b", "c"], encoding_format="float"
            )

    run(both())

    ours, theirs = map(arrived, upstream.log())
    assert theirs["body"].pop("encoding_format") == "float"
    assert ours == theirs


@pytest.mark.parametrize("status", [307, 400, 401, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "error",
    [
        {"message": "No.", "code": "context_length_exceeded", "type": "invalid_request_error"},
        {"message": "No.", "code": 429},
        {"message": "", "code": None},
        {"message": "No.", "code": ["a", "list"], "type": {"an": "object"}},
        {},
    ],
)
def test_a_refusal_says_alike(
    upstream: Upstream, endpoint: Endpoint, run: Run, status: int, error: dict[str, Any]
) -> None:
    upstream.behave(status=status, error=error)

    async def both() -> tuple[ProviderError, openai.APIStatusError]:
        ours = await failure(get_adapter("compatible").chat(endpoint, chat_request()))
        async with package(endpoint) as client:
            with pytest.raises(openai.APIStatusError) as theirs:
                await client.chat.completions.create(model=endpoint.model, messages=[QUESTION])
        return ours, theirs.value

    ours, theirs = run(both())

    assert (ours.status, ours.message) == (theirs.status_code, theirs.message)
    assert ours.code == (theirs.code or "")


def arrived(entry: dict[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in entry["headers"].items() if name not in OWN}
    headers.pop("content-length")  # the body is compared as what it says
    return {**{name: entry[name] for name in ("path", "authorization", "body")}, "headers": headers}
