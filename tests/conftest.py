"""Fixtures that every test may use: the fixed cast of `tests/factories.py` and the upstream."""

pytest_plugins = ["tests.fakes.fixtures", "tests.fixtures"]
