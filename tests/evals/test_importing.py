"""Cases from files: whole or not at all, with every fault by line and field."""

import pytest

from apps.evals import reading
from apps.evals.errors import EvalError
from apps.evals.models import Case, DatasetVersion
from apps.evals.services.datasets import import_cases, plan_import
from tests.evals.conftest import case, make_cases

CSV = """key,product,price,expected,tags,must_pass
red,"A kettle, red",12.5,kettle,"shop,red",yes
blue,A blue mug,,mug,,
"""
LINES = (
    '{"key": "red", "variables": {"product": "A kettle, red", "price": 12.5}, "expected": "kettle",'
    ' "tags": ["shop", "red"], "must_pass": true}\n'
    '{"key": "blue", "variables": {"product": "A blue mug"}, "expected": "mug"}\n'
)


def stored(version):
    return list(
        version.cases.order_by("id").values_list(
            "key", "variables", "expected", "tags", "must_pass"
        )
    )


@pytest.mark.parametrize("text", [CSV, CSV.replace(",", ";"), LINES, "\ufeff" + CSV])
def test_a_file_becomes_a_draft(dataset, text):
    if ";" in text:
        text = text.replace('"A kettle; red"', '"A kettle, red"').replace("shop;red", "shop,red")

    version = import_cases(dataset=dataset, text=text, by=None)

    assert (version.number, version.published_at) == (1, None)
    assert stored(version) == [
        ("red", {"product": "A kettle, red", "price": 12.5}, "kettle", ["shop", "red"], True),
        ("blue", {"product": "A blue mug"}, "mug", [], False),
    ]


def test_a_case_without_a_key_gets_the_next_free_one(dataset):
    version = import_cases(dataset=dataset, text="product,key\na,\nb,case-1\nc,\n", by=None)

    assert set(version.cases.values_list("key", "variables__product")) == {
        ("case-2", "a"), ("case-1", "b"), ("case-3", "c"),
    }  # fmt: skip


def test_the_dry_run_says_what_would_change_and_writes_nothing(dataset):
    make_cases(dataset, case("a", key="a"), case("b", key="b"))

    plan = plan_import(dataset=dataset, text="key,product\na,a\nb,B\nc,c\n")

    assert [row.action for row in plan.rows] == ["same", "changed", "new"]
    assert (plan.sound, Case.objects.count(), DatasetVersion.objects.count()) == (True, 2, 1)


def test_all_faults_at_once_with_line_and_field(dataset):
    text = 'key,product,price,must_pass,colour\nx,,abc,perhaps,red\nx,"a",1,,\nx,a,"[1]",,\n'

    plan = plan_import(dataset=dataset, text=text)

    assert [(line, fault.pointer) for line, fault in plan.faults] == [
        (2, "/variables/price"), (2, "/must_pass"),
        (3, "/colour"),
        (4, "/colour"), (4, "/variables/price"), (4, "/key"),
    ]  # fmt: skip
    with pytest.raises(EvalError) as error:
        import_cases(dataset=dataset, text=text, by=None)
    assert len(error.value.faults) == 6
    assert not Case.objects.exists()
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("product\n", "empty"),
        ('product\n"a', "parse_error"),
        ("product\na,b\n", "too_many_cells"),
        ("{no json\n", "parse_error"),
        ('{"variables": []}\n', "type"),
        ('{"variables": {"product": "a"}, "colour": 1}\n', "unknown_field"),
        ('{"variables": {"product": "a", "nothing": 1}}\n', "unknown_variable"),
        ('{"variables": {"product": 1}}\n', "wrong_type"),
        ('{"variables": {"price": 1}}\n', "missing"),
        ('{"variables": {"product": "' + "a" * 201 + '"}}\n', "too_long"),
    ],
)
def test_bad_files(dataset, text, code):
    assert [fault.code for _, fault in plan_import(dataset=dataset, text=text).faults] == [code]


def test_sizes_are_bounded(dataset, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CASES", 2)
    monkeypatch.setattr(reading, "MAX_BYTES", 100)

    for text in ("product\na\nb\nc\n", "product\n" + "a" * 100):
        assert not plan_import(dataset=dataset, text=text).sound


def test_an_import_goes_on_from_the_published_version(dataset):
    make_cases(dataset, case("a", key="a"), case("b", key="b"))

    version = import_cases(dataset=dataset, text="key,product\nb,B\nc,c\n", by=None)

    assert version.number == 2
    assert [(key, values["product"]) for key, values, *_ in stored(version)] == [
        ("a", "a"), ("b", "B"), ("c", "c"),
    ]  # fmt: skip
