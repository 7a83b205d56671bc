"""Everything that a process needs to run the pipeline, on one event loop."""

import asyncio
import threading

import uvloop
from django.conf import settings
from redis.asyncio import Redis

from apps.access.limits import RateLimiter
from apps.cache.answers import AnswerCache
from apps.core.redis import async_client
from apps.core.snapshot import SnapshotHolder
from apps.core.threads import in_thread
from apps.gateway.accounts import Complete, Lost
from apps.gateway.books import Books
from apps.gateway.config import Config, new_holder
from apps.gateway.heard import HeardNames
from apps.gateway.observing import tell_of_places, tell_of_rest
from apps.gateway.pipeline import Pipeline
from apps.gateway.shedding import Shedder
from apps.gateway.tasks import Tasks
from apps.providers.adapters import VENDORS, close_adapters, get_adapter
from apps.routing.exchange import Exchange
from apps.routing.health import Health
from apps.routing.loads import Loads


class Runtime:
    """`open`/`close` on a loop of the caller's own (gateway), or `start`/`stop` on a thread
    (worker). `complete` runs inside the settling transaction with every finished completion, `lost`
    inside the admitting one with every completion that wants to send."""

    loop: asyncio.AbstractEventLoop
    pipeline: Pipeline
    redis: Redis

    def __init__(self, complete: Complete | None = None, lost: Lost | None = None) -> None:
        self._complete = complete
        self._lost = lost
        self.config: SnapshotHolder[Config] = new_holder()
        self.tasks = Tasks()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Read the configuration and build the pipeline. Raises `django.db.DatabaseError`."""
        self.loop = asyncio.get_running_loop()
        await in_thread(self.config.start)
        for vendor in VENDORS:
            get_adapter(vendor)  # importing it takes a second: not at the first call
        self.redis = async_client()
        self._books = Books(self._complete, self._lost)
        loads, health = Loads(), Health(on_rest=tell_of_rest, on_places=tell_of_places)
        self.shedder = Shedder(most_calls=settings.GATEWAY_MAX_CALLS)
        self._health = health
        self.config.on_change(lambda config: self.loop.call_soon_threadsafe(self._follow, config))
        self._limiter = RateLimiter(self.redis)
        self._heard = HeardNames(self.tasks)
        self.pipeline = Pipeline(
            config=self.config,
            limiter=self._limiter,
            cache=AnswerCache(self.redis, max_bytes=settings.CACHE_MAX_ANSWER_BYTES),
            books=self._books,
            tasks=self.tasks,
            loads=loads,
            health=health,
            heard=self._heard,
        )
        self._exchange = Exchange(loads=loads, health=health, redis=self.redis)
        self._exchange.start()
        self.shedder.start()

    async def close(self, grace_seconds: float = 30) -> None:
        """Let running attempts end within the grace, book them, then let everything go."""
        await self.tasks.drain(grace_seconds)
        await self._books.close()
        await self._heard.close()
        await close_adapters()
        await self._exchange.stop()
        await self.shedder.stop()
        await self._limiter.close()
        await self.redis.aclose()
        await asyncio.to_thread(self.config.stop)

    def _follow(self, config: Config) -> None:
        self._health.end_rests(config.rest_ends)
        self.shedder.rank(key.caller.tier.importance for key in config.keys.values())

    def start(self) -> None:
        """Open on a new thread with a loop of its own; returns when calls can run."""
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.loop = self._runner.get_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="pipeline", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.open(), self.loop).result()

    def stop(self, grace_seconds: float = 30) -> None:
        closing = asyncio.run_coroutine_threadsafe(self.close(grace_seconds), self.loop)
        closing.result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._runner.close()  # what only waits for its next turn is cancelled
