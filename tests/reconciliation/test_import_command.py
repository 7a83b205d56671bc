"""`import_statement` from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.reconciliation.models import Statement
from tests.reconciliation.month import agreeing, book_month, make_provider_with_models, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    make_provider_with_models()
    book_month()
    path = tmp_path / "march.csv"
    path.write_text(text_of(agreeing().values()))
    return path


def run(*arguments):
    out = StringIO()
    call_command("import_statement", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(file):
    said = run(file, "--provider", "acme", "--dry-run")
    assert "acme, 2026-03-01 to 2026-03-31: 186 lines compared." in said
    assert said.endswith("Nothing was kept.\n")
    assert not Statement.objects.exists()


def test_it_imports(file):
    assert run(file, "--provider", "acme").endswith("Imported.\n")
    assert Statement.objects.get().status == "open"
    with pytest.raises(CommandError, match="uploaded before"):
        run(file, "--provider", "acme")


def test_faults_are_told_at_once(file):
    with pytest.raises(CommandError, match="There is no provider “nobody”"):
        run(file, "--provider", "nobody")
    with pytest.raises(CommandError, match="No such file"):
        run(file.with_name("none.csv"), "--provider", "acme")
    text = file.read_text().replace("2026-03-02", "x").replace("2026-03-03", "y")
    file.write_text(text)
    with pytest.raises(CommandError) as refusal:
        run(file, "--provider", "acme")
    assert len(str(refusal.value).splitlines()) == 12
    assert not Statement.objects.exists()
