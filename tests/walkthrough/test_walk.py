"""A prompt engineer's whole way, over all processes of the product."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmplatform.embedded.layout import ROOT, free_port
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
    base = free_port(following=6)
    allowed = {"OUTBOUND_ALLOWED_HOSTS": f"127.0.0.1:{provider}"}
    manage("up", "--detach", "--no-model", f"--port-base={base}", f"--data={folder}", **allowed)
    yield folder
    manage("down", f"--data={folder}")


def manage(*words: str, **environ: str) -> None:
    clean = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/"}
    command = [sys.executable, "manage.py", *words]
    subprocess.run(command, cwd=ROOT, env=clean | environ, check=True, stdout=subprocess.DEVNULL)


def test_from_an_empty_prompt_to_a_release_an_experiment_and_back(data: Path, provider: int):
    assert walk_through(data, provider, views=[("light", 1440), ("dark", 390)]) == []
