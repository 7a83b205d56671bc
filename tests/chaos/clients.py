"""Clients that post each job twice with one idempotency key, and repeat until it is accepted."""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.facts import Request, Submission

SENDERS = 48
GIVE_UP_SECONDS = 40
PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 20


def _pause_until(due: float) -> None:
    """The pace of the load: it waits for no event, so there is nothing else to wait for."""
    time.sleep(max(0.0, due - time.monotonic()))


class Clients:
    """Call `post` for each job, then `close` for what became of them."""

    def __init__(self, *, port: int, key: str, seed: int) -> None:
        self._port, self._key = port, key
        self._chance = random.Random(seed)
        self._pool = ThreadPoolExecutor(SENDERS)
        self._sent: list[tuple[str, str, list[Future[list[Request]]]]] = []

    def post(self, number: int) -> None:
        """Both senders start at the same moment."""
        text = f"Job {number} of this run says hello"
        both = threading.Barrier(2)
        futures = [self._pool.submit(self._send, f"key-{number}", text, both) for _ in range(2)]
        self._sent.append((f"key-{number}", text, futures))

    def post_all(self, jobs: int, *, seconds: float, progress: Callable[[], float]) -> None:
        """Spread over `seconds`: mostly one after another, sometimes 6 to 24 at once.

        Never further ahead than the run's `progress` (0 to 1), so that each fault meets requests.
        """
        started, number = time.monotonic(), 0
        while number < jobs:
            burst = min(jobs - number, self._burst())
            while number > jobs * progress():
                time.sleep(0.02)
            for _ in range(burst):
                self.post(number)
                number += 1
            due = started + seconds * number / jobs
            _pause_until(due)

    def post_at_rate(self, jobs: int, *, rate: float) -> None:
        """`rate` jobs a second, one request each, whatever becomes of those before. What a request
        waits for a sender counts as its own time."""
        started = time.monotonic()
        for number in range(jobs):
            due = started + number / rate
            _pause_until(due)
            key, text = f"key-{number}", f"Job {number} of this run says hello"
            self._sent.append((key, text, [self._pool.submit(self._repeat, key, text, due)]))

    def _burst(self) -> int:
        return 1 if self._chance.random() < 0.9 else self._chance.randint(6, 24)

    def close(self) -> tuple[Submission, ...]:
        submissions = tuple(
            Submission(key, text, tuple(r for future in futures for r in future.result()))
            for key, text, futures in self._sent
        )
        self._pool.shutdown()
        return submissions

    def _send(self, key: str, text: str, both: threading.Barrier) -> list[Request]:
        both.wait(timeout=60)
        return self._repeat(key, text, time.monotonic())

    def _repeat(self, key: str, text: str, due: float) -> list[Request]:
        until, sent = due + GIVE_UP_SECONDS, []
        while time.monotonic() < until:
            sent.append(self._once(key, text, time.monotonic() if sent else due))
            if sent[-1].job_id or sent[-1].problem:
                break
            time.sleep(PAUSE_SECONDS)
        return sent

    def _once(self, key: str, text: str, started: float) -> Request:
        at = time.time() - (time.monotonic() - started)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/api/v1/jobs/", _body(text), self._headers(key))
            answer = connection.getresponse()
            raw, status = answer.read(), answer.status
        except OSError as error:
            seconds = time.monotonic() - started
            return Request(at, seconds, 0, problem=f"no answer: {error!r}")
        finally:
            connection.close()
        seconds = time.monotonic() - started
        if status in (200, 202):
            return Request(at, seconds, status, job_id=json.loads(raw)["id"])
        told_to_wait = status == 503 and answer.headers.get("Retry-After")
        problem = "" if told_to_wait else f"{status} {raw[:200]!r}"
        return Request(at, seconds, status, problem=problem)

    def _headers(self, key: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }


def _body(text: str) -> str:
    # Past the cache: a second call must not hide behind a hit.
    messages = [{"role": "user", "content": text}]
    return json.dumps({"model": "small", "messages": messages, "cache": "bypass"})
