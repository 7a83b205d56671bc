from dataclasses import replace

import pytest

from apps.providers.adapters import VENDORS, UnknownVendor, get_adapter
from apps.providers.types import Endpoint
from tests.fakes.behaviour import fingerprint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import KEY, Run, chat_request, collect, embedding_request


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_chats_streams_and_embeds(
    upstream: Upstream, endpoint: Endpoint, run: Run, vendor: str
) -> None:
    adapter, endpoint = get_adapter(vendor), replace(endpoint, vendor=vendor)

    async def all_three() -> None:
        assert (await adapter.chat(endpoint, chat_request())).finish_reason == "stop"
        assert (await collect(endpoint))[-1].usage is not None
        assert len((await adapter.embed(endpoint, embedding_request())).vectors) == 2

    run(all_three())

    assert len(upstream.log()) == 3


@pytest.mark.parametrize("vendor", ["openai", "compatible"])
def test_the_key_is_a_bearer_token(
    upstream: Upstream, endpoint: Endpoint, run: Run, vendor: str
) -> None:
    run(get_adapter(vendor).chat(replace(endpoint, vendor=vendor), chat_request()))

    [entry] = upstream.log()
    assert entry["path"] == "/v1/chat/completions"
    assert entry["authorization"] == fingerprint(f"Bearer {KEY}")


def test_azure_names_the_deployment_in_the_path_and_has_a_header_for_the_key(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    azure = replace(endpoint, base_url=f"http://{upstream.host}", api_version="2026-01-01")

    run(get_adapter("azure").chat(azure, chat_request()))

    [entry] = upstream.log()
    path = "/openai/deployments/fake-chat/chat/completions?api-version=2026-01-01"
    assert entry["path"] == path
    assert entry["authorization"] == fingerprint(KEY)


def test_a_server_without_keys_can_be_called(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    result = run(get_adapter("compatible").chat(replace(endpoint, api_key=""), chat_request()))

    assert result.finish_reason == "stop"


def test_the_environment_cannot_add_to_a_call(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "from-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    for vendor in VENDORS:
        run(get_adapter(vendor).chat(endpoint, chat_request()))

    assert len(upstream.log()) == len(VENDORS)
    sent = [value for entry in upstream.log() for value in entry["headers"].values()]
    assert "from-the-environment" not in sent


def test_headers_of_the_endpoint_are_sent(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    with_header = replace(endpoint, headers={"x-team": "shop"})

    run(get_adapter("compatible").chat(with_header, chat_request()))

    assert upstream.log()[0]["headers"]["x-team"] == "shop"


def test_an_adapter_is_shared_by_the_process() -> None:
    assert get_adapter("openai") is get_adapter("openai")


def test_an_unknown_vendor_is_named() -> None:
    with pytest.raises(UnknownVendor, match="no adapter for vendor 'nobody'"):
        get_adapter("nobody")


def test_the_base_url_may_end_in_a_slash(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    run(
        get_adapter("compatible").chat(
            replace(endpoint, base_url=upstream.url + "/"), chat_request()
        )
    )

    assert upstream.log()[0]["path"] == "/v1/chat/completions"
