"""A sealed version stays as it is, whichever door is tried."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import PromptVersion
from apps.prompts.services import content_of
from tests.prompts.conftest import NOW, go_live, make_draft, make_sealed, saying

pytestmark = pytest.mark.django_db

CHANGES = {
    "messages": [],
    "variables": {},
    "model": "other",
    "parameters": {"seed": 1},
    "response_schema": {},
    "note": "Rewritten.",
    "content_hash": "0" * 64,
    "number": 99,
    "sealed_at": None,
    "status": "draft",
}


def refuses(error=IntegrityError):
    return pytest.raises(error)


def unchanged(version, before):
    assert PromptVersion.objects.filter(pk=version.pk).values().get() == before


@pytest.mark.parametrize("field", CHANGES)
def test_a_bulk_update_is_refused(prompt, field):
    version = make_sealed(prompt)
    before = PromptVersion.objects.filter(pk=version.pk).values().get()

    with refuses(), transaction.atomic():
        PromptVersion.objects.filter(pk=version.pk).update(**{field: CHANGES[field]})

    unchanged(version, before)


def test_raw_sql_is_refused(prompt):
    version = make_sealed(prompt)
    before = PromptVersion.objects.filter(pk=version.pk).values().get()

    with refuses(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE prompts_promptversion SET messages = '[]'")

    unchanged(version, before)


def test_saving_the_row_is_refused(prompt):
    version = make_sealed(prompt)
    version.model = "other"

    with refuses(), transaction.atomic():
        version.save()


def test_deleting_is_refused(prompt):
    version = make_sealed(prompt)

    with refuses(ProgrammingError), transaction.atomic():
        version.delete()
    with refuses(ProgrammingError), transaction.atomic():
        PromptVersion.objects.all().delete()
    with refuses(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM prompts_promptversion")

    assert PromptVersion.objects.filter(pk=version.pk).exists()


def test_retiring_is_the_only_change(prompt):
    version = make_sealed(prompt)

    services.retire_version(version=version)

    version.refresh_from_db()
    assert version.status == "retired"
    with refuses(), transaction.atomic():
        PromptVersion.objects.filter(pk=version.pk).update(model="other")
    with refuses(), transaction.atomic():
        PromptVersion.objects.filter(pk=version.pk).update(status="draft")


def test_a_live_version_cannot_retire(prompt):
    version = make_sealed(prompt)
    go_live(version)

    with pytest.raises(PromptError, match="is live"):
        services.retire_version(version=version)


def test_a_draft_can_still_be_changed_and_deleted(prompt):
    draft = make_draft(prompt)

    PromptVersion.objects.filter(pk=draft.pk).update(model="other")
    draft.delete()

    assert not PromptVersion.objects.exists()


def test_the_hash_covers_what_is_stored(prompt):
    version = make_sealed(prompt)
    version.refresh_from_db()

    assert version.content_hash == content_of(version).hash
    assert version.sealed_at == NOW


def test_a_note_is_needed(prompt):
    draft = make_draft(prompt)

    with pytest.raises(PromptError) as caught:
        services.seal_version(version=draft, note="  ", now=NOW)

    assert [fault.pointer for fault in caught.value.faults] == ["/note"]


def test_content_equal_to_the_latest_is_refused(prompt):
    make_sealed(prompt)
    again = make_draft(prompt)

    with pytest.raises(PromptError, match="Nothing differs from product-text v1"):
        services.seal_version(version=again, note="Nothing.", now=NOW)

    again.refresh_from_db()
    assert (again.status, again.content_hash) == ("draft", "")


def test_content_may_return_to_an_earlier_one(prompt):
    make_sealed(prompt, saying("Describe"))
    make_sealed(prompt, saying("Praise"))

    assert make_sealed(prompt, saying("Describe")).number == 3


def test_a_draft_changed_since_the_confirm_page_is_not_sealed(prompt):
    draft = make_draft(prompt)
    shown = content_of(draft).hash
    services.save_draft(version=draft, content=saying("Praise"))

    with pytest.raises(PromptError, match="changed since"):
        services.seal_version(version=draft, note="Mine.", now=NOW, expected_hash=shown)


def test_sealing_twice_is_refused(prompt):
    version = make_sealed(prompt)

    with pytest.raises(PromptError, match="is sealed already"):
        services.seal_version(version=version, note="Again.", now=NOW)
