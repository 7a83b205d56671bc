"""Tools of a draft in a real browser: written in a form, checked while they are typed, compared."""

import pytest
from django.urls import reverse

from apps.prompts.models import PromptVersion
from apps.registry.models import Model
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.playground.test_editor_in_browser import open_draft, said, shown
from tests.prompts.conftest import content, make_draft, make_sealed, page
from tests.prompts.tools import WEATHER, tool
from tests.visitor import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]
OPEN = tool(
    "find_shop",
    description="Shops near a town, the nearest first.",
    parameters={"type": "object", "properties": {"kind": {"enum": ["tea", "books"]}}},
)


@pytest.fixture
def able(small):
    Model.objects.update(supports_tools=True)


@pytest.fixture
def tab(visit, prompt, able):  # noqa: F811
    tab = visit()
    open_draft(tab, make_draft(prompt, content(tools=[WEATHER, OPEN])))
    return tab


def tool_form(tab, number):
    return tab.page.get_by_role("group", name=f"Tool {number}", exact=True)


def test_a_tool_is_written_without_knowing_json(tab):
    tab.page.get_by_role("button", name="Add tool").click()
    tab.page.keyboard.type("book table")
    shown(tab).get_by_text("A name has 1 to 64 letters").wait_for()

    third = tool_form(tab, 3)
    third.get_by_text("A name has 1 to 64 letters").wait_for()
    third.get_by_label("Name").fill("book_table")
    third.get_by_label("What it does, for the model").fill("Books a table.")
    third.get_by_role("button", name="Add argument").click()
    third.get_by_label("Field", exact=True).fill("guests")
    third.get_by_label("Type").select_option("integer")
    third.get_by_label("Strict").check()
    shown(tab).get_by_text("Books a table.").wait_for()
    third.get_by_text("A name has 1 to 64 letters").wait_for(state="detached")
    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()

    made = {
        "type": "object",
        "properties": {"guests": {"type": "integer"}},
        "required": ["guests"],
        "additionalProperties": False,
    }
    booked = tool("book_table", description="Books a table.", parameters=made, strict=True)
    assert PromptVersion.objects.get().tools == [WEATHER, OPEN, booked]
    assert tab.problems == []


def test_who_chooses_is_a_parameter(tab):
    tab.page.get_by_label("Calls of tools").select_option("at least one")
    tab.page.get_by_label("Several calls at once").select_option("no")
    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()

    chosen = {"tool_choice": "required", "parallel_tool_calls": False}
    assert PromptVersion.objects.get().parameters == {"max_tokens": 60} | chosen


def test_text_that_is_no_json_yet_is_kept_and_told(tab):
    second = tool_form(tab, 2)
    second.get_by_label("JSON Schema of the arguments").fill('{"type": "obj')
    shown(tab).get_by_text("Must be an object: the JSON Schema of the arguments.").wait_for()

    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Draft saved, with 1 fault to mend.").wait_for()

    again = tool_form(tab, 2).get_by_label("JSON Schema of the arguments")
    assert again.input_value() == '{"type": "obj'


def test_a_tool_goes_and_others_stay_as_they_were(tab):
    tab.page.get_by_role("button", name="Remove tool get_weather").click()
    said(tab, "")
    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()

    assert PromptVersion.objects.get().tools == [OPEN]


def test_their_pages_keep_policy_and_accessibility(visit, prompt, able):  # noqa: F811
    first = make_sealed(prompt, content(tools=[WEATHER, OPEN]))
    changed = {**WEATHER, "function": {**WEATHER["function"], "description": "Of any town."}}
    draft = make_draft(prompt, content(tools=[changed, tool("book_table", description="Books.")]))
    tab = visit()
    both = reverse("admin:prompt_compare", args=[prompt.pk]) + "?a=1&b=2"
    pages = [page("promptversion", draft.pk), page("promptversion", first.pk), both]

    assert tab.unreadable(pages) == []
    assert tab.problems == []


def test_they_fit_a_phone(visit, prompt, able):  # noqa: F811
    long = tool("a" * 64, description="x" * 1_024)
    first = make_sealed(prompt, content(tools=[WEATHER, long]))
    draft = make_draft(prompt, content(tools=[long, OPEN]))
    tab = visit(viewport=PHONE)
    for url in (
        page("promptversion", draft.pk),
        page("promptversion", first.pk),
        reverse("admin:prompt_compare", args=[prompt.pk]) + "?a=1&b=2",
    ):
        tab.go(url)
        assert not tab.scrolls_sideways, url
