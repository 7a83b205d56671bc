"""What tests of rests share."""

import random

import pytest

from apps.routing.health import Health
from tests.routing.test_strategies import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock, random.Random(1))
