"""A histogram of bounded size for times of any length: quantiles within 10 %."""

from collections.abc import Mapping

_STEPS = 4  # buckets for each doubling
_LAST = 88  # 2^22 ms, over an hour


def bucket_of(milliseconds: int) -> int:
    """From 0; each is 2^(1/4), 19 %, wider than the one before."""
    exact = milliseconds.bit_length() - 1 if milliseconds > 0 else 0
    bucket = exact * _STEPS
    while bucket < _LAST and milliseconds >= upper_bound(bucket):
        bucket += 1
    return min(bucket, _LAST)


def upper_bound(bucket: int) -> float:
    return float(2 ** ((bucket + 1) / _STEPS))


def quantile(counts: Mapping[str, int], share: float) -> float | None:
    """The time that `share` of the calls stayed below, in milliseconds: the geometric middle of its
    bucket, so at most 9 % off. None without calls."""
    left = share * sum(counts.values())
    if not left:
        return None
    for bucket in sorted(map(int, counts)):
        left -= counts[str(bucket)]
        if left <= 0:
            break
    return float(2 ** ((bucket + 0.5) / _STEPS))
