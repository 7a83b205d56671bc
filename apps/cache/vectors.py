"""Vectors of questions: 32-bit floats of length 1, so that their product is the cosine."""

import math
from array import array
from collections.abc import Sequence
from operator import mul
from typing import TypeAlias

MOST = 4096  # numbers in a vector; larger ones are not kept
Vector: TypeAlias = "array[float]"


def normed(numbers: Sequence[float]) -> Vector:
    """Raises `ValueError` for what has no direction, or is too large."""
    length = math.hypot(*numbers)
    if not 0 < length < math.inf or len(numbers) > MOST:
        raise ValueError("not a vector")
    return array("f", (number / length for number in numbers))


def likeness(one: Vector, other: Vector) -> float:
    """The cosine of two of equal size: 1 for the same direction, 0 for nothing in common."""
    return float(sum(map(mul, one, other)))
