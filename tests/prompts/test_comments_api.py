"""Comments by scripts of staff: the same rules as on the page."""

import pytest
from django.test import Client

from apps.prompts import services
from apps.prompts.models import LineComment
from tests.factories import make_key, make_service
from tests.prompts.conftest import browser, content, make_draft, make_person, saying

pytestmark = pytest.mark.django_db
URL = "/api/v1/manage/prompts/product-text/versions/1/comments/"
SAID = {"message": 2, "line": 1, "text": "Which product?"}


@pytest.fixture
def draft(prompt):
    return make_draft(prompt, content())


def post(client, path="", **body):
    return client.post(f"{URL}{path}", body, content_type="application/json")


def test_a_thread_from_the_first_word_to_its_end(draft, approver, desk):
    readers = browser(approver)
    made = post(readers, **SAID)
    assert made.status_code == 201, made.content
    pk = made.json()["id"]

    answered = post(desk, f"{pk}/answer/", text="Any.")
    assert answered.status_code == 201
    assert [one["author"] for one in answered.json()["answers"]] == ["engineer"]
    assert post(desk, f"{pk}/resolve/").json()["is_open"] is False
    assert post(readers, f"{pk}/reopen/").json()["resolved_by"] is None

    (thread,) = readers.get(URL).json()
    assert {key: thread[key] for key in ("author", "quote", "message", "line", "is_open")} == {
        "author": "approver",
        "quote": "Describe {{ product }}.",
        "message": 2,
        "line": 1,
        "is_open": True,
    }


def test_where_a_line_was_and_is_now(draft, approver):
    readers = browser(approver)
    post(readers, **SAID)
    services.save_draft(version=draft, content=saying("Praise"))

    (thread,) = readers.get(URL).json()

    assert (thread["message"], thread["line"]) == (None, None)
    assert (thread["was_message"], thread["was_line"]) == (2, 1)


def test_what_is_refused_names_everything(draft, approver):
    readers = browser(approver)

    wrong = post(readers, message=2, line=9, text="x")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "no_line")
    assert post(readers, message=0, line="a", more=1).status_code == 400
    for path in ("999/resolve/", "999/answer/"):
        assert post(readers, path, **({"text": "x"} if "answer" in path else {})).status_code == 404
    assert readers.get(URL.replace("/1/", "/7/")).status_code == 404
    assert readers.get(URL.replace("/1/", "/99999999999999999999/")).status_code == 404
    assert not LineComment.objects.exists()


def test_who_may_do_what(draft, approver):
    pk = post(browser(approver), **SAID).json()["id"]
    auditor, finance = (browser(make_person(role, role)) for role in ("auditor", "finance"))
    service = Client(headers={"authorization": f"Bearer {make_key(make_service())}"})

    assert auditor.get(URL).status_code == 200
    for client in (auditor, finance):
        assert post(client, **SAID).status_code == 403
        assert post(client, f"{pk}/resolve/").status_code == 403
    for client in (finance, service, Client()):
        assert client.get(URL).status_code in (401, 403)
    assert LineComment.objects.get().resolved_at is None
