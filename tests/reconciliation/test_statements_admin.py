"""Statements in the admin: finance uploads, looks, decides and signs off; others may not."""

import csv
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.core.money import pico_from_usd, short_usd
from apps.ledger.adjusting import approve_adjustment
from apps.ledger.models import Adjustment, Entry
from apps.reconciliation.models import Decision, Source, Statement
from tests.factories import make_provider
from tests.reconciliation.month import (
    NOW,
    agreeing,
    book_month,
    booked,
    imported,
    make_provider_with_models,
    text_of,
)
from tests.reconciliation.test_planted_errors import PLANTS

pytestmark = pytest.mark.django_db
LIST = reverse("admin:reconciliation_statement_changelist")
ADD = reverse("admin:reconciliation_statement_add")


@pytest.fixture
def acme(settings):
    provider = make_provider_with_models()
    book_month()
    return provider


def log_in(client, name="fiona", role="finance"):
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    user.groups.set([Group.objects.get(name=role)])
    client.force_login(user)
    return user


def with_errors():
    lines = agreeing()
    for plant in PLANTS:
        plant(lines)
    return text_of(lines.values())


def upload(client, provider, text, **more):
    file = SimpleUploadedFile("march.csv", text.encode())
    return client.post(ADD, {"provider": provider.pk, "costs": file, **more}, follow=True)


def do(client, statement, what, **values):
    url = reverse("admin:reconciliation_statement_action", args=[statement.pk, what])
    return client.post(url, {"confirmed": "1", "reason": "seen"} | values, follow=True)


def page_of(client, statement, **asked):
    url = reverse("admin:reconciliation_statement_change", args=[statement.pk])
    return client.get(url, asked).content.decode()


def test_signing_off_warns_of_what_keeps_the_month_open(client, acme):
    log_in(client)
    lines = agreeing()
    whole = sum(line.pico for line in lines.values())
    line = lines[5, "large", "input"]
    url = "admin:reconciliation_statement_action"

    lines[5, "large", "input"] = replace(line, pico=line.pico + whole // 1010)
    statement = imported(text_of(lines.values()), acme)
    page = client.get(reverse(url, args=[statement.pk, "sign"])).content.decode()
    assert "l-warning" not in page

    lines[5, "large", "input"] = replace(line, pico=line.pico + whole * 37 // 963)
    statement = imported(text_of(lines.values()), acme)
    page = client.get(reverse(url, args=[statement.pk, "sign"])).content.decode()
    assert "that acme bills (3.70%) is not explained. A month does not close with more" in page
    assert f"{short_usd(whole * 37 // 963)} of the" in page


def test_the_page_says_that_the_books_changed_since(client, acme):
    log_in(client, role="auditor")
    statement = imported(text_of(agreeing().values()), acme)
    assert "The books changed" not in page_of(client, statement)
    booked("acme", "large", datetime(2026, 3, 9, tzinfo=UTC), {"out_text": 1}).save()
    page = page_of(client, statement)
    assert "The books changed since it was compared: compare it again" in page

    log_in(client)
    assert "Compare it again, and look" in do(client, statement, "sign").content.decode()
    assert "as they are now" in do(client, statement, "compare").content.decode()
    assert "The books changed" not in page_of(client, statement)
    assert "1 signed off." in do(client, statement, "sign").content.decode()
    booked("acme", "large", datetime(2026, 3, 9, tzinfo=UTC), {"out_text": 1}).save()
    assert "The books changed since it was signed off" in page_of(client, statement)


def test_an_empty_list_says_what_to_do(client, db):
    log_in(client)
    page = client.get(LIST).content.decode()
    assert "Upload a statement" in page
    assert ADD in page


def test_from_the_file_to_the_sign_off(client, acme):
    log_in(client)
    page = upload(client, acme, with_errors()).content.decode()
    statement = Statement.objects.get()
    assert statement.status == "draft"
    assert "This is what would happen" in page
    assert "nobody-knows-me, output" in page
    assert "39.0" not in page

    assert "1 imported." in do(client, statement, "take_in").content.decode()
    statement.refresh_from_db()
    assert statement.status == "open"

    url = reverse("admin:reconciliation_statement_decide", args=[statement.pk])
    assert client.get(url, {"line": "9" * 5000}).status_code == 302
    asked = client.get(url, {"choice": "book", "scope": "all"})
    assert "Ask for these adjustments" in asked.content.decode()
    answer = client.post(
        url, {"choice": "book", "line": asked.context["ids"], "reason": "as billed"}, follow=True
    )
    assert "6 adjustments asked for" in answer.content.decode()
    # of three models and of none, with credits and discounts apart
    assert sum(Adjustment.objects.values_list("amount_pico", flat=True)) == (
        statement.theirs_pico - statement.ours_pico
    )
    assert not Entry.objects.exclude(kind="charge").exists()
    assert "wait for approval" in do(client, statement, "sign").content.decode()

    other = log_in(client, "gunnar")
    for row in Adjustment.objects.all():
        approve_adjustment(adjustment_id=row.pk, by=other, now=NOW)
    assert "1 signed off." in do(client, statement, "sign").content.decode()
    statement.refresh_from_db()
    assert (statement.status, statement.unexplained_pico) == ("signed", 0)
    assert "Signed off by gunnar" in page_of(client, statement)
    amounts = Entry.objects.exclude(kind="charge").values_list("amount_pico", flat=True)
    assert sum(amounts) == statement.theirs_pico - statement.ours_pico


def test_explaining_books_nothing(client, acme):
    log_in(client)
    statement = imported(with_errors(), acme)
    row = statement.differences.get(tax_pico__gt=0)
    url = reverse("admin:reconciliation_statement_decide", args=[statement.pk])
    client.get(url, {"choice": "explain", "line": row.pk})
    client.post(url, {"choice": "explain", "line": row.pk, "reason": "taxes are booked elsewhere"})

    decided = Decision.objects.get()
    assert (decided.choice, decided.amount_pico) == ("explain", row.difference_pico)
    assert not Adjustment.objects.exists()
    assert "taxes are booked elsewhere" in page_of(client, statement)


def test_filters_leave_what_was_asked_for(client, acme):
    log_in(client)
    statement = imported(with_errors(), acme)

    tokens = page_of(client, statement, column="tokens")
    assert "2026-03-08" in tokens
    assert "2026-03-10" not in tokens
    assert "No line is like that." in page_of(client, statement, state="booked")
    assert "2026-03-15" in page_of(client, statement, column="nonsense", page="99")


def test_faults_are_told_at_once_with_their_lines(client, acme):
    log_in(client)
    text = text_of(agreeing().values()).splitlines()
    text[3] = text[3].replace("2026-03-", "2026-13-")
    text[5] = ",".join([*text[5].split(",")[:5], '"0,15"', "usage", "prod"])

    answer = upload(client, acme, "\n".join(text))

    page = answer.content.decode()
    assert answer.status_code == 400
    assert '<td class="l-n">4</td>' in page
    assert '<td class="l-n">6</td>' in page
    assert "2 faults in the files." in page
    assert not Statement.objects.exists()


def test_a_draft_is_thrown_away_by_post_alone(client, acme):
    log_in(client)
    upload(client, acme, with_errors())
    statement = Statement.objects.get()
    url = reverse("admin:reconciliation_statement_action", args=[statement.pk, "discard"])

    client.get(url)
    assert Statement.objects.exists()
    client.post(url)
    assert not Statement.objects.exists()


def test_agreement_says_so(client, acme):
    log_in(client)
    statement = imported(text_of(agreeing().values()), acme)
    assert "All 186 lines agree, to the last pico-dollar." in page_of(client, statement)


def test_a_provider_without_a_format_says_where_to_describe_it(client, db):
    log_in(client)
    page = upload(client, make_provider(slug="local"), "a,b\n1,2\n").content.decode()
    assert "Say first how files of local are read" in page


@pytest.mark.parametrize("role", ["operator", "auditor", "prompt-engineer", "service-developer"])
def test_other_roles_change_nothing(client, acme, role):
    statement = imported(with_errors(), acme)
    log_in(client, "other", role)
    row = statement.differences.get(tax_pico__gt=0)
    decide = reverse("admin:reconciliation_statement_decide", args=[statement.pk])

    assert upload(client, acme, "x").status_code == 403
    assert do(client, statement, "sign").status_code == 403
    assert do(client, statement, "compare").status_code == 403
    assert client.post(decide, {"line": row.pk, "reason": "x"}).status_code == 403
    sees = client.get(reverse("admin:reconciliation_statement_change", args=[statement.pk]))
    assert sees.status_code == (200 if role == "auditor" else 403)
    assert "Book the difference" not in sees.content.decode()
    assert not Decision.objects.exists()


def test_words_that_nobody_understands_are_named_once(client, acme):
    log_in(client)
    statement = imported(with_errors(), acme)
    source = Source.objects.get()
    form = client.get(reverse("admin:reconciliation_source_change", args=[source.pk]))
    assert form.status_code == 200
    large = acme.deployments.get(slug="large-eu").model
    source.names.create(item="nobody-knows-me, output", model=large, meter="out_text")

    assert "nobody-knows-me" in page_of(client, statement)
    do(client, statement, "compare")

    assert "nobody-knows-me" not in page_of(client, statement)
    assert not statement.differences.exclude(rest_pico=0).exists()


def test_the_csv_adds_up(client, acme):
    log_in(client)
    statement = imported(with_errors(), acme)
    url = reverse("admin:reconciliation_statement_csv", args=[statement.pk])
    rows = list(csv.reader(b"".join(client.get(url).streaming_content).decode().splitlines()))

    head = rows[3]
    *lines, total = [dict(zip(head, row, strict=True)) for row in rows[4:]]
    assert len(lines) == 17
    for name in head[5:]:
        assert pico_from_usd(total[name]) == sum(pico_from_usd(line[name]) for line in lines)
    assert pico_from_usd(total["difference_usd"]) == statement.theirs_pico - statement.ours_pico
    only = b"".join(client.get(url, {"column": "tax"}).streaming_content).decode()
    assert len(only.splitlines()) == 6
