"""A histogram of times, fine enough for quantiles of calls and small enough to be kept by day."""

import math
from collections.abc import Mapping
from datetime import timedelta

_STEPS = 32  # buckets for each doubling
_DOUBLINGS = 27  # of a millisecond: 37 hours, longer than a provider may take over a batch

BOUNDS = [
    timedelta(microseconds=round(1000 * 2 ** (step / _STEPS)))
    for step in range(_STEPS * _DOUBLINGS + 1)
]
"""Bucket n holds times from `BOUNDS[n - 1]` to below `BOUNDS[n]`; 0 those below a millisecond, the
last all that are longer."""
ERROR = 2 ** (1 / _STEPS) - 1
"""How far a quantile may be off, relative to the true one: the width of a bucket, 2.2 %."""


def quantile(counts: Mapping[int, int], share: float) -> timedelta | None:
    """The time that `share` of the calls stayed below; within its bucket calls are taken to lie at
    equal ratios. `counts`: bucket → calls. None without calls."""
    left = share * sum(counts.values())
    for bucket in sorted(counts):
        if counts[bucket] and left <= counts[bucket]:
            return _inside(bucket, left / counts[bucket])
        left -= counts[bucket]
    return None


def _inside(bucket: int, part: float) -> timedelta:
    upper = BOUNDS[min(bucket, len(BOUNDS) - 1)]
    if bucket in (0, len(BOUNDS)):
        return upper
    lower = BOUNDS[bucket - 1]
    return lower * math.pow(upper / lower, part)
