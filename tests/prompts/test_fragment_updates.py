"""Who includes a fragment: drafts that take its new version, files, and its page."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from apps.prompts import services
from apps.prompts.engine import put_in
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.selectors import dependents
from apps.prompts.services import export_version
from tests.prompts.conftest import (
    action,
    make_draft,
    make_live,
    make_sealed,
    page,
)
from tests.prompts.including import including, make_fragment, seal_next, sent

pytestmark = pytest.mark.django_db


class TestDependents:
    def test_what_is_in_use_counts(self, prompt):
        make_fragment()
        live = make_live(prompt, including("voice")).version
        make_sealed(prompt, including("voice", text=" Praise {{ product }}."))

        assert [row.version for row in dependents(Prompt.objects.get(slug="voice"))] == [live]

    def test_each_gets_a_draft_with_the_new_text(self, prompt, engineer):
        fragment = make_fragment()
        live = make_live(prompt, including("voice")).version

        updated = services.update_dependents(fragment=seal_next(fragment, "Be brief."), by=engineer)

        (draft,) = updated.drafts
        assert (draft.parent, draft.status, draft.author) == (live, "draft", engineer)
        assert draft.messages[0]["content"].startswith('{% include "voice@2" %}')
        assert sent(prompt) == "Be kind. Describe a cup."

    def test_who_has_a_draft_already_keeps_it(self, prompt, engineer):
        fragment = make_fragment()
        make_live(prompt, including("voice"))
        mine = make_draft(prompt, by=engineer)

        updated = services.update_dependents(fragment=seal_next(fragment, "Be brief."), by=engineer)

        assert not updated.drafts
        assert "You have a draft already" in updated.left[0][1]
        assert list(PromptVersion.objects.filter(status="draft")) == [mine]

    def test_what_has_it_already_gets_none(self, prompt):
        fragment = make_fragment()
        make_live(prompt, including("voice"))

        assert not services.update_dependents(fragment=fragment, by=None).drafts


class TestFiles:
    def test_a_round_trip_keeps_the_pin(self, prompt, tmp_path):
        make_fragment()
        version = make_sealed(prompt, including("voice"))
        document = export_version(version=version)
        path = tmp_path / "prompt.json"
        path.write_text(json.dumps(document | {"slug": "other"}))

        call_command("import_prompt", path, "--seal")

        other = PromptVersion.objects.get(prompt__slug="other")
        assert other.content_hash == version.content_hash
        assert export_version(version=other) == document | {"slug": "other"}

    def test_another_text_of_that_name_is_refused(self, prompt, tmp_path):
        make_fragment()
        document = export_version(version=make_sealed(prompt, including("voice")))
        path = tmp_path / "prompt.json"
        path.write_text(json.dumps(document | {"slug": "other", "fragments": {"voice@1": "0"}}))

        with pytest.raises(CommandError, match="another text"):
            call_command("import_prompt", path)
        assert not Prompt.objects.filter(slug="other").exists()

    def test_a_fragment_travels_too(self):
        document = export_version(version=make_fragment())

        assert (document["kind"], document["model"]) == ("fragment", "")


class TestPages:
    def test_a_fragment_is_made_with_its_kind(self, root):
        add = reverse("admin:prompts_prompt_add")
        given = {"kind": "fragment", "slug": "voice", "name": "Voice", "on_unknown": "retry"}

        root.post(add, given)
        made = Prompt.objects.get()

        assert made.kind == "fragment"
        html = root.get(page("prompt", made.pk)).content.decode()
        assert "{% include &quot;voice&quot; %}" in html

    def test_its_page_says_who_includes_it(self, prompt, desk):
        fragment = make_fragment()
        make_live(prompt, including("voice"))

        html = desk.get(page("prompt", fragment.prompt_id)).content.decode()

        assert "product-text v1</a> with v1" in html

    def test_an_engineer_updates_them_in_one_click(self, prompt, desk):
        fragment = make_fragment()
        make_live(prompt, including("voice"))
        seal_next(fragment, "Be brief.")
        where = action("prompt", fragment.prompt_id, "update_dependents")

        asked = desk.get(where).content.decode()
        answer = desk.post(where, follow=True).content.decode()

        assert "product-text v1</a> with v1" in asked
        assert "Made product-text v2. Nothing that is live changed." in answer

    def test_whom_nobody_is_behind_offers_no_update(self, prompt, desk):
        fragment = make_fragment()
        make_live(prompt, including("voice"))

        html = desk.get(page("prompt", fragment.prompt_id)).content.decode()

        assert "update_dependents" not in html

    def test_a_new_draft_begins_with_its_newest_text(self, desk):
        fragment = make_fragment("Be kind.")

        desk.post(action("prompt", fragment.prompt_id, "new_draft_from_live"))

        assert PromptVersion.objects.get(status="draft").messages == fragment.messages


@pytest.mark.timeout(20)
def test_a_long_fragment_put_in_a_thousand_times_takes_no_memory_of_a_hundred_megabytes():
    source = '{% include "voice" %}' * 1_000

    assert len(put_in(source, lambda _: "x" * 100_000)) < 2_000_000
