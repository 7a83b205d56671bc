"""A provider's statement of a month is waived in the admin by two people of finance."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from apps.ledger.closing import make_periods
from apps.ledger.models import Period
from apps.reconciliation.models import Waiver
from tests.reconciliation.month import book_month, make_provider_with_models
from tests.reconciliation.test_statements_admin import log_in

pytestmark = pytest.mark.django_db
ADD = reverse("admin:reconciliation_waiver_add")


def test_one_asks_and_another_approves(client, db):
    provider = make_provider_with_models()
    book_month()
    make_periods(zone="UTC", now=datetime(2026, 4, 2, tzinfo=UTC))
    log_in(client)
    asked = {"provider": provider.pk, "period": "2026-03-01", "reason": "Our own servers."}
    client.post(ADD, asked)
    waiver = Waiver.objects.get()
    assert waiver.requested_by.username == "fiona"
    assert "asked for, or approved, already" in client.post(ADD, asked).content.decode()

    url = reverse("admin:reconciliation_waiver_action", args=[waiver.pk, "approve"])
    seen = {"confirmed": "1", "reason": "No invoice was sent."}
    page = client.post(url, seen, follow=True).content.decode()
    assert "somebody else has to approve what you asked for" in page
    log_in(client, "ben")
    client.post(url, seen)
    waiver.refresh_from_db()
    assert (waiver.status, waiver.decided_by.username) == ("approved", "ben")
    month = reverse("admin:ledger_period_change", args=[Period.objects.get().pk])
    page = client.get(month).content.decode()
    assert "Waived: acme, asked for by fiona, approved by ben (“Our own servers.”)." in page
