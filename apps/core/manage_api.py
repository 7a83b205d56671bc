"""The management API: configuration read and written by people's scripts.

A viewset is declared by `manage_viewset`; `llmplatform.manage_urls` gives it its address. Callers
are staff users with Django's model permissions, by HTTP Basic or by the admin's session; services'
API keys do not open this door.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.http import Http404
from rest_framework import serializers, viewsets
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.settings import api_settings

from apps.core.api import StrictSerializer
from apps.core.fields import PicoUSDField
from apps.core.money import exact_usd, pico_from_usd
from apps.core.problems import Problem


class StaffModelPermissions(DjangoModelPermissions):
    """Staff with the model's permission for what they do; reading needs `view`."""

    perms_map = DjangoModelPermissions.perms_map | {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(getattr(request.user, "is_staff", False)) and super().has_permission(
            request, view
        )


class USDField(serializers.CharField):
    """Dollars as a decimal string; the value is an int of pico-USD."""

    def to_representation(self, value: Any) -> str:
        return exact_usd(value)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return pico_from_usd(super().to_internal_value(data))
        except ModelValidationError as error:
            raise serializers.ValidationError(error.messages) from error


class ManageSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A model's fields as the API shows them; relations by slug, and the model's own checks."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        PicoUSDField: USDField
    }
    serializer_related_field = serializers.SlugRelatedField

    def build_relational_field(self, field_name: str, relation_info: Any) -> Any:
        field_class, kwargs = super().build_relational_field(field_name, relation_info)
        kwargs.pop("view_name", None)
        return field_class, kwargs | {"slug_field": "slug"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        model: type[models.Model] = self.Meta.model
        row: models.Model = self.instance or model()
        columns = {field.name for field in model._meta.concrete_fields} & attrs.keys()
        before = {name: getattr(row, name) for name in columns if self.instance}
        for name in columns:
            setattr(row, name, attrs[name])
        try:
            row.full_clean(validate_unique=True)
        except ModelValidationError as error:
            for name, value in before.items():
                setattr(row, name, value)
            raise serializers.ValidationError(as_api_faults(error)) from error
        return attrs


def as_api_faults(error: ModelValidationError) -> Mapping[str, Any]:
    """The faults of a model as DRF names them."""
    if not hasattr(error, "error_dict"):
        return {api_settings.NON_FIELD_ERRORS_KEY: error.messages}
    return {
        api_settings.NON_FIELD_ERRORS_KEY if name == NON_FIELD_ERRORS else name: texts
        for name, texts in error.message_dict.items()
    }


class ManageViewSet(viewsets.ModelViewSet[Any]):
    """`POST` makes a row (201), `PUT` on its address makes (201) or changes (200) it, `PATCH`
    changes single fields, `DELETE` removes what nothing refers to (else 409)."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (StaffModelPermissions,)
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        partial = kwargs.get("partial", False)
        row = self.get_queryset().filter(**{self.lookup_field: kwargs[self.lookup_field]}).first()
        if row is None and partial:
            raise Http404
        if row is None:
            self._check_may_add(request)
        data = request.data if partial else self._addressed(request.data)
        serializer = self.get_serializer(row, data=data, partial=partial)
        serializer.is_valid(raise_exception=True)
        if row is None:
            self._check_address(serializer.validated_data)
        self.perform_update(serializer)
        return Response(serializer.data, status=201 if row is None else 200)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        _save(serializer)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        _save(serializer)

    def perform_destroy(self, instance: models.Model) -> None:
        try:
            instance.delete()
        except ProtectedError as error:
            count = len(error.protected_objects)
            raise _conflict(f"{count} other rows refer to it; switch it off instead.") from error

    def _addressed(self, data: Any) -> Any:
        """The body of a PUT: its name may be left to the address."""
        if not isinstance(data, Mapping):
            return data
        return {self.lookup_field: self.kwargs[self.lookup_field], **data}

    def _check_address(self, values: Mapping[str, Any]) -> None:
        if values[self.lookup_field] != self.kwargs[self.lookup_field]:
            raise serializers.ValidationError({self.lookup_field: "The address names another."})

    def _check_may_add(self, request: Request) -> None:
        options = self.get_queryset().model._meta
        if not request.user.has_perm(f"{options.app_label}.add_{options.model_name}"):
            self.permission_denied(request)


def _save(serializer: BaseSerializer[Any]) -> None:
    try:
        with transaction.atomic():
            serializer.save()
    except IntegrityError as error:
        raise _conflict("Another change came in between; read it again and repeat.") from error


def _conflict(detail: str) -> Problem:
    return Problem(status_code=409, code="conflict", detail=detail)


def manage_serializer(
    model: type[models.Model],
    *,
    fields: Sequence[str],
    read_only: Sequence[str] = (),
    extra: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
) -> type[ManageSerializer]:
    """The serializer `Manage<Model>` with `fields`; `extra` declares some of them by hand."""
    meta = type("Meta", (), {"model": model, "fields": fields, "read_only_fields": read_only})
    body = {"Meta": meta, "__doc__": model.__doc__, **(extra or {})}
    return cast(type[ManageSerializer], type(f"Manage{model.__name__}", (ManageSerializer,), body))


def manage_viewset(
    model: type[models.Model],
    *,
    fields: Sequence[str],
    read_only: Sequence[str] = (),
    related: Sequence[str] = (),
    methods: Sequence[str] = ("get", "post", "put", "patch", "delete"),
    base: type[ManageViewSet] = ManageViewSet,
) -> type[ManageViewSet]:
    """A viewset over all rows of `model` with these fields. `related` is joined for reading."""
    body = {
        "__doc__": model.__doc__,
        "queryset": model._default_manager.select_related(*related).order_by("pk"),
        "serializer_class": manage_serializer(model, fields=fields, read_only=read_only),
        "http_method_names": [*methods, "head", "options"],
    }
    return cast(type[ManageViewSet], type(f"Manage{model.__name__}ViewSet", (base,), body))
