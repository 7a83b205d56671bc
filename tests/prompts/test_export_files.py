"""Prompts leave the admin as text files: one as it is, several in a zip."""

import io
import zipfile

import pytest

from apps.prompts import textfile
from apps.prompts.services import export_version
from tests.prompts.conftest import (
    browser,
    make_live,
    make_person,
    make_prompt,
    make_sealed,
    page,
    saying,
)
from tests.prompts.test_import_page import URL, errors, steps, upload

pytestmark = pytest.mark.django_db


class TestExport:
    def chosen(self, client, *prompts):
        posted = {"action": "export_files", "_selected_action": [row.pk for row in prompts]}
        return client.post(page("prompt"), posted)

    def test_one_comes_as_its_file(self, desk, prompt):
        version = make_live(prompt).version

        answer = self.chosen(desk, prompt)

        assert answer.content.decode() == textfile.write(export_version(version=version))
        assert answer["Content-Disposition"] == 'attachment; filename="product-text.prompt"'

    def test_several_come_as_a_zip_that_can_be_imported(self, desk, prompt):
        make_live(prompt)
        other = make_prompt("other")
        make_sealed(other, saying("Other"))
        empty = make_prompt("empty")

        answer = self.chosen(desk, prompt, other, empty)

        names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
        assert names == ["other.prompt", "product-text.prompt"]
        assert errors(desk.get(page("prompt"))) == ["Left out 1: nothing of it is sealed."]
        again = desk.post(URL, {"chosen": upload(answer.content, "prompts.zip")})
        assert {step.effect for step in steps(again)} == {"unchanged"}

    def test_nothing_to_export(self, desk, prompt):
        assert self.chosen(desk, prompt).status_code == 302

    def test_who_only_reads_may_export(self, prompt):
        make_live(prompt)
        auditor = browser(make_person("auditor", "auditor"))

        assert self.chosen(auditor, prompt).status_code == 200
