"""A decision as one compact header line."""

import json

from apps.routing.types import Decision

MAX_BYTES = 4096  # what proxies let a header have


def header_of(decision: Decision) -> str:
    """JSON in ASCII. What does not fit loses its reasons first, then its end."""
    whole = json.dumps(decision.as_json(), separators=(",", ":"))
    if len(whole) <= MAX_BYTES:
        return whole
    short = {
        "route": decision.name,
        "strategy": str(decision.strategy),
        "order": [choice.deployment.slug for choice in decision.choices][:20],
        "stand_ins": [option.deployment.slug for option in decision.stand_ins][:20],
        "skipped": {skip.deployment: skip.reason for skip in decision.skipped[:20]},
        "hedge": decision.hedge,
        "shortened": True,
    }
    return json.dumps(short, separators=(",", ":"))
