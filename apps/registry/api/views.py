"""Models for services: what can be called, and at what price."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from apps.registry.api.serializers import ModelSerializer
from apps.registry.models import Model
from apps.registry.snapshot import read_registry


class ModelCatalogueViewSet(ReadOnlyModelViewSet[Any]):
    """Every model with its abilities, its deployments and their prices now."""

    queryset = Model.objects.all()
    serializer_class = ModelSerializer
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([self._facts(row) for row in page])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._facts(self.get_object()))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.registry = read_registry()

    def _facts(self, row: Model) -> Any:
        context = {"registry": self.registry, "now": timezone.now()}
        serializer: BaseSerializer[Any] = ModelSerializer(
            self.registry.models[row.slug], context=context
        )
        return serializer.data
