"""Usable keys by prefix, as every process keeps them in memory."""

from collections.abc import Mapping

from apps.access.models import ApiKey, Service
from apps.access.types import Caller, KeyRecord, TierLimits


def read_keys() -> Mapping[str, KeyRecord]:
    """Keys that are not revoked, of active services. Expiry is checked at each use."""
    keys = ApiKey.objects.filter(revoked_at=None, service__active=True).select_related(
        "service__team", "service__cost_center", "service__tier"
    )
    callers: dict[int, Caller] = {}
    return {
        key.prefix: KeyRecord(
            key_hash=bytes(key.key_hash),
            caller=callers.setdefault(key.service_id, caller_of(key.service)),
            expires_at=key.expires_at,
        )
        for key in keys
    }


def read_callers() -> Mapping[int, Caller]:
    """Every service by id; a job of a service switched off meanwhile still needs its dimensions."""
    services = Service.objects.select_related("team", "cost_center", "tier")
    return {service.pk: caller_of(service) for service in services}


def caller_of(service: Service) -> Caller:
    tier = service.tier
    return Caller(
        service_id=service.pk,
        service=service.slug,
        team=service.team.slug,
        cost_center=service.cost_center.slug,
        regions=tuple(service.regions),
        purpose=service.purpose,
        fallback_answer=service.fallback_answer,
        tier=TierLimits(
            slug=tier.slug,
            requests_per_second=tier.requests_per_second,
            burst=tier.burst,
            tokens_per_minute=tier.tokens_per_minute,
            concurrent_calls=tier.concurrent_calls,
            importance=tier.importance,
        ),
    )
