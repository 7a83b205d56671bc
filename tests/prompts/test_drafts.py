"""Drafts: numbered, one for each author, never lost to a second editor."""

import pytest

from apps.prompts import services
from apps.prompts.errors import DraftConflict, PromptError
from apps.prompts.models import PromptVersion
from tests.prompts.conftest import content, make_draft, make_prompt, make_sealed, saying

pytestmark = pytest.mark.django_db


def test_a_slug_is_taken_once(prompt):
    with pytest.raises(PromptError, match="already"):
        services.create_prompt(slug=prompt.slug, name="Again")


def test_a_draft_starts_from_the_version_it_is_based_on(prompt, engineer):
    first = make_sealed(prompt)

    draft = services.new_draft(prompt=prompt, based_on=first, by=engineer)

    assert (draft.number, draft.parent, draft.author, draft.status) == (
        2,
        first,
        engineer,
        "draft",
    )
    assert draft.messages == first.messages
    assert draft.variables == first.variables


def test_an_author_has_one_draft_of_a_prompt(prompt, engineer, approver):
    services.new_draft(prompt=prompt, based_on=None, by=engineer)
    services.new_draft(prompt=prompt, based_on=None, by=approver)

    with pytest.raises(PromptError, match="You have a draft already: product-text v1"):
        services.new_draft(prompt=prompt, based_on=None, by=engineer)

    assert PromptVersion.objects.count() == 2


def test_a_version_of_another_prompt_is_no_base(prompt):
    other = make_sealed(make_prompt("other"))

    with pytest.raises(PromptError, match="another prompt"):
        services.new_draft(prompt=prompt, based_on=other, by=None)


def test_a_second_editor_does_not_overwrite_the_first(prompt):
    draft = make_draft(prompt)
    seen = draft.updated_at
    services.save_draft(version=draft, content=saying("First"), expected=seen)

    with pytest.raises(DraftConflict, match="after you opened it"):
        services.save_draft(version=draft, content=saying("Second"), expected=seen)

    draft.refresh_from_db()
    assert draft.messages[0]["content"] == "First {{ product }}."


def test_a_faulty_draft_is_kept(prompt):
    draft = make_draft(prompt, content(messages=[{"role": "user", "content": "{{ oops"}]))

    assert services.validate_version(draft).faults


@pytest.mark.parametrize(
    "text", ["nul \x00 inside", "a lone surrogate \ud800"], ids=["nul", "surrogate"]
)
def test_text_that_cannot_be_stored_is_refused(prompt, text):
    with pytest.raises(PromptError, match="Cannot be stored as JSON"):
        make_draft(prompt, content(messages=[{"role": "user", "content": text}]))


def test_a_sealed_version_is_not_saved_as_a_draft(prompt):
    version = make_sealed(prompt)

    with pytest.raises(PromptError, match="is sealed"):
        services.save_draft(version=version, content=saying("New"))
