"""What the prompt endpoints take and give."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api import StrictSerializer
from apps.prompts.models import Prompt, PromptVersion


class LiveVersionSerializer(serializers.Serializer[Any]):
    """What answers on one channel."""

    channel = serializers.CharField(source="channel.slug")
    version = serializers.IntegerField(source="version.number")
    released_at = serializers.DateTimeField()


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    live = LiveVersionSerializer(many=True, help_text="One entry for each channel.")

    class Meta:
        model = Prompt
        fields = ["slug", "name", "description", "tags", "live"]


class LiveContractSerializer(LiveVersionSerializer):
    """What answers on one channel, and what it wants to know."""

    model = serializers.CharField(source="version.model")
    variables = serializers.DictField(
        source="version.variables", help_text="Name → type, required, default, max_length, …"
    )
    response_schema = serializers.JSONField(source="version.response_schema", allow_null=True)
    tools = serializers.ListField(
        child=serializers.DictField(),
        source="version.tools",
        help_text="Functions that the model may ask the caller to call, in OpenAI's form.",
    )


class VersionSummarySerializer(serializers.ModelSerializer[PromptVersion]):
    class Meta:
        model = PromptVersion
        fields = ["number", "status", "note", "model", "content_hash", "sealed_at"]


class PromptDetailSerializer(serializers.ModelSerializer[Prompt]):
    live = serializers.SerializerMethodField()
    versions = serializers.SerializerMethodField(help_text="Sealed and retired, newest first.")

    class Meta:
        model = Prompt
        fields = ["slug", "name", "description", "owner", "tags", "on_unknown", "live", "versions"]

    @extend_schema_field(LiveContractSerializer(many=True))
    def get_live(self, prompt: Prompt) -> Any:
        rows = prompt.releases.filter(ended_at=None).select_related("channel", "version")
        return LiveContractSerializer(rows.order_by("channel__slug"), many=True).data

    @extend_schema_field(VersionSummarySerializer(many=True))
    def get_versions(self, prompt: Prompt) -> Any:
        rows = prompt.versions.exclude(status="draft").order_by("-number")
        slim = rows.defer("messages", "variables", "parameters", "response_schema", "fit", "tools")
        return VersionSummarySerializer(slim[:100], many=True).data


class RenderRequest(StrictSerializer):
    variables = serializers.DictField(required=False, default=dict)
    channel = serializers.CharField(required=False, default="production", max_length=50)
    version = serializers.IntegerField(
        required=False, default=None, allow_null=True, min_value=1, max_value=2**31 - 1
    )
    subject = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class RenderAnswer(serializers.Serializer[Any]):
    prompt = serializers.CharField()
    version = serializers.IntegerField()
    arm = serializers.CharField(help_text="“experiment/arm”, or empty.")
    model = serializers.CharField()
    parameters = serializers.DictField()
    tools = serializers.ListField(
        child=serializers.DictField(), help_text="What the model may call; sent beside parameters."
    )
    messages = serializers.ListField(child=serializers.DictField())
