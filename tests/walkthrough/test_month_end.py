"""A controller's whole way, over all processes of the product, on a small history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stacks import stack
from tests.visitor import chromium
from tests.walkthrough.month_end import ZONE
from tests.walkthrough.stage import close_month

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1500)]
VIEWS = [("dark", 390)]  # the most that can be wrong; the command looks at all of them
ENTRIES = 20_000


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    if not chromium():
        pytest.skip("no Chromium on this machine; set CHROMIUM_PATH to run the browser tests")
    folder = tmp_path / "data"
    with stack(folder, "--no-model", REPORTING_TIME_ZONE=ZONE):
        yield folder


def test_from_a_dear_month_to_its_seal_and_its_file(data: Path) -> None:
    assert close_month(data, entries=ENTRIES, views=VIEWS) == []
