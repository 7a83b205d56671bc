"""Fragments: a sealed prompt holds the text that it was sealed with, whatever becomes of them."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models import ProtectedError
from django.urls import reverse

from apps.prompts import services
from apps.prompts.engine import put_in
from apps.prompts.errors import PromptError
from apps.prompts.models import Inclusion, Prompt, PromptVersion
from apps.prompts.selectors import dependents
from apps.prompts.services import content_of, dry_run, export_version, whole_content
from apps.prompts.snapshot import read_prompts
from apps.prompts.types import PromptNotFound
from apps.prompts.validation import Content
from tests.prompts.conftest import (
    NOW,
    action,
    content,
    go_live,
    make_draft,
    make_live,
    make_sealed,
    page,
)

pytestmark = pytest.mark.django_db


def fragment_content(text: str, **variables: dict[str, object]) -> Content:
    message = {"role": "system", "content": text}
    return Content(messages=[message], variables=variables, model="", parameters={})


def make_fragment(
    text: str = "Be kind.", slug: str = "voice", **variables: dict[str, object]
) -> PromptVersion:
    prompt = services.create_prompt(slug=slug, name=slug, kind="fragment")
    return make_sealed(prompt, fragment_content(text, **variables))


def seal_next(fragment: PromptVersion, text: str) -> PromptVersion:
    return make_sealed(fragment.prompt, fragment_content(text))


def including(*names: str, text: str = " Describe {{ product }}.") -> Content:
    source = "".join(f'{{% include "{name}" %}}' for name in names) + text
    return content(messages=[{"role": "user", "content": source}])


def sent(prompt: Prompt) -> str:
    _, messages = dry_run(
        prompt=prompt.slug,
        channel="production",
        version=None,
        variables={"product": "a cup"},
        subject="",
        request_id="",
    )
    return messages[0]["content"]


class TestSealing:
    def test_the_text_is_put_in(self, prompt):
        make_fragment("Be kind to {{ product }}.", product={"type": "string", "sample": "me"})
        make_live(prompt, including("voice"))

        assert sent(prompt) == "Be kind to a cup. Describe a cup."

    def test_a_new_version_of_the_fragment_changes_nothing_that_is_sealed(self, prompt):
        fragment = make_fragment()
        version = make_live(prompt, including("voice")).version
        before = PromptVersion.objects.filter(pk=version.pk).values().get()

        seal_next(fragment, "Be brief.")

        assert sent(prompt) == "Be kind. Describe a cup."
        assert PromptVersion.objects.filter(pk=version.pk).values().get() == before

    def test_the_version_is_written_down(self, prompt):
        fragment = make_fragment()

        version = make_sealed(prompt, including("voice"))

        assert version.written[0]["content"].startswith('{% include "voice@1" %}')
        assert Inclusion.objects.get().fragment == fragment

    def test_an_older_version_may_be_named(self, prompt):
        seal_next(make_fragment("Be kind."), "Be brief.")

        version = make_sealed(prompt, including("voice@1"))

        assert version.messages[0]["content"].startswith("Be kind.")

    def test_fragments_may_include_fragments(self, prompt):
        make_fragment("Be kind.", slug="kindness")
        make_fragment('{% include "kindness" %} Be brief.', slug="voice")

        version = make_sealed(prompt, including("voice"))

        assert version.messages[0]["content"].startswith("Be kind. Be brief.")

    def test_the_hash_is_of_what_is_sent(self, prompt):
        make_fragment("Be kind.")

        version = make_sealed(prompt, including("voice"))

        assert version.content_hash == whole_content(content_of(version)).hash
        assert version.content_hash == content(messages=version.messages).hash

    def test_a_fragment_that_changed_since_the_author_looked_is_told(self, prompt):
        fragment = make_fragment()
        draft = make_draft(prompt, including("voice"))
        shown = whole_content(content_of(draft)).hash
        seal_next(fragment, "Be brief.")

        with pytest.raises(PromptError, match="changed since you looked"):
            services.seal_version(version=draft, note="x", now=NOW, expected_hash=shown)

    def test_spaces_are_taken_away_as_jinja_does(self, prompt):
        make_fragment("Be kind.")

        text = 'A {%- include "voice" -%}  b {{ product }}'
        version = make_sealed(prompt, including(text=text))

        assert version.messages[0]["content"] == "ABe kind.b {{ product }}"
        assert version.written[0]["content"] == 'A{% include "voice@1" %}b {{ product }}'

    @pytest.mark.parametrize(
        "text", ['{# {% include "voice" %} #}', '{% raw %}{% include "voice" %}{% endraw %}']
    )
    def test_what_only_looks_like_an_include_is_none(self, prompt, text):
        make_fragment("Be kind.")

        version = make_sealed(prompt, including(text=text + "{{ product }}"))

        assert version.written is None
        assert version.messages[0]["content"] == text + "{{ product }}"


class TestFaults:
    def faults(self, prompt, what):
        found = services.validate_version(make_draft(prompt, what))
        return [(fault.pointer, fault.code) for fault in found.faults]

    @pytest.mark.parametrize("name", ["voice", "other@1", "product-text"])
    def test_what_does_not_exist(self, prompt, name):
        assert self.faults(prompt, including(name)) == [("/messages/0/content", "no_fragment")]

    def test_a_draft_of_a_fragment_is_not_there_yet(self, prompt):
        make_draft(
            services.create_prompt(slug="voice", name="Voice", kind="fragment"),
            fragment_content("Be kind."),
        )

        assert self.faults(prompt, including("voice")) == [("/messages/0/content", "no_fragment")]

    @pytest.mark.parametrize(
        "text", ["{% include name %}", "{% include ['a', 'b'] %}", '{% include "a" "b" %}']
    )
    def test_an_include_that_names_nothing(self, prompt, text):
        found = self.faults(prompt, including(text=text + "{{ product }}"))

        assert [pointer for pointer, _ in found] == ["/messages/0/content"]

    def test_a_variable_that_only_the_fragment_uses(self, prompt):
        make_fragment("Hello {{ name }}.", name={"type": "string", "sample": "you"})

        found = services.validate_version(make_draft(prompt, including("voice")))

        assert [fault.detail for fault in found.faults] == [
            "A fragment uses “name”, which is not declared."
        ]

    def test_an_end_users_text_in_a_system_message_through_a_fragment(self, prompt):
        make_fragment("About {{ product }}.", product={"type": "string", "sample": "it"})
        variables = {"product": {"type": "string", "trust": "end_user"}}
        source = {"role": "system", "content": '{% include "voice" %}'}
        draft = make_draft(prompt, content(messages=[source], variables=variables))

        warnings = services.validate_version(draft).warnings

        assert "untrusted_in_system" in {warning.code for warning in warnings}

    def test_a_pin_that_is_behind_is_a_warning(self, prompt):
        seal_next(make_fragment(), "Be brief.")

        found = services.validate_version(make_draft(prompt, including("voice@1")))

        assert not found.faults
        assert "fragment_behind" in {warning.code for warning in found.warnings}

    def test_a_fragment_is_one_text_without_a_model(self, prompt):
        fragment = services.create_prompt(slug="voice", name="Voice", kind="fragment")

        found = {pointer for pointer, _ in self.faults(fragment, content())}

        assert found == {"/messages", "/model", "/parameters"}

    def test_many_fragments_are_bounded_like_one_long_text(self, prompt):
        make_fragment("x" * 90_000)

        found = self.faults(prompt, including(*["voice"] * 2))

        assert ("/messages/0/content", "source_size") in found


class TestDoors:
    def test_nobody_calls_a_fragment(self, prompt):
        make_fragment()

        assert "voice" not in read_prompts().prompts
        with pytest.raises(PromptNotFound):
            dry_run(
                prompt="voice",
                channel="production",
                version=1,
                variables={},
                subject="",
                request_id="",
            )

    def test_no_channel_takes_a_fragment(self):
        with pytest.raises(PromptError, match="is a fragment"):
            go_live(make_fragment())

    def test_a_kind_stays(self, prompt):
        with pytest.raises(ProgrammingError), transaction.atomic():
            Prompt.objects.filter(pk=prompt.pk).update(kind="fragment")

    def test_what_was_included_is_written_once(self, prompt):
        make_fragment()
        make_sealed(prompt, including("voice"))

        with pytest.raises(ProgrammingError), transaction.atomic():
            Inclusion.objects.all().delete()
        with pytest.raises(ProgrammingError), transaction.atomic():
            Inclusion.objects.update(fragment=None)

    def test_the_written_form_is_sealed_too(self, prompt):
        make_fragment()
        version = make_sealed(prompt, including("voice"))

        with pytest.raises(IntegrityError), transaction.atomic():
            PromptVersion.objects.filter(pk=version.pk).update(written=None)

    def test_a_fragment_in_use_cannot_be_deleted(self, prompt):
        fragment = make_fragment()
        make_sealed(prompt, including("voice"))

        with pytest.raises((ProtectedError, ProgrammingError)), transaction.atomic():
            fragment.delete()


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
