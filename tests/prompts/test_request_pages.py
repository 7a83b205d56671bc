"""Asking for a release and deciding it, in the admin."""

import pytest
from django.urls import reverse

from apps.prompts.models import Freeze, Release, ReleaseRequest
from tests.prompts.conftest import (
    NOW,
    action,
    browser,
    go_live,
    make_person,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(prompt, production, engineer):
    """The engineer asks, by hand, for a version that somebody else wrote."""
    production.approvals = 1
    production.save()
    go_live(make_sealed(prompt, saying("Old")))
    version = make_sealed(prompt, saying("New"))
    values = {"channel": production.pk, "kind": "release", "reason": "Sounds better"}
    browser(engineer).post(action("promptversion", version.pk, "request_release"), values)
    return ReleaseRequest.objects.get()


def links(client, asked):
    html = client.get(page("releaserequest", asked.pk)).content.decode()
    return {name for name in ("approve", "reject", "withdraw") if f"/do/{name}/" in html}


def test_the_page_shows_what_would_change(asked, approver):
    html = browser(approver).get(page("releaserequest", asked.pk)).content.decode()

    assert "Sounds better" in html
    assert "<del>Old {{ product }}.</del>" in html
    assert "<ins>New {{ product }}.</ins>" in html


def test_a_first_release_shows_all_of_its_words(prompt, production, engineer, approver):
    version = make_sealed(prompt, saying("New"))
    values = {"channel": production.pk, "kind": "release", "reason": "The first"}
    browser(engineer).post(action("promptversion", version.pk, "request_release"), values)

    html = browser(approver).get(page("releaserequest", ReleaseRequest.objects.get().pk)).content

    assert "<ins>New {{ product }}.</ins>" in html.decode()


def test_each_is_offered_what_they_can_do(asked, approver, engineer):
    assert links(browser(approver), asked) == {"approve", "reject"}
    assert links(browser(engineer), asked) == {"withdraw"}
    assert links(browser(make_person("eve", "auditor")), asked) == set()


def test_an_open_request_stands_on_its_prompt_and_its_version(asked, approver):
    address = page("releaserequest", asked.pk)
    desk = browser(approver)
    pages = (page("prompt", asked.prompt_id), page("promptversion", asked.version_id))

    for one in pages:
        html = desk.get(one).content.decode()
        assert address in html
        assert "production: waiting for approval" in html

    desk.post(action("releaserequest", asked.pk, "reject"), {"reason": "Too long"})
    assert [address in desk.get(one).content.decode() for one in pages] == [False, False]


def test_the_history_names_who_asked_and_who_approved(asked, approver, engineer):
    desk = browser(approver)
    desk.post(action("releaserequest", asked.pk, "approve"), {"comment": "Yes"})

    for one in (
        page("prompt", asked.prompt_id),
        page("release", Release.objects.latest("id").pk),
        reverse("admin:prompts_release_changelist"),
        reverse("admin:channel_course", args=[asked.prompt_id, "production"]),
    ):
        html = desk.get(one).content.decode()
        assert f"{engineer}, approved by {approver}" in html, one


def test_an_approver_lets_it_go_live(asked, approver):
    desk = browser(approver)
    shown = desk.get(action("releaserequest", asked.pk, "approve"))
    assert "<ins>New {{ product }}.</ins>" in shown.content.decode()

    answer = desk.post(
        action("releaserequest", asked.pk, "approve"), {"comment": "Well said"}, follow=True
    )

    assert Release.objects.get(ended_at=None).version == asked.version
    html = answer.content.decode()
    assert "is released." in html
    assert "Well said" in html
    assert links(desk, asked) == set()


def test_a_rejection_needs_a_reason(asked, approver):
    desk = browser(approver)
    desk.post(action("releaserequest", asked.pk, "reject"), {"reason": ""})
    asked.refresh_from_db()
    assert asked.state == "waiting"

    desk.post(action("releaserequest", asked.pk, "reject"), {"reason": "Too loud"})
    assert "Too loud" in desk.get(page("releaserequest", asked.pk)).content.decode()


def test_who_asked_cannot_post_an_approval(asked, engineer):
    answer = browser(engineer).post(action("releaserequest", asked.pk, "approve"), {})

    assert answer.status_code == 403
    asked.refresh_from_db()
    assert asked.state == "waiting"


def test_a_direct_release_is_told_the_way(asked, approver, production):
    answer = browser(approver).post(
        action("promptversion", asked.version_id, "release_to"),
        {"channel": production.pk, "reason": "Now"},
    )

    assert "1 person must approve each release. Request it instead." in answer.content.decode()


def test_a_freeze_is_set_on_the_channel(root, production):
    form = {"name": "Production", "approvals": 0, "protected": "on"}
    freeze = {
        "freezes-TOTAL_FORMS": 1,
        "freezes-INITIAL_FORMS": 0,
        "freezes-0-starts_at_0": f"{NOW:%Y-%m-%d}",
        "freezes-0-starts_at_1": "12:00:00",
        "freezes-0-ends_at_0": f"{NOW:%Y-%m-%d}",
        "freezes-0-ends_at_1": "18:00:00",
        "freezes-0-reason": "Sale",
    }
    root.post(page("channel", production.pk), {"slug": "production", **form, **freeze})

    assert Freeze.objects.get().reason == "Sale"


def test_the_list_is_empty_and_says_so(root):
    html = root.get(reverse("admin:prompts_releaserequest_changelist")).content.decode()

    assert "Nobody has asked to release anything yet." in html


def test_the_home_page_tells_who_can_decide(asked, approver, engineer):
    line = "Releases wait for your decision"

    assert line in browser(approver).get("/admin/").content.decode()
    assert line not in browser(engineer).get("/admin/").content.decode()
    browser(approver).post(action("releaserequest", asked.pk, "approve"), {"comment": ""})
    assert line not in browser(approver).get("/admin/").content.decode()
