"""What a client may post: the body and the headers of a job."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.access.types import Caller
from apps.core.api import ChoiceField, StrictSerializer
from apps.core.faults import Fault
from apps.core.strict_json import canonical
from apps.gateway.types import CacheMode, CallSpec
from apps.jobs.api.fields import (
    StrictBooleanField,
    StrictCharField,
    StrictDictField,
    StrictIntegerField,
)
from apps.jobs.models import Priority
from apps.jobs.selectors import MAX_WAIT_SECONDS
from apps.jobs.types import Draft
from apps.prompts.types import OnUnknown

DEFAULT_TIMEOUT = timedelta(hours=1)
MAX_TIMEOUT = timedelta(days=1)
METADATA_KEYS = 16
METADATA_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PRIORITIES = {priority.name.lower(): priority.value for priority in Priority}

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?:$|[,;\s])", re.IGNORECASE)


class Metadata(serializers.DictField):
    """Up to 16 pairs of texts for the client's own use; jobs can be found by them."""

    child = StrictCharField(max_length=512, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping) and len(data) > METADATA_KEYS:
            raise serializers.ValidationError(f"At most {METADATA_KEYS} pairs.", "too_many")
        pairs = super().to_internal_value(data)
        if wrong := [key for key in pairs if not METADATA_KEY.fullmatch(key)]:
            text = "A key has 1 to 64 letters, digits, dots, dashes or underscores."
            raise serializers.ValidationError({key: [text] for key in wrong})
        return pairs


class JobRequest(StrictSerializer):
    """Either a prompt with its variables, or messages."""

    prompt = StrictCharField(max_length=50, required=False, help_text="Slug of a prompt.")
    variables = StrictDictField(required=False, help_text="Values of the prompt's variables.")
    channel = StrictCharField(
        max_length=50, required=False, help_text="Channel of the prompt; default: production."
    )
    version = StrictIntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="An exact version instead."
    )
    messages = serializers.ListField(
        child=StrictDictField(), required=False, help_text="Messages in OpenAI's form."
    )
    model = StrictCharField(
        max_length=50, required=False, help_text="Route or model; default: the prompt's."
    )
    parameters = StrictDictField(required=False, help_text="OpenAI names: temperature, …")
    response_schema = StrictDictField(required=False, help_text="JSON Schema of the answer.")
    subject = StrictCharField(
        max_length=200, required=False, help_text="Whom an experiment assigns; not stored."
    )
    context = serializers.ListField(  # type: ignore[assignment]  # a field, not the property
        child=StrictCharField(max_length=100),
        max_length=16,
        required=False,
        help_text="Tags: budgets, cost reports and cache invalidation know them.",
    )
    metadata = Metadata(required=False)
    region = StrictCharField(
        max_length=40,
        required=False,
        help_text="Where it must be answered, e.g. eu; narrows what the service allows.",
    )
    priority = ChoiceField(choices=list(PRIORITIES), default="normal")
    timeout_seconds = StrictIntegerField(
        min_value=1,
        max_value=int(MAX_TIMEOUT.total_seconds()),
        required=False,
        help_text="From acceptance; default one hour, at most a day.",
    )
    deadline = serializers.DateTimeField(required=False, help_text="Instead of timeout_seconds.")
    cache = ChoiceField(choices=[mode.value for mode in CacheMode], default="use")
    on_unknown = ChoiceField(
        choices=OnUnknown.values,
        default=OnUnknown.RETRY.value,
        help_text="fail: a request whose outcome is unknown is not sent again. "
        "A prompt may ask for it too; the stricter of both counts.",
    )
    may_wait = StrictBooleanField(
        default=False,
        help_text="true: it may go through a provider's batch lane, for less, when its deadline is "
        "at least two hours away; it is answered before its deadline all the same.",
    )
    webhook = StrictBooleanField(
        default=True, help_text="false: the service's webhooks are not told of its end."
    )

    def validate_deadline(self, value: datetime) -> datetime:
        now = timezone.now()
        if not now < value <= now + MAX_TIMEOUT:
            raise serializers.ValidationError("Must lie within the next 24 hours.", "out_of_range")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        errors = {}
        if "prompt" in attrs and "messages" in attrs:
            errors["messages"] = "Give either a prompt or messages, not both."
        if "prompt" not in attrs:
            for name in ("variables", "channel", "version"):
                if name in attrs:
                    errors[name] = "Belongs to a prompt; none was given."
        if "prompt" not in attrs and "messages" not in attrs:
            errors["prompt"] = "Give a prompt with variables, or messages."
        if "channel" in attrs and "version" in attrs:
            errors["version"] = "Give either a channel or a version, not both."
        if "timeout_seconds" in attrs and "deadline" in attrs:
            errors["deadline"] = "Give either timeout_seconds or deadline, not both."
        if errors:
            raise serializers.ValidationError(errors)
        return attrs


def spec_of(values: Mapping[str, Any]) -> CallSpec:
    """The call that validated `values` describe."""
    names = ("prompt", "variables", "channel", "version", "model", "parameters", "subject")
    optional = (*names, "response_schema", "region")
    given = {name: values[name] for name in optional if name in values}
    return CallSpec(
        messages=tuple(values.get("messages", ())),
        context=tuple(values.get("context", ())),
        metadata=values.get("metadata", {}),
        cache=CacheMode(values["cache"]),
        **given,
    )


def draft_of(
    values: Mapping[str, Any],
    *,
    caller: Caller,
    fingerprint: str,
    request_id: str,
    idempotency_key: str | None = None,
    timeout: timedelta = DEFAULT_TIMEOUT,
) -> Draft:
    """The job that validated `values` describe; `timeout` when they give none."""
    return Draft(
        caller=caller,
        spec=spec_of(values),
        fingerprint=fingerprint,
        priority=PRIORITIES[values["priority"]],
        deadline=deadline_of(values, timeout),
        request_id=request_id,
        idempotency_key=idempotency_key,
        metadata=values.get("metadata", {}),
        notify=values["webhook"],
        on_unknown=values["on_unknown"],
        may_wait=values["may_wait"],
    )


def deadline_of(values: Mapping[str, Any], timeout: timedelta) -> datetime | timedelta:
    if "deadline" in values:
        moment: datetime = values["deadline"]
        return moment
    seconds = values.get("timeout_seconds")
    return timeout if seconds is None else timedelta(seconds=seconds)


def fingerprint(body: Any) -> str:
    """SHA-256 of the request as posted: neither white space nor the order of fields matters."""
    return hashlib.sha256(canonical(body)).hexdigest()


def header_faults(headers: Mapping[str, str]) -> list[Fault]:
    key = headers.get("Idempotency-Key")
    if key is None or _KEY.fullmatch(key):
        return []
    text = "Idempotency-Key has 1 to 255 printable ASCII characters."
    return [Fault("/headers/Idempotency-Key", text, "bad_idempotency_key")]


def preferred_wait(headers: Mapping[str, str]) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240 §4.3), at most 60; a preference is never an error."""
    found = _WAIT.search(headers.get("Prefer", ""))
    return min(MAX_WAIT_SECONDS, int(found[1])) if found else 0
