"""Messages of thresholds: forecasts, delivery, retries; none is lost and none is sent twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from apps.budgets.models import Alert, ThresholdCrossing
from apps.budgets.outlook import pace
from apps.budgets.services import settle_all
from apps.budgets.services.alerts import deliver_alerts, record_forecasts
from apps.budgets.types import Resolution
from tests.budgets.conftest import NOW, SHOP, held, make_budget
from tests.fakes.mail import mail_server

pytestmark = pytest.mark.django_db
START, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at_day(day):
    return pace(posted=100, starts_at=START, ends_at=END, now=START + day * DAY)


def test_a_forecast_is_the_pace_so_far_to_the_end():
    assert at_day(15.5) == 200
    assert at_day(31 / 20) == 2000
    assert at_day(1.5) is None  # less than a twentieth says nothing
    assert at_day(31) is None


def test_a_forecast_tells_before_the_money_is_gone():
    make_budget(limit_pico=1000, bases=["forecast"])
    settle_all(resolutions=[Resolution(held(200), 110)], now=NOW)  # 3.5 of 31 days

    assert record_forecasts(now=NOW) == 3  # 974: 50, 80 and 95 %
    assert record_forecasts(now=NOW + timedelta(minutes=1)) == 0

    assert set(ThresholdCrossing.objects.values_list("basis", "used_pico")) == {("forecast", 974)}


def test_a_forecast_beyond_64_bits_is_told_like_any_other():
    dear, most = make_budget("dear", 2 * 10**18, model="gpt-mini"), 2 * 10**18 * 31 * 2 // 7
    make_budget("small", 1000, model="nano")
    spends = {"gpt-mini": 2 * 10**18, "nano": 110}  # 3.5 of 31 days
    for model, amount in spends.items():
        hold_id = held(amount, scope=replace(SHOP, model=model))
        settle_all(resolutions=[Resolution(hold_id, amount)], now=NOW)

    assert record_forecasts(now=NOW) == 4 + 3

    of_dear = ThresholdCrossing.objects.filter(window__budget=dear, basis="forecast")
    assert set(of_dear.values_list("used_pico", flat=True)) == {most}


def test_a_message_goes_to_the_budgets_addresses_once():
    make_budget(limit_pico=10**12, notify=["finance@example.com"], bases=["committed"])
    held(6 * 10**11)

    assert deliver_alerts(now=NOW) == 1
    assert deliver_alerts(now=NOW + DAY) == 0

    (message,) = mail.outbox
    assert message.to == ["finance@example.com"]
    assert message.subject == "Budget shop-monthly: 50 % reached"
    assert "$0.600000" in message.body
    assert Alert.objects.get().delivered_at == NOW


def test_without_addresses_it_goes_to_the_log_only():
    make_budget(limit_pico=100, thresholds=[50])
    held(60)

    assert deliver_alerts(now=NOW) == 1
    assert mail.outbox == []


def test_an_address_that_is_none_keeps_no_alert_from_others(settings):
    make_budget("typo", limit_pico=100, thresholds=[50], notify=["finance@example..com"])
    make_budget("right", limit_pico=100, thresholds=[50], notify=["finance@example.com"])
    held(60)
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        assert deliver_alerts(now=NOW) == 1
    assert "finance@example..com" in Alert.objects.get(delivered_at=None).error


def test_a_mail_server_that_is_away_is_tried_again(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    make_budget(limit_pico=100, thresholds=[50], notify=["finance@example.com"])
    held(60)

    assert deliver_alerts(now=NOW) == 0
    alert = Alert.objects.get()
    assert (alert.tries, alert.next_try_at) == (1, NOW + timedelta(minutes=1))
    assert "refused" in alert.error
    assert deliver_alerts(now=NOW + timedelta(minutes=1)) == 0
    assert Alert.objects.get().next_try_at == NOW + timedelta(minutes=3)

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliver_alerts(now=NOW + timedelta(minutes=2)) == 0
    assert deliver_alerts(now=NOW + timedelta(minutes=3)) == 1
