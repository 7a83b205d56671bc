"""Liveness and readiness, with the name of what is missing."""

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from apps.core import redis as our_redis

Check = Callable[[], str]


def database() -> str:
    """`''` when Postgres answers and the schema is up to date, else what is wrong."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"Postgres does not answer: {type(error).__name__}"
    return f"{len(pending)} migrations are not applied; run `manage.py migrate`" if pending else ""


def broker() -> str:
    """`''` when Redis answers. Without it answers are slower and uncached, but none is lost."""
    try:
        our_redis.client().ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {type(error).__name__}"
    return ""


REQUIRED: dict[str, Check] = {"database": database}
OPTIONAL: dict[str, Check] = {"redis": broker}


def readiness() -> tuple[bool, dict[str, str]]:
    """Whether traffic may come, and each part's state (`ok` or what is wrong)."""
    required = {name: check() for name, check in REQUIRED.items()}
    optional = {name: check() for name, check in OPTIONAL.items()}
    report = {name: fault or "ok" for name, fault in (required | optional).items()}
    return not any(required.values()), report


def live(request: HttpRequest) -> JsonResponse:
    """The process runs; it says nothing of what it needs."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    is_ready, report = readiness()
    status = "ok" if is_ready else "unavailable"
    return JsonResponse({"status": status, "checks": report}, status=200 if is_ready else 503)
