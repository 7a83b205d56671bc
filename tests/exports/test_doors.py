"""Who may ask, see and download: in the admin and by API."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pghistory.models import Events
from rest_framework.test import APIClient

from apps.exports.making import work_off
from apps.exports.models import Download, Export
from tests.exports.conftest import NOW, content, person
from tests.factories import make_key, make_service
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "from=2026-03-01&to=2026-03-31&group_by=team"
ASK = "/admin/exports/export/ask/"
LIST = "/admin/exports/export/"
API, STAFF = "/api/v1/costs/exports/", "/api/v1/manage/costs/exports/"


def signed_in(role, name=""):
    client = Client()
    client.user = person(role, name)
    client.force_login(client.user)
    return client


def ask(client, form="csv", question=QUESTION):
    return client.post(ASK, {"question": question, "format": form})


def key_of(service):
    return APIClient(headers={"authorization": f"Bearer {make_key(make_service(service))}"})


def post(client, question=QUESTION, form="csv", address=API):
    body = {"question": question, "format": form}
    return client.post(address, json.dumps(body), content_type="application/json")


def test_from_the_report_to_the_file(books):
    booked("shop", AT, 10**12)
    fiona = signed_in("finance")
    report = fiona.get(f"/admin/costs/?{QUESTION}").content.decode()
    assert f"{ASK}?from=2026-03-01&amp;to=2026-03-31&amp;group_by=team" in report
    page = fiona.get(f"{ASK}?{QUESTION}").content.decode()
    assert "Costs by team, 2026-03-01 to 2026-03-31" in page

    sent = ask(fiona)
    export = Export.objects.get()
    one = f"{LIST}{export.pk}/change/"
    assert (sent.status_code, sent.url) == (302, one)
    waiting = fiona.get(one)
    assert "It waits for a worker" in waiting.content.decode()
    assert waiting.headers["Refresh"] == "5"
    assert fiona.get(f"{LIST}{export.pk}/file/").status_code == 404

    work_off()
    assert "Refresh" not in fiona.get(one).headers
    page = fiona.get(one).content.decode()
    assert f"{LIST}{export.pk}/file/" in page
    assert "$1.00" in page
    answer = fiona.get(f"{LIST}{export.pk}/file/")
    assert b"".join(answer) == content(export)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="costs-csv-')
    assert "Download" in fiona.get(LIST).content.decode()


def test_downloads_are_in_the_audit_log(books):
    fiona = signed_in("finance")
    ask(fiona)
    work_off()
    export = Export.objects.get()
    b"".join(fiona.get(f"{LIST}{export.pk}/file/"))
    taken = Download.objects.get()
    assert (taken.export, taken.by) == (export, fiona.user)
    events = Events.objects.filter(pgh_model__startswith="exports.")
    labels = [(event.pgh_model, event.pgh_label) for event in events.order_by("pgh_created_at")]
    assert labels.count(("exports.DownloadEvent", "insert")) == 1
    assert labels.count(("exports.ExportEvent", "insert")) == 1
    assert "finance" in fiona.get(f"{LIST}{export.pk}/change/").content.decode()


def test_the_audit_log_names_who_took_a_file_away(books):
    booked("shop", AT, 5)
    fiona, shop = signed_in("finance", "Fiona"), key_of("shop")
    made = post(shop)["Location"]
    work_off()
    taken = shop.get(made).json()["file"]
    b"".join(shop.get(taken))
    b"".join(fiona.get(f"{LIST}{Export.objects.get().pk}/file/"))

    log = signed_in("auditor").get("/admin/audit/auditentry/?table=exports.Download")

    names = [log.context["cl"].model_admin.who(row) for row in log.context["cl"].result_list]
    assert names == ["Fiona", "service shop"]


def test_who_only_asks_whether_a_file_is_there_takes_nothing_away(books):
    booked("shop", AT, 5)
    fiona, shop = signed_in("finance"), key_of("shop")
    made = post(shop)["Location"]
    work_off()
    doors = (shop, shop.get(made).json()["file"]), (fiona, f"{LIST}{Export.objects.get().pk}/file/")
    assert [client.head(file).status_code for client, file in doors] == [200, 200]
    assert not Download.objects.exists()


def test_others_see_nothing_of_it_but_finance_does(books):
    olga = signed_in("operator")
    ask(olga)
    work_off()
    export = Export.objects.get()
    stranger, fiona = signed_in("auditor"), signed_in("finance")
    assert stranger.get(f"{LIST}{export.pk}/file/").status_code == 404
    assert stranger.get(f"{LIST}{export.pk}/change/").status_code == 302  # “doesn't exist”
    assert stranger.post(f"{LIST}{export.pk}/stop/").status_code == 404
    assert list(stranger.get(LIST).context["cl"].result_list) == []
    assert stranger.get(f"{STAFF}{export.pk}/").status_code == 404
    assert stranger.get(f"{STAFF}{export.pk}/file/").status_code == 404
    assert Download.objects.count() == 0
    assert fiona.get(f"{LIST}{export.pk}/file/").status_code == 200
    assert fiona.get(f"{STAFF}{export.pk}/file/").status_code == 200


@pytest.mark.parametrize(
    ("question", "form", "fault"),
    [
        ("group_by=planet", "csv", "Unknown: “planet”"),
        (QUESTION, "doc", "Choose a format."),
        (QUESTION, "", "Choose a format."),
    ],
)
def test_a_wrong_question_is_told(books, question, form, fault):
    answer = ask(signed_in("finance"), form, question)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert not Export.objects.exists()


def test_a_second_one_waits_its_turn(books):
    fiona = signed_in("finance")
    ask(fiona)
    second = ask(fiona)
    assert second.status_code == 400
    assert "one at a time" in second.content.decode()
    export = Export.objects.get()
    assert fiona.post(f"{LIST}{export.pk}/stop/").status_code == 302
    export.refresh_from_db()
    assert export.error == "Stopped by finance."
    assert ask(fiona).status_code == 302


def test_a_range_by_name_is_that_of_the_day_on_which_it_was_asked(books):
    ask(signed_in("finance"), question="range=7d&group_by=team")
    assert "range" not in Export.objects.get().question
    assert "from=" in Export.objects.get().question


def test_nobody_without_the_right(books):
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(f"{ASK}?{QUESTION}").status_code == 403
    assert ask(client).status_code == 403
    assert client.get(LIST).status_code == 403
    assert post(client, address=STAFF).status_code == 403
    assert APIClient().get(API).status_code == 401
    assert not Export.objects.exists()


def test_a_service_exports_its_own_costs(books):
    booked("shop", AT, 5)
    booked("crm", AT, 7)
    shop, crm = key_of("shop"), key_of("crm")
    made = post(shop)
    assert made.status_code == 202
    assert made.json()["status"] == "queued"
    one = made["Location"]
    work_off()
    answer = shop.get(one).json()
    assert (answer["status"], answer["total_usd"]) == ("done", "0.000000000005")
    data = b"".join(shop.get(answer["file"]))
    assert b"total,0.000000000005" in data
    assert shop.get(API).json()["results"] == [answer]
    assert crm.get(API).json()["results"] == []
    assert crm.get(one).status_code == crm.get(answer["file"]).status_code == 404
    assert Download.objects.get().service == "shop"
    assert signed_in("finance").get(f"{LIST}{answer['id']}/file/").status_code == 200


def test_faults_of_a_body_all_at_once(books):
    shop = key_of("shop")
    answer = post(shop, "group_by=planet&metric=joy&service=crm", "doc")
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/format"]
    answer = post(shop, "group_by=planet&metric=joy")
    assert len(answer.json()["errors"]) == 2
    answer = post(shop, "service=crm")
    assert "A key sees its own service only" in answer.json()["errors"][0]["detail"]
    assert post(shop).status_code == 202
    assert (post(shop).status_code, post(shop).json()["code"]) == (409, "export_refused")


def test_staff_by_api(books):
    booked("shop", AT, 5)
    fiona = signed_in("finance")
    made = post(fiona, address=STAFF)
    assert made.status_code == 202, made.content
    work_off()
    answer = fiona.get(made["Location"]).json()
    assert (answer["maker"], answer["file"].endswith("/file/")) == ("finance", True)
    assert b"".join(fiona.get(answer["file"])) == content(Export.objects.get())
    assert Export.objects.get().made_at > NOW
