"""Comments on lines in a real browser: by keyboard, in both themes, on a phone."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from apps.prompts import services
from apps.prompts.admin.comments import comments_url
from apps.prompts.models import LineComment
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.prompts.conftest import NOW, content, make_draft, make_sealed, page

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]
TALK = (
    "You write short texts for a shop that sells things for kitchens.\n"
    "Be kind, and never promise what the shop does not sell.\n\n"
    "Say the price only when somebody asks for it."
)
LONG = "It says nothing about returns, and people ask for them all the time. " * 8


def talking(system):
    messages = [{"role": "system", "content": system}, content().messages[1]]
    return content(messages=messages)


@pytest.fixture
def talked(prompt, admin_user):  # noqa: F811
    """A sealed version and a draft, each with threads: open, resolved, moved and gone."""
    bob = User.objects.create_superuser("bob")
    first = make_sealed(prompt, talking(TALK))
    draft = make_draft(prompt, talking("A first line.\n" + TALK))
    for version in (first, draft):
        line = 2 if version == first else 3
        row = comment(version, bob, 1, line, LONG)
        services.answer_comment(comment=row, text="Yes.\nNext week.", by=admin_user, now=NOW)
        done = comment(version, bob, 2, 1, "Which product?")
        services.resolve_comment(comment=done, by=admin_user, now=NOW)
        comment(version, admin_user, 1, line + 2, "x" * 300)
    services.save_draft(version=draft, content=talking(TALK.replace("Say the", "Tell the")))
    return first, draft


def comment(version, by, message, line, text):
    return services.comment_on(
        version=version, message=message, line=line, text=text, by=by, now=NOW
    )


def pages(first, draft):
    return (
        comments_url(first),
        comments_url(draft) + "?on=1.1",
        page("promptversion", first.pk),
        page("promptversion", draft.pk),
        reverse("admin:prompt_compare", args=[first.prompt_id]) + "?a=1&b=2",
    )


def test_no_page_breaks_policy_or_accessibility(visit, talked):  # noqa: F811
    tab = visit()

    assert tab.unreadable(pages(*talked)) == []
    assert tab.problems == []


def test_a_line_is_chosen_and_commented_on_by_keyboard(visit, prompt):  # noqa: F811
    version = make_sealed(prompt, talking(TALK))
    tab = visit()
    tab.go(comments_url(version))
    tab.page.get_by_role("link", name="Comment on line 2 of message 1").press("Enter")
    tab.page.get_by_label("Your comment on line 2 of message 1").wait_for()
    tab.page.keyboard.type("Too soft.")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")

    thread = tab.page.locator(".p-thread")
    thread.get_by_text("Too soft.").wait_for()
    thread.get_by_text("Answer", exact=True).click()
    thread.get_by_label("Your answer to ada").fill("Agreed.")
    thread.get_by_role("button", name="Send").click()
    thread.get_by_text("Agreed.").wait_for()
    thread.get_by_role("button", name="Resolve").click()
    tab.page.get_by_text("all resolved").wait_for()

    assert [row.text for row in LineComment.objects.order_by("id")] == ["Too soft.", "Agreed."]
    assert tab.problems == []
