"""What the export endpoints take and say."""

from typing import Any

from rest_framework import serializers

from apps.core.api import ChoiceField, StrictSerializer
from apps.core.money import exact_usd
from apps.exports.models import Export
from apps.exports.writing import WRITERS


class ExportRequest(StrictSerializer):
    question = serializers.CharField(
        max_length=8000,
        allow_blank=True,
        help_text="As the parameters of GET /api/v1/costs/, e.g. “range=last-month&group_by=team”.",
    )
    format = ChoiceField(sorted(WRITERS))


class ExportAnswer(serializers.ModelSerializer[Export]):
    maker = serializers.SerializerMethodField()
    total_usd = serializers.SerializerMethodField(help_text="What its rows add up to; exact.")
    file = serializers.SerializerMethodField(help_text="Its address while it is there.")

    class Meta:
        model = Export
        fields = (
            *("id", "question", "zone", "format", "status", "maker", "made_at", "finished_at"),
            *("rows_done", "rows_total", "rows", "total_usd", "size", "sha256"),
            *("remark", "error", "deleted_at", "file"),
        )

    def get_maker(self, export: Export) -> str:
        return str(export.made_by or export.service)

    def get_total_usd(self, export: Export) -> str | None:
        return None if export.total_pico is None else exact_usd(export.total_pico)

    def get_file(self, export: Export) -> str | None:
        if not export.is_there:
            return None
        request: Any = self.context["request"]
        base = request.path.partition("/exports/")[0]
        return str(request.build_absolute_uri(f"{base}/exports/{export.pk}/file/"))


class ExportsPage(serializers.Serializer[Any]):
    results = ExportAnswer(many=True)
