"""What was saved on days that are over. It holds nothing that entries, attempts and prices don't
say, so it may be thrown away and made again at any time (`apps.finance.saved_days`)."""

from django.db import models

from apps.ledger.fields import Xid8Field
from apps.ledger.models import CallSlugs


class SavedSum(CallSlugs):
    """What the entries of one day that agree in every dimension saved, in pico-USD."""

    day = models.DateField(db_index=True)
    project = models.TextField(blank=True, help_text="Of the tag “project:”.")
    channel = models.CharField(max_length=50, blank=True)
    purpose = models.CharField(max_length=10, blank=True)
    provider_cache = models.DecimalField(max_digits=38, decimal_places=0)
    batch = models.DecimalField(max_digits=38, decimal_places=0)
    cheaper_route = models.DecimalField(max_digits=38, decimal_places=0)
    unknown = models.BigIntegerField(help_text="Units without a price to be compared with.")

    class Meta:
        default_permissions = ()


class SavedDay(models.Model):
    """A day whose sums are there."""

    day = models.DateField(primary_key=True, help_text="Over, in the zone of the cursor.")
    prices = models.CharField(max_length=32, help_text="Digest of the price list that held on it.")

    class Meta:
        default_permissions = ()


class SavedCursor(models.Model):
    """One row: no day's sums lack entries of transactions before `xid`."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
    zone = models.CharField(max_length=60, help_text="The days are its own.")

    class Meta:
        default_permissions = ()
