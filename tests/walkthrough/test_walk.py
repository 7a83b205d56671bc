"""A prompt engineer's whole way, over all processes of the product."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmplatform.embedded.layout import free_port
from tests.stacks import stack
from tests.visitor import chromium
from tests.walkthrough.stage import upstream, walk_through

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def provider() -> Iterator[int]:
    if not chromium():
        pytest.skip("no Chromium on this machine; set CHROMIUM_PATH to run the browser tests")
    port = free_port()
    with upstream(port):
        yield port


@pytest.fixture
def data(provider: int, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    with stack(folder, "--no-model", OUTBOUND_ALLOWED_HOSTS=f"127.0.0.1:{provider}"):
        yield folder


def test_from_an_empty_prompt_to_a_release_an_experiment_and_back(data: Path, provider: int):
    assert walk_through(data, provider, views=[("light", 1440), ("dark", 390)]) == []
