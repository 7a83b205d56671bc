"""What `sort`, `min`, `max` and `dictsort` compare."""

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.values import JSONValue, kind


def sort_keys(
    meter: Meter, values: list[JSONValue], *, case_sensitive: bool
) -> list[str] | list[int | float]:
    """Keys that have an order among themselves: all texts or all numbers. Pays for sorting them."""
    rounds = 1 + (len(values).bit_length() >> 2)
    meter.charge(rounds * sum(_size(value) for value in values))
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return texts if case_sensitive else [text.lower() for text in texts]
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) == len(values):
        return numbers
    kinds = " and ".join(sorted({kind(value) for value in values}))
    raise RenderError(f"{kinds} have no order: only all numbers or all texts have one", code="type")


def _size(value: JSONValue) -> int:
    return 1 + (len(value) >> 4) if isinstance(value, str) else 1
