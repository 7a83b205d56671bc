"""Create or update one row by its name, with every fault at once: for commands and set-up."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar, cast

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, transaction

from apps.core.models import SlugModel

Row = TypeVar("Row", bound=models.Model)
Change = Literal["created", "updated", "unchanged"]
KNOWN = 20  # names listed when one is not found


@transaction.atomic
def upsert(
    model: type[Row],
    *,
    lookup: Mapping[str, Any],
    values: Mapping[str, Any],
    making: Collection[str] = (),
) -> tuple[Row, Change]:
    """The row with `lookup`, made or changed to have `values`; a new row's name is its slug.

    A foreign key may be given by the slug of its row, which is made too when it is new and the
    field is one of `making`. A value of None leaves the field as it is. What has not changed is
    not written, so that repeating a command leaves no trace.
    Raises `ValidationError`, which holds every fault by field.
    """
    row = model._default_manager.select_for_update(of=("self",)).filter(**lookup).first()
    change: Change = "created" if row is None else "unchanged"
    row = row or _new(model, lookup)
    faults: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, str) and isinstance(model._meta.get_field(name), models.ForeignKey):
            value = _related(model, name, value, faults, make=name in making)
        if value is not None and _set(row, name, value) and change == "unchanged":
            change = "updated"
    _check(row, faults)
    if change != "unchanged":
        row.save()
    return row, change


def find(model: type[Row], slug: str, *, field: str) -> Row:
    """The row with this slug. Raises `ValidationError` on `field`, naming slugs that exist."""
    manager = model._default_manager
    row = manager.filter(slug=slug).first()
    if row is None:
        known = ", ".join(manager.order_by("slug").values_list("slug", flat=True)[:KNOWN])
        name = model._meta.verbose_name
        raise ValidationError({field: f"There is no {name} “{slug}”. Known: {known or 'none'}."})
    return row


def fault_lines(error: ValidationError) -> list[str]:
    """One line for each fault, with the field in front."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [
        text if name == NON_FIELD_ERRORS else f"{name}: {text}"
        for name, texts in error.message_dict.items()
        for text in texts
    ]


def _new(model: type[Row], lookup: Mapping[str, Any]) -> Row:
    row = model(**lookup)
    if isinstance(row, SlugModel):
        row.name = row.slug
    return row


def _related(
    model: type[models.Model], name: str, slug: str, faults: dict[str, Any], *, make: bool
) -> models.Model | None:
    """The row that a foreign key means by a slug; None after adding to the faults of `name`."""
    related = cast("type[models.Model]", model._meta.get_field(name).related_model)
    try:
        if make:
            return upsert(related, lookup={"slug": slug}, values={})[0]
        return find(related, slug, field=name)
    except ValidationError as error:
        # The slug is its name too, so a fault of both is one.
        faults[name] = list(dict.fromkeys(error.messages))
    return None


def _set(row: models.Model, name: str, value: Any) -> bool:
    """Whether the field has a new value."""
    field = cast("models.Field[Any, Any]", row._meta.get_field(name))
    if getattr(row, field.attname) == (value.pk if isinstance(value, models.Model) else value):
        return False
    setattr(row, name, value)
    return True


def _check(row: models.Model, faults: dict[str, Any]) -> None:
    try:
        row.full_clean(exclude=set(faults))
    except ValidationError as error:
        faults |= error.message_dict
    if faults:
        raise ValidationError(faults)
