"""What price lines are of, in words."""

from collections.abc import Mapping
from typing import Any

from apps.registry.models import UsageClass

_CLASSES = dict(UsageClass.choices)


def line_name(line: Mapping[str, Any]) -> str:
    """“Output, flex, from 200,001 tokens”; a class that is no longer known as it was booked."""
    step = line.get("min_input_tokens", 0)
    usage_class = line.get("usage_class", "")
    parts = [_CLASSES.get(usage_class, usage_class), line.get("service_tier", "")]
    return ", ".join([part for part in parts if part] + ([f"from {step:,} tokens"] if step else []))
