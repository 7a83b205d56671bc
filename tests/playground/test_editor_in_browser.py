"""The editor of a draft in a real browser: by keyboard, in both themes, on a phone."""

import pytest

from apps.prompts import services
from apps.prompts.models import PromptVersion
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.prompts.conftest import content, make_draft, page

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def tab(visit, prompt, small):  # noqa: F811
    tab = visit()
    open_draft(tab, make_draft(prompt))
    return tab


def open_draft(tab, draft):
    tab.go(page("promptversion", draft.pk))
    said(tab, "")


def said(tab, text):
    tab.page.wait_for_function(
        "text => document.querySelector('.p-preview [role=status]').textContent.match(text || '.')",
        arg=text,
    )


def text_of(tab, number):
    group = tab.page.get_by_role("group", name=f"Message {number}")
    return group.get_by_role("textbox", name="Text")


def shown(tab):
    return tab.page.locator(".p-preview")


def test_the_preview_follows_the_keys(tab):
    text_of(tab, 2).press("Control+End")
    tab.page.keyboard.type(" Be brief.")

    shown(tab).get_by_text("Describe a red kettle. Be brief.").wait_for()
    assert PromptVersion.objects.get().messages[1]["content"] == "Describe {{ product }}."
    assert tab.problems == []


def test_a_fault_is_marked_at_its_line_and_read_by_keyboard(tab):
    text_of(tab, 2).fill("One\n{{ product|shout }}")

    said(tab, "1 fault")
    group = tab.page.get_by_role("group", name="Message 2")
    assert group.locator(".cm-lint-marker-error").count() == 1
    tab.page.keyboard.press("Control+Shift+M")
    group.get_by_text("shout").last.wait_for()


def test_a_fragment_offers_only_what_it_can_have(visit, small):  # noqa: F811
    fragment = services.create_prompt(slug="voice", name="Voice", kind="fragment")
    draft = services.new_draft(prompt=fragment, based_on=None, by=None)
    tab = visit()
    open_draft(tab, draft)

    assert tab.page.get_by_role("group", name="Message 1").count() == 1
    assert tab.page.get_by_role("group", name="Message 2").count() == 0
    for name in ("Model", "Tools", "Length"):
        assert not tab.page.get_by_role("heading", name=name, exact=True).is_visible()
    PromptVersion.objects.filter(pk=draft.pk).update(model="small")
    open_draft(tab, draft)
    assert tab.page.get_by_role("heading", name="Model", exact=True).is_visible()
    assert tab.problems == []


def test_typing_over_lines_keeps_the_policy(visit, prompt, small):  # noqa: F811
    system = {"role": "system", "content": "One {{ product }}\n{% if product %}two{% endif %}\nend"}
    user = {"role": "user", "content": "Hi."}
    tab = visit()
    open_draft(tab, make_draft(prompt, content(messages=[system, user])))

    text_of(tab, 1).press("Control+Home")
    for key in (*["ArrowRight"] * 6, "Shift+ArrowDown", "Shift+ArrowDown"):
        tab.page.keyboard.press(key)
    tab.page.keyboard.type("so")
    tab.page.keyboard.press("Shift+Control+Home")
    tab.page.keyboard.type("(")

    area = tab.page.locator('textarea[name="messages-0-content"]')
    assert area.input_value() == "(One {{so)"
    assert tab.problems == []


def test_names_are_completed_and_new_ones_become_variables(tab):
    text_of(tab, 2).fill("")
    tab.page.keyboard.type("For {{ pro")
    tab.page.get_by_role("option", name="product").wait_for()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.type("|upp")
    tab.page.get_by_role("option", name="upper").wait_for()
    tab.page.keyboard.press("Enter")
    shown(tab).get_by_text("For A RED KETTLE").wait_for()

    text_of(tab, 2).fill("Dear {{ customer }}, about {{ product }}")
    variable = tab.page.get_by_role("group", name="customer")
    variable.wait_for()
    text_of(tab, 2).fill("About {{ product }}")
    variable.wait_for(state="detached")


def test_messages_move_come_and_go_and_are_saved_so(tab):
    tab.page.get_by_role("button", name="Add message").click()
    tab.page.keyboard.type("Third")
    for _ in range(2):
        last = tab.page.get_by_role("group", name="Message 3")
        last.get_by_role("button", name="Move up").click()
    tab.page.get_by_role("group", name="Message 1").get_by_role("button", name="Remove").click()

    tab.page.keyboard.press("Control+s")
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()

    contents = [message["content"] for message in PromptVersion.objects.get().messages]
    assert contents == ["Describe {{ product }}.", "Third"]


def test_parameters_and_schema_are_forms_over_their_json(tab):
    parameters = tab.page.get_by_role("group", name="Parameters")
    parameters.get_by_label("Temperature").fill("0.3")
    fields = tab.page.get_by_role("group", name="Fields of the answer")
    fields.get_by_role("button", name="Add field").click()
    fields.get_by_label("Field", exact=True).fill("title")
    tab.page.keyboard.press("Control+s")
    tab.page.get_by_text("Draft saved").wait_for()

    saved = PromptVersion.objects.get()
    assert saved.parameters == {"max_tokens": 60, "temperature": 0.3}
    assert saved.response_schema == {
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": False,
    }


def test_a_schema_that_is_no_simple_list_stays_json(visit, prompt, small):  # noqa: F811
    schema = {"type": "array", "items": {"type": "string"}}
    tab = visit()
    open_draft(tab, make_draft(prompt, content(response_schema=schema)))

    assert tab.page.get_by_role("group", name="Fields of the answer").count() == 0
    assert '"array"' in tab.page.locator("[name=response_schema]").input_value()


def test_what_was_not_saved_is_offered_again(tab):
    text_of(tab, 2).fill("Lost {{ product }}?")
    said(tab, "No faults")
    tab.page.on("dialog", lambda dialog: dialog.accept())  # leave without saving
    tab.page.reload()
    said(tab, "")
    tab.page.get_by_role("button", name="Restore it").click()

    shown(tab).get_by_text("Lost a red kettle?").wait_for()
    tab.page.keyboard.press("Control+s")
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()
    assert tab.page.get_by_text("that was not saved").count() == 0
    assert PromptVersion.objects.get().messages[1]["content"] == "Lost {{ product }}?"


def test_when_the_session_has_ended_the_page_says_so_and_keeps_the_text(tab):
    tab.page.context.clear_cookies()
    text_of(tab, 2).fill("Late {{ product }}.")

    said(tab, "signed out")
    kept = "Object.values(localStorage).join('').includes('Late')"
    assert tab.page.evaluate(kept)


def test_two_editors_meet_by_keyboard(tab):
    draft = PromptVersion.objects.get()
    services.save_draft(version=draft, content=content(parameters={"max_tokens": 99}))
    text_of(tab, 2).fill("Mine about {{ product }}.")
    shown(tab).get_by_text("Somebody saved this draft").wait_for()
    tab.page.keyboard.press("Control+s")
    tab.page.get_by_role("heading", name="Both sides").wait_for()
    said(tab, "")
    assert tab.axe() == []

    tab.page.keyboard.press("Control+s")
    tab.page.get_by_text("Draft saved").wait_for()

    draft.refresh_from_db()
    assert draft.messages[1]["content"] == "Mine about {{ product }}."
    assert draft.parameters == {"max_tokens": 99}
    assert tab.problems == []


def test_tab_leaves_a_text(tab):
    text_of(tab, 1).focus()
    assert tab.page.evaluate("document.activeElement.className") == "p-code"

    tab.page.keyboard.press("Tab")

    assert tab.page.evaluate("document.activeElement.className") != "p-code"


def test_the_live_page_breaks_no_policy_and_no_rule_of_accessibility(tab):
    text_of(tab, 2).fill("{{ product|shout }} and {{ new }}")
    said(tab, "1 fault")

    assert list(tab.unreadable_here()) == []
    assert tab.problems == []
