"""Scripts of staff write prompts through the same services as the admin."""

import pytest
from django.test import Client

from apps.prompts.models import Prompt, PromptVersion, Release
from tests.factories import make_key, make_service
from tests.prompts.conftest import CONTENT, make_draft, make_live, make_sealed, saying

pytestmark = pytest.mark.django_db
URL = "/api/v1/manage/prompts/"


def post(user, path, **body):
    client = Client()
    client.force_login(user)
    return client.post(f"{URL}{path}", body, content_type="application/json")


def test_from_nothing_to_live(engineer, approver):
    assert post(engineer, "", slug="gift", name="Gift").status_code == 201
    draft = post(engineer, "gift/versions/", **CONTENT)
    assert (draft.status_code, draft.json()["status"]) == (201, "draft")
    sealed = post(engineer, "gift/seal/", version=1, note="First.")
    assert (sealed.status_code, sealed.json()["status"]) == (200, "sealed")
    staged = post(engineer, "gift/release/", version=1, channel="staging", reason="Try.")
    assert staged.status_code == 201
    live = post(approver, "gift/release/", version=1, channel="production", reason="Good.")

    assert (live.status_code, live.json()["version"]) == (201, 1)
    assert Release.objects.get(channel__slug="production").actor == approver


def test_a_protected_channel_needs_the_permission(prompt, engineer):
    make_sealed(prompt)

    answer = post(engineer, "product-text/release/", version=1, channel="production", reason="Now.")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert not Release.objects.exists()


def test_rolling_back(prompt, approver):
    make_live(prompt, saying("One"))
    make_live(prompt, saying("Two"))

    answer = post(approver, "product-text/rollback/", channel="production", reason="Worse.")

    assert (answer.status_code, answer.json()["version"], answer.json()["kind"]) == (
        201,
        1,
        "rollback",
    )


def test_all_faults_come_at_once(prompt, engineer):
    content = CONTENT | {"messages": [{"role": "robot", "content": "{{ x"}], "parameters": {"n": 2}}
    post(engineer, "product-text/versions/", **content)

    answer = post(engineer, "product-text/seal/", version=1, note="x")

    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/messages/0/role",
        "/messages/0/content",
        "/parameters",
    }


@pytest.mark.parametrize("path", ["", "product-text/versions/", "product-text/seal/"])
def test_an_approver_does_not_edit(prompt, approver, path):
    make_draft(prompt)

    assert post(approver, path, slug="x", name="x").status_code == 403
    assert (Prompt.objects.count(), PromptVersion.objects.get().status) == (1, "draft")


def test_strangers_and_services_stay_outside(prompt):
    key = make_key(make_service())

    for client in (Client(), Client(headers={"authorization": f"Bearer {key}"})):
        assert client.get(URL).status_code in (401, 403)
        for path in ("", "product-text/versions/", "product-text/release/"):
            answer = client.post(f"{URL}{path}", {}, content_type="application/json")
            assert answer.status_code in (401, 403)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("product-text/versions/", {"messages": "x", "model": 5}, 400),
        ("product-text/versions/", {**CONTENT, "surprise": 1}, 400),
        ("product-text/seal/", {"version": 7, "note": "x"}, 404),
        ("nope/seal/", {"version": 1, "note": "x"}, 404),
        ("product-text/release/", {"version": 1, "channel": "nowhere", "reason": "x"}, 400),
        ("product-text/rollback/", {"channel": "staging", "reason": "x"}, 422),
    ],
)
def test_bad_requests_are_refused_clearly(prompt, engineer, path, body, status):
    assert post(engineer, path, **body).status_code == status


def test_what_may_be_left_out_is_part_of_a_version(prompt, engineer):
    fit = {"steps": [{"truncate": "product", "keep": 5}]}
    assert post(engineer, "product-text/versions/", **CONTENT, fit=fit).status_code == 201
    assert PromptVersion.objects.get().fit == fit
    assert post(engineer, "product-text/seal/", version=1, note="First.").status_code == 200

    wrong = CONTENT | {"fit": {"steps": [{"truncate": "nobody"}]}}
    post(engineer, "product-text/versions/", **wrong)
    answer = post(engineer, "product-text/seal/", version=2, note="x")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/fit/steps/0/truncate"]


def get(user, path):
    client = Client()
    client.force_login(user)
    return client.get(f"{URL}{path}")


def test_content_is_checked_without_storing_it(prompt, engineer):
    answer = post(
        engineer, "product-text/validate/", **CONTENT | {"parameters": {"n": 2}, "model": "new"}
    )

    assert [fault["pointer"] for fault in answer.json()["faults"]] == ["/parameters"]
    assert answer.json()["warnings"] == []  # which routes there are, a release asks
    assert not PromptVersion.objects.exists()


def test_a_version_leaves_as_a_file_and_comes_back_as_a_draft(prompt, engineer):
    version = make_live(prompt).version

    text = get(engineer, "product-text/file/")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    changed = text.content.decode().replace("short texts", "long texts")
    answer = post(engineer, "files/", file=changed)

    assert (answer.status_code, answer.json()["number"]) == (201, 2)
    assert PromptVersion.objects.get(number=2).status == "draft"
    again = post(engineer, "files/", file=text.content.decode())
    assert again.json()["number"] == version.number


def test_a_file_makes_a_prompt_that_is_new(engineer, prompt):
    make_live(prompt)
    text = get(engineer, "product-text/file/?number=1").content.decode()

    answer = post(engineer, "files/", file=text.replace("slug: product-text", "slug: gift"))

    assert answer.status_code == 201
    assert PromptVersion.objects.get(prompt__slug="gift").status == "draft"


@pytest.mark.parametrize(
    ("query", "status"),
    [("?number=7", 404), ("?number=x", 400), ("?number=" + "9" * 5_000, 400), ("", 404)],
)
def test_a_file_of_what_is_not_there(prompt, engineer, query, status):
    assert get(engineer, f"product-text/file/{query}").status_code == status


def test_a_file_that_is_none_is_refused_with_its_line(engineer):
    answer = post(engineer, "files/", file="---\nslug: a\nslug: b\n---\n")

    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (
        400,
        "Line 3: slug stands twice.",
    )
