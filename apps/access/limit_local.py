"""What a process knows of the buckets by itself, and what it grants alone while Redis is away."""

from collections.abc import Callable

from apps.access.limit_types import Bucket, Demand, Reply

SLOT_RETRY_MS = 1000.0  # nobody knows when a running call will end


class LocalLimits:
    """The levels that Redis last told, carried on by this process's own monotonic clock (ms).

    Alone, a process grants its share: one of `processes` equal parts of each limit.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def level(self, key: str, bucket: Bucket) -> float:
        """Of the whole bucket; full when this process has never heard of it."""
        level, at = self._levels.get(key, (bucket.capacity, 0.0))
        return min(bucket.capacity, level + (self._clock() - at) * bucket.rate / 1000)

    def learn(self, demand: Demand, reply: Reply) -> None:
        now = self._clock()
        for key, level in zip(demand.keys, reply.levels, strict=True):
            self._levels[key] = (level, now)

    def refund(self, key: str, bucket: Bucket, amount: float, *, processes: int) -> None:
        level = self.level(key, bucket) + amount * processes
        self._levels[key] = (min(bucket.capacity, level), self._clock())

    def take(self, demand: Demand, *, max_wait: float, processes: int, held: int) -> Reply:
        """The script's own steps. What this process takes, it takes for all: others do the same,
        so the whole bucket falls by as many times as there are processes."""
        levels = [self.level(k, b) for k, b in zip(demand.keys, demand.buckets, strict=True)]
        if demand.slots and held >= max(1, demand.slots // processes):
            return Reply(SLOT_RETRY_MS, tuple(levels), "concurrent")
        wait, refused = 0.0, ""
        for bucket, level in zip(demand.buckets, levels, strict=True):
            # A share below one call would be none at all: at least one call's worth is needed.
            needed = min(bucket.taken * processes, bucket.capacity) - level
            if needed * 1000 / bucket.rate > wait:
                wait = needed * 1000 / bucket.rate
                refused = bucket.name if wait > max_wait else refused
        if refused:
            return Reply(wait, tuple(levels), refused)
        rest = tuple(
            level - bucket.taken * processes
            for level, bucket in zip(levels, demand.buckets, strict=True)
        )
        reply = Reply(wait, rest)
        self.learn(demand, reply)
        return reply
