"""A price is never edited: the next one ends it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.utils import Error

from apps.registry.models import Price, UsageClass
from apps.registry.services import PriceRefused, set_price
from apps.registry.snapshot import read_registry
from tests.factories import make_deployment, make_price

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def put(deployment, pico, **values):
    defaults = {"usage_class": UsageClass.OUT_TEXT, "source": "contract", "now": NOW}
    return set_price(deployment=deployment, price_pico=pico, **(defaults | values))


def picos(rows):
    return [row.price_pico for row in rows]


def test_the_first_price_holds_from_now():
    price = put(make_deployment(), 600_000)

    assert (price.valid.lower, price.valid.upper) == (NOW, None)
    assert (price.price_pico, price.per_block, price.source) == (600_000, 1, "contract")


def test_the_first_price_may_begin_in_the_past():
    price = put(make_deployment(), 600_000, valid_from=NOW - HOUR)

    assert price.valid.lower == NOW - HOUR


def test_the_next_price_ends_the_one_before():
    deployment = make_deployment()
    first = put(deployment, 600_000)

    second = put(deployment, 500_000, now=NOW + HOUR)

    first.refresh_from_db()
    assert (first.valid.lower, first.valid.upper) == (NOW, NOW + HOUR)
    assert (second.valid.lower, second.valid.upper) == (NOW + HOUR, None)


def test_a_price_can_be_scheduled():
    deployment = make_deployment()
    put(deployment, 600_000)
    put(deployment, 500_000, valid_from=NOW + HOUR)

    facts = read_registry().deployments[deployment.slug]

    assert picos(facts.prices_at(NOW)) == [600_000]
    assert picos(facts.prices_at(NOW + HOUR - timedelta(microseconds=1))) == [600_000]
    assert picos(facts.prices_at(NOW + HOUR)) == [500_000]
    assert picos(facts.prices_at(NOW - HOUR)) == []


def test_setting_what_holds_changes_nothing():
    deployment = make_deployment()
    first = put(deployment, 600_000)

    again = put(deployment, 600_000, now=NOW + HOUR)

    assert again == first
    assert Price.objects.count() == 1


def test_a_later_price_cannot_begin_in_the_past():
    deployment = make_deployment()
    put(deployment, 600_000, valid_from=NOW - 2 * HOUR)

    with pytest.raises(PriceRefused, match="history"):
        put(deployment, 500_000, valid_from=NOW - HOUR)

    assert Price.objects.get().valid.upper is None


def test_nothing_fits_before_a_scheduled_price():
    deployment = make_deployment()
    put(deployment, 600_000)
    put(deployment, 500_000, valid_from=NOW + 2 * HOUR)

    with pytest.raises(PriceRefused, match="already set from 2026-03-01 14:00:00 UTC"):
        put(deployment, 400_000, valid_from=NOW + HOUR)

    assert Price.objects.count() == 2


def test_all_faults_of_a_price_are_named_and_the_one_before_stays():
    deployment = make_deployment()
    put(deployment, 600_000)

    with pytest.raises(ValidationError) as caught:
        put(deployment, -1, per_block=0, source="", now=NOW + HOUR)

    assert "source" in caught.value.message_dict
    assert len(caught.value.message_dict["__all__"]) == 2
    assert Price.objects.get().valid.upper is None


def test_other_classes_and_deployments_are_left_alone():
    deployment, other = make_deployment(), make_deployment()
    untouched = [
        put(deployment, 1, usage_class=UsageClass.IN_UNCACHED),
        put(other, 2),
    ]
    put(deployment, 3)

    put(deployment, 4, now=NOW + HOUR)

    for price in untouched:
        price.refresh_from_db()
        assert price.valid.upper is None


def test_overlapping_rows_are_refused_by_the_database():
    deployment = make_deployment()
    make_price(deployment, "out_text", 1, valid=(NOW, NOW + HOUR))

    with pytest.raises(IntegrityError, match="price_one_at_a_time"), transaction.atomic():
        make_price(deployment, "out_text", 2, valid=(NOW + HOUR / 2, None))

    make_price(deployment, "out_text", 2, valid=(NOW + HOUR, None))
    assert Price.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        "price_pico = 1",
        "per_block = 2",
        "usage_class = 'out_audio'",
        "source = 'me'",
        "valid = tstzrange('2020-01-01', NULL)",
        "valid = tstzrange('2020-01-01', '2030-01-01')",
        "valid = 'empty'",
        "valid = NULL",
    ],
)
def test_raw_sql_cannot_edit_a_price(change):
    price = put(make_deployment(), 600_000)

    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE registry_price SET {change} WHERE id = %s", [price.pk])

    price.refresh_from_db()
    assert (price.price_pico, price.valid.lower, price.valid.upper) == (600_000, NOW, None)


def test_the_end_of_a_price_can_be_set_once_only():
    price = put(make_deployment(), 600_000)
    end = "UPDATE registry_price SET valid = tstzrange(lower(valid), %s) WHERE id = %s"
    with connection.cursor() as cursor:
        cursor.execute(end, [NOW + HOUR, price.pk])

        with pytest.raises(Error, match="once"), transaction.atomic():
            cursor.execute(end, [NOW + 2 * HOUR, price.pk])


def test_raw_sql_cannot_delete_a_price():
    price = put(make_deployment(), 600_000)

    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM registry_price WHERE id = %s", [price.pk])

    assert Price.objects.filter(pk=price.pk).exists()


def test_tiers_and_steps_hold_beside_each_other():
    deployment = make_deployment()
    rows = [
        put(deployment, 600_000),
        put(deployment, 300_000, service_tier="flex"),
        put(deployment, 900_000, min_input_tokens=200_001),
    ]

    next_one = put(deployment, 310_000, service_tier="flex", now=NOW + HOUR)

    for row in rows:
        row.refresh_from_db()
    assert [row.valid.upper for row in rows] == [None, NOW + HOUR, None]
    assert str(next_one) == f"{deployment} Output, flex"
    assert str(rows[2]) == f"{deployment} Output, from 200001 tokens"


@pytest.mark.parametrize("values", [{"service_tier": "flex"}, {"min_input_tokens": 200_001}])
def test_the_database_refuses_two_rows_of_a_kind_at_once(values):
    deployment = make_deployment()
    make_price(deployment, "out_text", 1, **values)
    make_price(deployment, "out_text", 1)

    with pytest.raises(IntegrityError, match="price_one_at_a_time"), transaction.atomic():
        make_price(deployment, "out_text", 2, **values)


@pytest.mark.parametrize("change", [{"service_tier": "flex"}, {"min_input_tokens": 1}])
def test_neither_tier_nor_step_of_a_price_changes(change):
    price = put(make_deployment(), 600_000)

    with pytest.raises(Error, match="price_immutable"), transaction.atomic():
        Price.objects.filter(pk=price.pk).update(**change)


def test_the_first_price_of_a_tier_may_begin_in_the_past():
    """Or what was billed in a tier that nobody knew of could never be priced."""
    deployment = make_deployment()
    put(deployment, 600_000, valid_from=NOW - 2 * HOUR)

    price = put(deployment, 900_000, service_tier="priority", valid_from=NOW - HOUR)

    assert price.valid.lower == NOW - HOUR


def test_a_step_never_begins_in_a_past_that_a_lower_one_priced():
    deployment = make_deployment()
    put(deployment, 600_000, valid_from=NOW - HOUR)

    with pytest.raises(PriceRefused, match="history"):
        put(deployment, 900_000, min_input_tokens=200_001, valid_from=NOW - HOUR)

    put(deployment, 900_000, min_input_tokens=200_001)
    put(deployment, 900_000, min_input_tokens=200_001, service_tier="flex", valid_from=NOW - HOUR)
    assert Price.objects.count() == 3


@pytest.mark.parametrize("word", ["standard", "on_demand", "Flex", "", "a b", "x" * 41])
def test_a_tier_that_no_answer_could_name_is_a_fault(word):
    with pytest.raises(ValidationError) as caught:
        put(make_deployment(), 1, service_tier=word)

    assert set(caught.value.message_dict) == {"service_tier"}
