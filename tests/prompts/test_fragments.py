"""Fragments: a sealed prompt holds the text that it was sealed with, whatever becomes of them."""

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models import ProtectedError

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Inclusion, Prompt, PromptVersion
from apps.prompts.services import content_of, dry_run, whole_content
from apps.prompts.snapshot import read_prompts
from apps.prompts.types import PromptNotFound
from tests.prompts.conftest import (
    NOW,
    content,
    go_live,
    make_draft,
    make_live,
    make_sealed,
)
from tests.prompts.including import fragment_content, including, make_fragment, seal_next, sent

pytestmark = pytest.mark.django_db


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
