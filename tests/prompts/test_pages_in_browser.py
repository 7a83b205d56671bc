"""The pages of prompts in a real browser: policy, accessibility, and a way through by hand."""

import pytest
from django.urls import reverse

from apps.prompts import textfile
from apps.prompts.models import Experiment, PromptVersion
from apps.prompts.services import export_version
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.prompts.conftest import action, make_live, page, saying
from tests.visitor import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]


def test_no_page_breaks_policy_or_accessibility(visit, everything):  # noqa: F811
    draft = PromptVersion.objects.get(status="draft")
    sealed = PromptVersion.objects.get(number=1)
    tab = visit()
    pages = [
        page("prompt"),
        page("prompt", everything.pk),
        page("promptversion", draft.pk),
        page("promptversion", sealed.pk),
        page("experiment", Experiment.objects.get().pk),
        action("promptversion", draft.pk, "seal"),
        action("promptversion", sealed.pk, "release_to"),
        action("prompt", everything.pk, "roll_back"),
        action("promptversion", sealed.pk, "request_release"),
        page("releaserequest"),
        reverse("admin:prompt_compare", args=[everything.pk]),
    ]

    assert tab.unreadable(pages) == []
    assert tab.axe("color-contrast") == []  # in dark and wide: a phone hides parts of a comparison
    assert tab.problems == []


def test_from_live_to_a_new_live_version_by_hand(visit, prompt):  # noqa: F811
    make_live(prompt)
    tab = visit()
    tab.go(page("prompt", prompt.pk))
    tab.page.get_by_role("button", name="New draft from live").click()
    editor = tab.page.locator("form[data-live]")  # until then the plain fields, which it replaces
    editor.get_by_role("group", name="Message 2").get_by_label("Text").fill(
        "Praise {{ product }} in one sentence."
    )
    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Draft saved. It can be sealed.").wait_for()
    tab.page.get_by_text("Praise a red kettle in one sentence.").wait_for()

    tab.page.get_by_role("link", name="Seal…").click()
    tab.page.get_by_label("Note").fill("Friendlier.")
    tab.page.get_by_role("button", name="Seal").click()
    tab.page.get_by_role("link", name="Release to channel…").click()
    tab.page.get_by_label("Channel").select_option("production")
    tab.page.get_by_label("Reason").fill("Sells better.")
    tab.page.get_by_role("button", name="Release").click()

    tab.page.get_by_text("product-text v2 is live on production.").wait_for()
    assert prompt.releases.get(ended_at=None).version.number == 2
    assert tab.problems == []


@pytest.mark.parametrize(("theme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_files_are_looked_at_and_imported_by_hand(visit, prompt, theme, viewport):  # noqa: F811
    version = make_live(prompt, saying("Praise")).version
    said = textfile.write(export_version(version=version))
    files = {
        "changed.prompt": said.replace("Praise", "Describe"),
        "new.prompt": said.replace("product-text", "gift-text").replace("max_tokens", "tokens"),
        "same.prompt": said,
    }
    tab = visit(viewport=viewport)
    tab.go(page("prompt"))
    tab.page.get_by_role("link", name="Import…").click()
    tab.page.get_by_role("heading", name="Choose files").wait_for()
    tab.theme(theme)
    assert tab.axe() == []

    def choose(*names):
        chosen = [
            {"name": name, "mimeType": "text/plain", "buffer": files[name].encode()}
            for name in names
        ]
        tab.page.locator("#id_chosen").set_input_files(chosen)
        tab.page.get_by_role("button", name="Show what would happen").click()

    choose(*files)
    tab.page.get_by_text("Nothing can be imported yet").wait_for()
    choose("changed.prompt", "new.prompt")
    tab.page.get_by_text("This is what would happen").wait_for()
    tab.page.get_by_text("What differs from product-text v1").click()
    tab.theme(theme)
    assert tab.axe() == []
    assert not tab.scrolls_sideways
    tab.page.get_by_role("button", name="Make 2 drafts").click()

    tab.page.get_by_text("Imported as drafts: product-text v2, gift-text v1.").wait_for()
    assert tab.problems == []
