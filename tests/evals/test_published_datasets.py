"""What is published stays as it is, whatever door somebody tries."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.evals.errors import EvalError
from apps.evals.models import Case, DatasetVersion
from apps.evals.services.datasets import draft_version, publish, put_cases
from tests.evals.conftest import NOW, case, make_cases, make_version


@pytest.fixture
def version(dataset):
    return make_cases(dataset, case("a", key="a"))


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize(
    "change",
    [
        lambda version: version.cases.update(expected="b"),
        lambda version: version.cases.get().delete(),
        lambda version: Case.objects.create(version=version, key="b"),
        lambda version: Case.objects.bulk_create([Case(version=version, key="b")]),
        lambda version: version.save(),
        lambda version: version.delete(),
        lambda version: DatasetVersion.objects.update(published_at=None),
        lambda version: sql("UPDATE evals_case SET key = 'b'"),
        lambda version: sql("DELETE FROM evals_datasetversion"),
    ],
)
def test_nothing_changes_it(version, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        change(version)

    assert list(version.cases.values_list("key", "expected")) == [("a", None)]


def test_a_case_cannot_be_moved_into_it(version):
    draft = draft_version(dataset=version.dataset, by=None)

    with pytest.raises(IntegrityError), transaction.atomic():
        draft.cases.update(version=version)


def test_the_service_says_the_way_out(version):
    with pytest.raises(EvalError, match="make a new draft"):
        put_cases(version=version, cases=[case()])


def test_a_draft_starts_with_the_published_cases_and_there_is_one(version):
    draft = draft_version(dataset=version.dataset, by=None)

    assert list(draft.cases.values_list("key", flat=True)) == ["a"]
    assert draft_version(dataset=version.dataset, by=None).pk == draft.pk


def test_publishing_tells_every_fault(dataset):
    draft = draft_version(dataset=dataset, by=None)
    with pytest.raises(EvalError) as error:
        publish(version=draft, note=" ", now=NOW)
    assert [fault.code for fault in error.value.faults] == ["missing", "empty"]


def test_publishing_looks_at_the_prompt_as_it_is_now(dataset, prompt):
    draft = draft_version(dataset=dataset, by=None)
    put_cases(version=draft, cases=[case("a", key="a")])
    tone = {"tone": {"type": "string", "required": True}}
    product = {"product": {"type": "string", "required": True}}
    make_version(
        prompt,
        messages=[{"role": "user", "content": "{{ product }} {{ tone }}"}],
        variables=product | tone,
    )

    with pytest.raises(EvalError) as error:
        publish(version=draft, note="Ready.", now=NOW)

    assert [fault.pointer for fault in error.value.faults] == ["/cases/a/variables/tone"]
