"""The configuration epoch: one number that moves with every change of configuration."""

import pgtrigger
from django.db import models


class ConfigEpoch(models.Model):
    """One row. Statement triggers of every configuration table move `value` on any change,
    through whatever door it came, in the change's own transaction; each process polls it and
    rebuilds its snapshot (`apps.core.snapshot`)."""

    id = models.SmallAutoField(primary_key=True)
    value = models.BigIntegerField(default=0)


def moves_config_epoch() -> pgtrigger.Trigger:
    """The trigger that each configuration model lists in its `Meta.triggers`."""
    return pgtrigger.Trigger(
        name="config_epoch",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func="UPDATE core_configepoch SET value = value + 1; RETURN NULL;",
    )


class TimestampedModel(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class SlugModel(TimestampedModel):
    """A named row that people and APIs address by its slug."""

    slug = models.SlugField(unique=True, help_text="Short name used in the API, e.g. “shop”.")
    name = models.CharField(max_length=200, help_text="Name shown to people.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.slug
