"""Fixtures that every test may use: the fixed cast of `tests/factories.py` and the upstream."""

from typing import Any

from tests.proof import tally

pytest_plugins = ["tests.fakes.fixtures", "tests.fixtures"]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In one process: the workers of `-n` keep their counts to themselves."""
    if line := tally():
        terminalreporter.write_line(f"Checks of invariants: {line}.")
