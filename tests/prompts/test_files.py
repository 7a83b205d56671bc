"""Prompts go into files and come back the same; importing twice changes nothing."""

import hashlib
import json

import pytest
from django.core.management import CommandError, call_command

from apps.core import strict_json
from apps.prompts.models import Prompt, PromptVersion, Release
from apps.prompts.services import create_prompt, export_version
from tests.prompts.conftest import CONTENT, content, make_live, make_sealed, saying

pytestmark = pytest.mark.django_db
DOCUMENT = {"slug": "gift-text", "name": "Gift text", "tags": ["shop"], "note": "First.", **CONTENT}


@pytest.fixture
def file(tmp_path):
    def write(**changes):
        path = tmp_path / "prompt.json"
        path.write_text(json.dumps(DOCUMENT | changes))
        return path

    return write


def test_a_file_becomes_a_draft(file):
    call_command("import_prompt", file())

    version = PromptVersion.objects.get()
    assert (version.status, version.prompt.name, version.prompt.tags) == (
        "draft",
        "Gift text",
        ["shop"],
    )
    assert version.messages == CONTENT["messages"]


def test_a_file_is_sealed_and_released_when_asked(file, capsys):
    call_command("import_prompt", file(), "--seal", "--release", "production", "--json")

    assert Release.objects.get().version.status == "sealed"
    assert json.loads(capsys.readouterr().out) == {
        "prompt": "gift-text",
        "version": 1,
        "status": "sealed",
        "live_on": "production",
    }


def test_importing_twice_changes_nothing(file):
    for _ in range(2):
        call_command("import_prompt", file(), "--seal", "--release", "production")

    assert (PromptVersion.objects.count(), Release.objects.count()) == (1, 1)


def test_other_content_becomes_the_next_version(file):
    call_command("import_prompt", file(), "--seal")
    call_command("import_prompt", file(model="large"), "--seal")

    assert list(PromptVersion.objects.values_list("number", "model")) == [
        (2, "large"),
        (1, "small"),
    ]


def test_all_faults_are_named_and_nothing_is_stored_half(file):
    bad = [{"role": "user", "content": "{{ oops"}]

    with pytest.raises(CommandError) as caught:
        call_command("import_prompt", file(messages=bad, note="", parameters={"n": 9}), "--seal")

    assert {line.split(":")[0] for line in str(caught.value).splitlines()} == {
        "/messages/0/content",
        "/parameters",
        "/note",
    }
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"slug": ""}, "/slug"),
        ({"slug": "two words"}, "/slug"),
        ({"tags": [1]}, "/tags"),
        ({"tags": 1}, "/tags"),
        ({"surprise": 1}, "/surprise"),
        ({"name": 5}, "/name"),
        ({"folder": 5}, "/folder"),
        ({"folder": "/a"}, "/folder"),
    ],
)
def test_a_document_of_another_shape_is_refused(file, changes, word):
    with pytest.raises(CommandError, match=word):
        call_command("import_prompt", file(**changes))


def test_an_unknown_channel_names_those_that_exist(file):
    with pytest.raises(CommandError, match="production, staging"):
        call_command("import_prompt", file(), "--seal", "--release", "nowhere")

    assert not Prompt.objects.exists()


def test_export_and_import_are_a_round_trip(prompt, tmp_path, capsys):
    make_live(prompt, saying("Describe"))
    call_command("export_prompt", prompt.slug)
    first = capsys.readouterr().out
    path = tmp_path / "exported.prompt"
    path.write_text(first.replace("slug: product-text", "slug: copy"))
    call_command("import_prompt", path, "--seal")
    capsys.readouterr()

    call_command("export_prompt", "copy", "--number", "1")

    assert capsys.readouterr().out == path.read_text()
    assert PromptVersion.objects.values("content_hash").distinct().count() == 1


def test_exporting_what_is_not_there_says_so(prompt):
    with pytest.raises(CommandError, match="no live version"):
        call_command("export_prompt", prompt.slug)
    with pytest.raises(CommandError, match="no v7"):
        call_command("export_prompt", prompt.slug, "--number", "7")
    with pytest.raises(CommandError, match="no prompt"):
        call_command("export_prompt", "nope")


def test_what_may_be_left_out_comes_back_the_same(file):
    fit = {"max_input_tokens": 300, "steps": [{"truncate": "product", "keep": 5}]}
    call_command("import_prompt", file(fit=fit), "--seal")
    version = PromptVersion.objects.get()
    document = export_version(version=version)

    assert document["fit"] == fit
    call_command("import_prompt", file(**document), "--seal")
    assert PromptVersion.objects.count() == 1


def test_a_folder_travels_with_its_prompt(file, capsys, tmp_path):
    call_command("import_prompt", file(folder="shop/texts für alle"), "--seal")
    version = PromptVersion.objects.get()
    capsys.readouterr()
    call_command("export_prompt", "gift-text", "--number", "1")
    text = capsys.readouterr().out
    assert "\nfolder: shop/texts für alle\n" in text
    path = tmp_path / "copy.prompt"
    path.write_text(text.replace("slug: gift-text", "slug: copy"))

    call_command("import_prompt", path, "--seal")

    assert version.prompt.folder == Prompt.objects.get(slug="copy").folder == "shop/texts für alle"


def test_a_file_without_a_folder_is_as_it_was(file):
    call_command("import_prompt", file(), "--seal")

    assert "folder" not in export_version(version=PromptVersion.objects.get())
    assert Prompt.objects.get().folder == ""


def test_an_import_moves_no_prompt(file):
    call_command("import_prompt", file(folder="old"), "--seal")
    call_command("import_prompt", file(folder="new"), "--seal")

    assert Prompt.objects.get().folder == "old"


def test_without_it_files_and_hashes_are_as_they_were(file):
    call_command("import_prompt", file(), "--seal")
    version = PromptVersion.objects.get()
    assert "fit" not in export_version(version=version)
    before_there_was_fit = hashlib.sha256(strict_json.canonical(CONTENT)).hexdigest()
    assert version.content_hash == before_there_was_fit


def test_all_prompts_travel_in_a_folder(prompt, tmp_path):
    voice = create_prompt(slug="voice", name="Voice", kind="fragment")
    said = [{"role": "system", "content": "Be kind."}]
    make_sealed(voice, content(messages=said, variables={}, model="", parameters={}))
    include = [{"role": "user", "content": '{% include "voice" %} {{ product }}'}]
    make_live(prompt, content(messages=include))
    call_command("export_prompt", "--all", tmp_path)
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(texts) == {"voice.prompt", "product-text.prompt"}
    for name, slug in (("a.prompt", "product-text"), ("b.prompt", "voice")):
        text = texts[f"{slug}.prompt"].replace("voice", "tone").replace("product-text", "new-text")
        (tmp_path / name).write_text(text)
        (tmp_path / f"{slug}.prompt").unlink()

    call_command("import_prompt", tmp_path, "--seal", "--release", "production")

    new = PromptVersion.objects.get(prompt__slug="new-text")
    assert new.messages[0]["content"] == "Be kind. {{ product }}"
    assert Release.objects.get(prompt=new.prompt).version == new


def test_two_files_of_one_prompt_are_refused(file, tmp_path):
    file()
    (tmp_path / "other.json").write_text((tmp_path / "prompt.json").read_text())

    with pytest.raises(CommandError, match="two files of the prompt gift-text"):
        call_command("import_prompt", tmp_path)


def test_a_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "x.prompt"
    path.write_text("---\nslug: a\nslug: b\n---\n")

    with pytest.raises(CommandError, match=r"x\.prompt: Line 3: slug stands twice"):
        call_command("import_prompt", path)
