"""Fixtures that every test may use: the fixed cast of `tests/factories.py` and the upstream."""

import gc
import os
from typing import Any

import hypothesis
import pytest
from django.contrib import admin
from django.db import connections

from tests.proof import tally

# Nothing of what is loaded and collected first is garbage; to look for some costs a sixth of it.
gc.disable()

# No test measures time: the machine may have more to do.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")

admin.autodiscover()  # as `web` does: tests are made of the pages that there are

pytest_plugins = ["tests.fakes.fixtures", "tests.fixtures"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Each worker's database is a copy of the one that `manage.py test` has migrated."""
    if template := os.environ.get("TEST_DATABASE_TEMPLATE"):
        connections.databases["default"]["TEST"]["TEMPLATE"] = template


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: or a worker would be left with one while the others are done."""
    marks = ("slow", "browser")
    slow = {item.path for item in items if any(map(item.get_closest_marker, marks))}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """From here on garbage is looked for again, but seldom and not among what stays."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In one process: the workers of `-n` keep their counts to themselves."""
    if line := tally():
        terminalreporter.write_line(f"Checks of invariants: {line}.")
