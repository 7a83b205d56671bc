"""Does to the product what the plan says, and notes when."""

import signal
import time
from collections.abc import Callable

import redis

from tests.chaos.facts import Fault
from tests.chaos.plan import LASTS, Step
from tests.chaos.stack import Process, Stack

COPIES = 100
START_SECONDS = 8.0


class Injector:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.faults: list[Fault] = []
        self.progress = 0.0
        """Share of the plan that has begun."""
        self._deeds: dict[str, Callable[[Process], None]] = {
            "kill": self._kill,
            "pause": self._pause,
            "flush": self._flush,
            "valkey_restart": self._valkey_restart,
            "valkey_down": self._valkey_down,
            "valkey_hang": self._valkey_hang,
            "postgres_restart": self._postgres_restart,
            "postgres_down": self._postgres_down,
            "ring_storm": self._ring_storm,
        }

    def run(self, steps: list[Step]) -> None:
        for number, step in enumerate(steps):
            self.progress = (number + 0.5) / len(steps)
            time.sleep(step.after)
            worker = self._stack.workers[step.target % len(self._stack.workers)]
            self._wait_for(worker)
            self.progress = (number + 1) / len(steps)
            at = time.time()
            self._deeds[step.kind](worker)
            self.faults.append(Fault(step.kind, at, time.time()))
        self.progress = 1.0

    def _wait_for(self, worker: Process) -> None:
        """A worker that still starts has nothing to lose: not before it runs, if it can."""
        until = time.monotonic() + START_SECONDS
        while not worker.is_ready() and time.monotonic() < until:
            time.sleep(0.05)

    def _kill(self, worker: Process) -> None:
        worker.kill()
        worker.start()

    def _pause(self, worker: Process) -> None:
        """It stands still for longer than a lease, and does not know it."""
        worker.send(signal.SIGSTOP)
        time.sleep(LASTS["pause"])
        worker.send(signal.SIGCONT)

    def _flush(self, _: Process) -> None:
        with redis.Redis.from_url(self._stack.valkey.url) as client:
            client.flushall()

    def _valkey_restart(self, _: Process) -> None:
        self._valkey_gone(0)

    def _valkey_down(self, _: Process) -> None:
        self._valkey_gone(LASTS["valkey_down"])

    def _valkey_gone(self, seconds: float) -> None:
        assert self._stack.valkey.process is not None
        self._stack.valkey.process.kill()
        self._stack.valkey.process.wait(timeout=10)
        time.sleep(seconds)
        self._stack.valkey.start()
        self._stack.valkey.wait_ready()

    def _valkey_hang(self, _: Process) -> None:
        """It takes connections and says nothing."""
        assert self._stack.valkey.process is not None
        self._stack.valkey.process.send_signal(signal.SIGSTOP)
        time.sleep(LASTS["valkey_hang"])
        self._stack.valkey.process.send_signal(signal.SIGCONT)

    def _postgres_restart(self, _: Process) -> None:
        self._postgres_gone(0)

    def _postgres_down(self, _: Process) -> None:
        self._postgres_gone(LASTS["postgres_down"])

    def _postgres_gone(self, seconds: float) -> None:
        """`immediate`: no checkpoint, no goodbye; it recovers from its log."""
        assert self._stack.postgres.process is not None
        self._stack.postgres.process.send_signal(signal.SIGQUIT)
        self._stack.postgres.process.wait(timeout=20)
        time.sleep(seconds)
        self._stack.postgres.start()
        self._stack.postgres.wait_ready()

    def _ring_storm(self, _: Process) -> None:
        """One and the same message, delivered a hundred times."""
        from apps.jobs.services.doorbell import RING
        from llmplatform import celery_app

        for _ in range(COPIES):
            # `retry`: our connection may be older than a restart of Valkey
            celery_app.send_task(RING, queue="normal", task_id="the-same-message", retry=True)
