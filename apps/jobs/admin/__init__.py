"""Jobs for operators: what runs, what failed and why, and who was told of it."""

from apps.jobs.admin.batches import BatchAdmin
from apps.jobs.admin.deliveries import DeliveryAdmin
from apps.jobs.admin.endpoints import WebhookEndpointAdmin
from apps.jobs.admin.jobs import JobAdmin
from apps.jobs.admin.provider_batches import ProviderBatchAdmin
from apps.jobs.admin.quarantine import QuarantineAdmin

__all__ = [
    "BatchAdmin",
    "DeliveryAdmin",
    "JobAdmin",
    "ProviderBatchAdmin",
    "QuarantineAdmin",
    "WebhookEndpointAdmin",
]
