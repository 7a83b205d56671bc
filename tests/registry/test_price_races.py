"""Two people set a price at the same moment."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.registry.models import Price
from apps.registry.services import PriceRefused, set_price
from tests.factories import make_deployment

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_one_wins_and_the_other_is_told():
    deployment = make_deployment()
    outcomes, start = [], threading.Barrier(4)

    def setter(pico):
        start.wait()
        try:
            set_price(
                deployment=deployment,
                usage_class="out_text",
                price_pico=pico,
                source="race",
                now=NOW,
                valid_from=NOW + timedelta(hours=1),
            )
            outcomes.append("set")
        except PriceRefused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=setter, args=(pico,)) for pico in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "refused", "refused", "set"]
    assert Price.objects.count() == 1
