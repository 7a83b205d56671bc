"""What the cache's endpoints take and say."""

from typing import Any

from rest_framework import serializers

from apps.cache.types import Handle
from apps.core.api import StrictSerializer
from apps.core.money import exact_usd

_HANDLES = (Handle.TAG, Handle.PROMPT, Handle.MODEL, Handle.KEY)


class ShareAnswer(serializers.Serializer[Any]):
    """Calls of one group; amounts are exact dollars."""

    name = serializers.CharField(help_text="Empty: calls without one.")
    calls = serializers.IntegerField()
    hits = serializers.IntegerField(help_text="Answered from the cache or by an equal call.")
    misses = serializers.IntegerField()
    hit_share = serializers.FloatField(help_text="0 to 1.")
    avoided_usd = serializers.SerializerMethodField()

    def get_avoided_usd(self, share: Any) -> str:
        return exact_usd(share.avoided_pico)


class CacheQuery(StrictSerializer):
    days = serializers.IntegerField(min_value=1, max_value=92, default=30)


class CacheAnswer(serializers.Serializer[Any]):
    days = serializers.IntegerField(help_text="How far back the figures reach from now.")
    total = ShareAnswer()
    prompts = ShareAnswer(many=True)
    models = ShareAnswer(many=True)


class InvalidateRequest(StrictSerializer):
    """Exactly one of tag, prompt, model and key; only your own answers are dropped."""

    tag = serializers.CharField(max_length=100, required=False, help_text="A context tag.")
    prompt = serializers.CharField(max_length=100, required=False, help_text="Slug of a prompt.")
    model = serializers.CharField(max_length=100, required=False, help_text="Route or model.")
    key = serializers.CharField(
        max_length=100, required=False, help_text="The header x-llm-cache-key of an answer."
    )
    reason = serializers.CharField(max_length=500)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [handle for handle in _HANDLES if handle in attrs]
        if len(given) != 1:
            raise serializers.ValidationError("Give exactly one of tag, prompt, model and key.")
        return {"handle": given[0], "name": attrs[given[0]], "reason": attrs["reason"]}


class InvalidationAnswer(serializers.Serializer[Any]):
    by = serializers.CharField(source="handle")
    name = serializers.CharField()
    at = serializers.DateTimeField()
    at_once = serializers.BooleanField(
        help_text="False: Redis was away; within a second all your answers are dropped."
    )
