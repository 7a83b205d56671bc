"""Invalidation: one write, however many answers it drops."""

from datetime import datetime

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from apps.access.models import Service
from apps.cache import generations
from apps.cache.models import CacheEpoch, Invalidation
from apps.cache.types import EVERY_SERVICE, Handle, Scope
from apps.core.redis import RedisError
from apps.prompts.models import Prompt

log = structlog.get_logger(__name__)
_SHARED = {Handle.PROMPT, Handle.MODEL}  # what several services have in common


@transaction.atomic
def invalidate(*, scope: Scope, reason: str, actor: str, now: datetime) -> Invalidation:
    """Drop every answer in `scope`; calls that are under way will not bring it back.

    In force at once in every process. While Redis is away everything of the tenant is dropped
    instead, within a second, through the configuration's snapshot.
    Raises `ValidationError` with every fault.
    """
    check(scope=scope, reason=reason)
    at_once = _renew(scope)
    if not at_once:
        _move_epoch(scope.tenant)
    log.info("cache_invalidated", tenant=scope.tenant, handle=scope.handle, at_once=at_once)
    return Invalidation.objects.create(
        tenant=scope.tenant,
        handle=scope.handle,
        name=scope.name,
        reason=reason,
        actor=actor[:200],
        at=now,
        at_once=at_once,
    )


def _renew(scope: Scope) -> bool:
    try:
        generations.renew(scope)
    except RedisError as error:
        log.warning("cache_invalidated_without_redis", error=str(error))
        return False
    return True


def _move_epoch(tenant: str) -> None:
    CacheEpoch.objects.get_or_create(tenant=tenant)
    CacheEpoch.objects.filter(tenant=tenant).update(number=F("number") + 1)


def check(*, scope: Scope, reason: str) -> None:
    """Raises `ValidationError` with every fault of an invalidation, by field."""
    faults: dict[str, str] = {}
    if not reason.strip():
        faults["reason"] = "Say why."
    if len(reason) > 500:
        faults["reason"] = "At most 500 characters."
    if problem := _problem_of_tenant(scope):
        faults["service"] = problem
    if problem := _problem_of_name(scope):
        faults["name"] = problem
    if faults:
        raise ValidationError(faults)


def _problem_of_tenant(scope: Scope) -> str:
    if scope.tenant == EVERY_SERVICE:
        return "" if scope.handle in _SHARED else "Only prompts and models are dropped for all."
    known = Service.objects.filter(slug=scope.tenant).exists()
    return "" if known else f"There is no service “{scope.tenant[:50]}”."


def _problem_of_name(scope: Scope) -> str:
    if scope.handle is Handle.SERVICE:
        return "" if not scope.name else "The service alone says what to drop."
    if not scope.name or len(scope.name) > 100:
        return "Between 1 and 100 characters."
    if scope.handle is Handle.PROMPT and not Prompt.objects.filter(slug=scope.name).exists():
        return f"There is no prompt “{scope.name}”."
    is_key = len(scope.name) == 64 and set(scope.name) <= set("0123456789abcdef")
    if scope.handle is Handle.KEY and not is_key:
        return "A key is the 64 hexadecimal digits of the header x-llm-cache-key."
    return ""
