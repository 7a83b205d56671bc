"""What the database keeps of jobs and of the webhooks that tell their end."""

from apps.jobs.models.batches import Batch
from apps.jobs.models.interventions import Intervention
from apps.jobs.models.jobs import OPEN_STATUSES, Job, JobPayload, JobStatus, Lane, Priority
from apps.jobs.models.provider_batches import ProviderBatch, ProviderBatchRow, RowOutcome, SendState
from apps.jobs.models.webhooks import (
    Delivery,
    DeliveryStatus,
    DeliveryTry,
    Event,
    WebhookEndpoint,
    WebhookSecret,
)

__all__ = [
    "OPEN_STATUSES",
    "Batch",
    "Delivery",
    "DeliveryStatus",
    "DeliveryTry",
    "Event",
    "Intervention",
    "Job",
    "JobPayload",
    "JobStatus",
    "Lane",
    "Priority",
    "ProviderBatch",
    "ProviderBatchRow",
    "RowOutcome",
    "SendState",
    "WebhookEndpoint",
    "WebhookSecret",
]
