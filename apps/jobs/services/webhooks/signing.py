"""Signatures by Standard Webhooks 1.0, made by its reference library."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(*, delivery_id: str, at: datetime, body: str, keys: Iterable[str]) -> dict[str, str]:
    """One signature for each key: during a rotation a receiver may hold either. `at` in UTC."""
    signatures = [Webhook(key).sign(msg_id=delivery_id, timestamp=at, data=body) for key in keys]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
