"""Comments on the pages of versions, of comparisons and of requests: who sees and may do what."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from apps.prompts import services
from apps.prompts.admin.comments import SHOWN, comments_url
from apps.prompts.models import LineComment
from apps.prompts.threads import mark_of
from tests.prompts.conftest import (
    NOW,
    action,
    browser,
    content,
    make_draft,
    make_live,
    make_person,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(prompt):
    return make_draft(prompt)


@pytest.fixture
def readers(approver):
    return browser(approver)


def say(client, version, on="2.1", text="Which product?", line="Describe {{ product }}."):
    given = {"do": "comment", "on": on, "text": text, "seen": mark_of(line)}
    return client.post(comments_url(version), given)


def comment(version, by, text="Which product?"):
    return services.comment_on(version=version, message=2, line=1, text=text, by=by, now=NOW)


def html(client, url, **query):
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_reviewer_comments_answers_resolves_and_opens_again(readers, desk, draft):
    url = comments_url(draft)
    assert 'name="text" id="say"' not in html(readers, url)
    assert 'name="text" id="say"' in html(readers, url, on="2.1")

    answer = say(readers, draft)
    row = LineComment.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{url}#comment-{row.pk}")

    desk.post(url, {"do": "answer", "comment": row.pk, "text": "Any.\r\nReally."})
    shown = html(desk, url)
    assert "1 open comment" in shown
    assert "Any.\nReally." in shown
    desk.post(url, {"do": "resolve", "comment": row.pk})
    assert "all resolved" in html(desk, url)
    readers.post(url, {"do": "reopen", "comment": row.pk})
    assert "1 open comment" in html(desk, url)


def test_what_is_refused_is_told_and_the_text_is_kept(readers, draft):
    services.save_draft(version=draft, content=saying("Praise"))

    answer = say(readers, draft, on="1.1", text="I <b>mind</b> this.", line="Describe it.")

    text = answer.content.decode()
    assert "this line says something else now" in text
    assert "I &lt;b&gt;mind&lt;/b&gt; this.</textarea>" in text
    assert not LineComment.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        {"do": "comment", "on": "x", "text": "x"},
        {"do": "comment", "on": "9" * 400 + ".1", "text": "x"},
        {"do": "comment", "on": "2.1", "text": ""},
        {"do": "answer", "comment": "9" * 400, "text": "x"},
        {"do": "answer", "comment": "é", "text": "x"},
        {"do": "delete", "comment": "1"},
        {},
    ],
)
def test_other_requests_write_nothing(readers, draft, given):
    assert readers.post(comments_url(draft), given).status_code in (200, 403, 404)
    assert not LineComment.objects.exists()


def test_a_thread_of_another_version_is_not_reached_from_here(readers, draft, prompt, approver):
    row = comment(make_sealed(prompt), approver)

    answer = readers.post(comments_url(draft), {"do": "resolve", "comment": row.pk})

    assert answer.status_code == 404
    row.refresh_from_db()
    assert row.resolved_at is None


@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("finance", 403)])
def test_those_who_only_read_see_no_forms_and_others_nothing(draft, approver, role, status):
    comment(draft, approver)
    client = browser(make_person("reader", role))

    answer = client.get(comments_url(draft), {"on": "2.1"})

    assert answer.status_code == status
    if status == 200:
        text = answer.content.decode()
        assert "Which product?" in text
        assert 'name="do"' not in text
        assert "Comment on line" not in text
    assert say(client, draft).status_code in (200, 403)
    assert LineComment.objects.count() == 1


def test_pages_of_versions_show_them_and_lead_to_them(desk, draft, approver):
    url = page("promptversion", draft.pk)
    assert 'id="comments"' not in html(desk, url)
    assert ">Comments</a>" in html(desk, url)
    comment(draft, approver)

    shown = html(desk, url)
    assert "Comments (1)" in shown
    assert "Which product?" in shown
    assert "Message 2, line 1" in shown
    services.seal_version(version=draft, note="x", now=NOW)
    assert "Which product?" in html(desk, url)


def test_a_line_that_moved_or_went_says_what_it_was(desk, draft, approver):
    comment(draft, approver)
    moved_up = content().messages[1:]
    services.save_draft(version=draft, content=content(messages=moved_up))
    moved = html(desk, comments_url(draft))
    assert "The line moved; it was line 1 of message 2." in moved
    assert "On lines that are gone" not in moved

    services.save_draft(version=draft, content=saying("Praise"))
    gone = html(desk, comments_url(draft))
    assert "On lines that are gone" in gone
    assert "Was on line 1 of message 2: <q>Describe {{ product }}.</q>" in " ".join(gone.split())


def test_comparing_shows_them_under_their_lines_and_the_others_below(desk, prompt, approver):
    first = make_sealed(prompt)
    second = make_sealed(prompt, content(messages=[
        {"role": "system", "content": "You write short texts for a shop."},
        {"role": "user", "content": "Praise {{ product }}."},
    ]))  # fmt: skip
    comment(first, approver, "Of the old.")
    comment(second, approver, "Of the new.")
    services.comment_on(version=second, message=1, line=1, text="Of both.", by=approver, now=NOW)
    url = reverse("admin:prompt_compare", args=[prompt.pk])

    shown = html(desk, url, a=1, b=2)
    assert shown.index("p-sides__said--old") < shown.index("Of the old.")
    assert shown.index("p-sides__said--new") < shown.index("Of the new.")
    below = shown.index("Comments on lines that are not shown")
    assert shown.index("Of the new.") < below < shown.index("Of both.")
    everything = html(desk, url, a=1, b=2, show="everything")
    assert "Comments on lines that are not shown" not in everything
    assert everything.count("Of both.") == 1
    same = html(desk, url, a=2, b=2)
    assert same.count("Of both.") == 1


def test_who_may_not_read_them_sees_none_when_comparing(prompt, approver):
    comment(make_sealed(prompt), approver)
    person = make_person("reader", "auditor")
    person.groups.clear()
    person.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_promptversion", "view_prompt"])
    )
    client = browser(person)

    url = reverse("admin:prompt_compare", args=[prompt.pk])
    assert "Which product?" not in html(client, url, a=1, b=1, show="everything")
    version = LineComment.objects.get().version
    assert "Which product?" not in html(client, page("promptversion", version.pk))
    assert client.get(comments_url(version)).status_code == 403


def test_requests_count_what_is_open(prompt, production, engineer, approver, readers):
    production.approvals = 1
    production.save()
    make_live(prompt, saying("Old"))
    version = make_sealed(prompt, by=engineer)
    request = services.request_release(
        prompt=prompt, channel=production, version=version, reason="Better.", by=engineer, now=NOW
    )
    url, listed = page("releaserequest", request.pk), page("releaserequest")
    assert "open comment" not in html(readers, url)
    first = comment(version, approver)
    services.answer_comment(comment=first, text="Hm.", by=approver, now=NOW)
    comment(version, approver, "Again.")

    for shown in (html(readers, url), html(readers, listed)):
        assert f'<a href="{comments_url(version)}">2 open comments</a>' in shown
    asked = readers.get(f"/api/v1/manage/prompts/product-text/requests/{request.pk}/")
    assert asked.json()["open_comments"] == 2
    services.resolve_comment(comment=first, by=approver, now=NOW)
    assert ">1 open comment</a>" in html(readers, url)
    assert readers.get(action("releaserequest", request.pk, "approve")).status_code == 200


def test_a_draft_with_comments_can_be_deleted_by_its_author(desk, draft, approver):
    comment(draft, approver)
    url = reverse("admin:prompts_promptversion_delete", args=[draft.pk])

    assert desk.post(url, {"post": "yes"}).status_code == 302
    assert not LineComment.objects.exists()


def test_many_lines_are_cut_and_what_was_said_below_is_still_shown(readers, prompt, approver):
    long = "\n".join(f"line {number} {{{{ product }}}}" for number in range(SHOWN + 5))
    version = make_draft(prompt, content(messages=[{"role": "user", "content": long}]))
    services.comment_on(
        version=version, message=1, line=SHOWN + 3, text="Down here.", by=approver, now=NOW
    )

    shown = html(readers, comments_url(version))

    assert "5 more lines are not shown." in shown
    assert "Down here." in shown


@pytest.mark.parametrize("messages", [[], [{"role": 5}], [5], "x", None])
def test_any_draft_can_be_opened(readers, prompt, messages):
    draft = make_draft(prompt, content(messages=messages if messages is not None else []))

    assert readers.get(comments_url(draft)).status_code == 200


def test_queries_do_not_grow_with_comments(readers, draft, approver, django_assert_max_num_queries):
    for _ in range(8):
        comment(draft, approver)

    with django_assert_max_num_queries(12):
        html(readers, comments_url(draft))
