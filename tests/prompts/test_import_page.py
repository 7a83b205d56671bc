"""Text files come in through the admin: first a look, then exactly what was shown, or nothing."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.audit.models import AuditEntry
from apps.prompts import textfile
from apps.prompts.bundles import TextFile, pack
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.services import create_prompt, export_version
from tests.prompts.conftest import (
    browser,
    go_live,
    make_draft,
    make_live,
    make_person,
    make_prompt,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db
URL = "/admin/prompts/prompt/import/"
FILE = """---
slug: gift-text
model: small
variables:
  product:
    required: true
    type: string
---
<<< system >>>
Be kind.
<<< user >>>
Describe {{ product }}.
"""


def upload(text, name="gift.prompt"):
    data = text.encode() if isinstance(text, str) else text
    return SimpleUploadedFile(name, data)


def look(client, *texts):
    return client.post(
        URL, {"chosen": [upload(text, f"{n}.prompt") for n, text in enumerate(texts)]}
    )


def steps(answer):
    assert answer.status_code == 200
    return answer.context["plan"].steps


def confirm(client, seen):
    return client.post(URL, {"plan": seen.context["sealed_plan"]}, follow=True)


def errors(answer):
    return [str(message) for message in answer.context["messages"]]


class TestLook:
    def test_a_new_prompt(self, desk):
        before = AuditEntry.objects.count()
        answer = look(desk, FILE)

        (step,) = steps(answer)
        assert (step.effect, str(step.version), step.faults) == ("new prompt", "gift-text v1", ())
        assert "Describe {{ product }}." in answer.content.decode()
        assert answer.context["drafts"] == 1
        assert not Prompt.objects.exists()
        assert AuditEntry.objects.count() == before

    def test_a_new_draft_is_laid_beside_what_is_live(self, desk, prompt):
        live = make_live(prompt, saying("Praise")).version
        make_sealed(prompt, saying("Sell"))
        text = textfile.write(export_version(version=live)).replace("Praise", "Describe")

        (step,) = steps(look(desk, text))

        assert (step.effect, step.version.number, step.base) == ("new draft", 3, live)
        kinds = {(line.kind, line.text) for one in step.sections for line in one.lines}
        assert ("old", "Praise {{ product }}.") in kinds
        assert ("new", "Describe {{ product }}.") in kinds
        assert prompt.versions.count() == 2

    def test_what_is_here_already_is_unchanged(self, desk, engineer, prompt):
        version = make_sealed(prompt)
        other = make_prompt("other")
        draft = make_draft(other, saying("Mine"), by=engineer)
        texts = [textfile.write(export_version(version=row)) for row in (version, draft)]

        answer = look(desk, *texts)

        assert [(one.effect, one.version) for one in steps(answer)] == [
            ("unchanged", version),
            ("unchanged", draft),
        ]
        assert answer.context["sealed_plan"] == ""

    def test_each_fault_is_told_with_its_line(self, desk):
        bad_yaml = FILE.replace("model: small", "model: small\nslug: twice")
        unknown = FILE.replace("model: small", "model: small\nsurprise: 1\ntags: 5")
        no_head = FILE.replace("<<< system >>>", "system:")

        answer = look(desk, bad_yaml, unknown, no_head)

        assert [
            [(one.line, one.fault.pointer) for one in step.faults] for step in steps(answer)
        ] == [[(4, "")], [(4, "/surprise"), (5, "/tags")], [(9, "")]]
        assert {step.effect for step in steps(answer)} == {"refused"}

    def test_what_a_draft_must_mend_is_told_with_its_line(self, desk):
        text = FILE.replace("Describe {{ product }}.", "One.\n\n{{ product | boom }}\n")
        text = text.replace("type: string", "type: strong")

        (step,) = steps(look(desk, text))

        assert step.effect == "new prompt"
        assert [(one.line, one.fault.pointer) for one in step.faults] == [
            (7, "/variables/product/type"),
            (14, "/messages/1/content"),
        ]
        assert text.split("\n")[6].strip() == "type: strong"
        assert text.split("\n")[13] == "{{ product | boom }}"

    def test_a_file_of_json_has_lines_too(self, desk):
        text = '{\n "slug": "a",\n "model": "small",\n "tags": 5,\n "messages": [\n {}]}'

        (step,) = steps(look(desk, text))

        assert [(one.line, one.fault.pointer) for one in step.faults] == [(4, "/tags")]

    def test_two_files_of_one_prompt(self, desk):
        first, second = steps(look(desk, FILE, FILE))

        assert (first.effect, second.effect) == ("new prompt", "refused")
        assert second.faults[0].line == 2
        assert "0.prompt is a file of the prompt gift-text too" in second.faults[0].fault.detail

    def test_a_draft_of_ones_own_stands_in_the_way(self, desk, engineer, prompt):
        make_draft(prompt, saying("Mine"), by=engineer)

        (step,) = steps(look(desk, FILE.replace("gift-text", prompt.slug)))

        assert step.effect == "refused"
        assert "You have a draft already" in step.faults[0].fault.detail

    def test_the_other_kind_is_refused(self, desk):
        create_prompt(slug="gift-text", name="Gift", kind="fragment")

        (step,) = steps(look(desk, FILE))

        assert [(one.line, one.fault.code) for one in step.faults] == [(None, "other_kind")]

    def test_what_stays_of_the_prompt_is_said(self, desk):
        make_sealed(make_prompt("gift-text"), saying("One"))

        (step,) = steps(look(desk, FILE.replace("model:", "owner: Shop\nmodel:")))

        assert step.left == ("owner",)

    def test_pasted_text_and_zips(self, desk):
        other = FILE.replace("gift-text", "other")
        bundle = pack([TextFile("a.prompt", FILE.encode()), TextFile("read.me", b"x")])

        answer = desk.post(
            URL, {"text": other.replace("\n", "\r\n"), "chosen": upload(bundle, "x.zip")}
        )

        assert [(one.name, one.effect) for one in steps(answer)] == [
            ("a.prompt", "new prompt"),
            ("pasted text", "new prompt"),
        ]

    def test_lines_that_end_as_on_windows(self, desk):
        (step,) = steps(look(desk, ("\ufeff" + FILE).replace("\n", "\r\n")))

        assert step.version.messages == [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Describe {{ product }}."},
        ]


class TestConfirm:
    def test_what_was_shown_is_made(self, desk, engineer, prompt):
        live = make_live(prompt)
        seen = look(desk, FILE, FILE.replace("gift-text", prompt.slug))

        answer = confirm(desk, seen)

        assert errors(answer) == [
            "Imported as drafts: gift-text v1, product-text v2. Nothing that is live changed."
        ]
        drafts = PromptVersion.objects.filter(status="draft", author=engineer)
        assert sorted(map(str, drafts)) == ["gift-text v1", "product-text v2"]
        live.refresh_from_db()
        assert live.ended_at is None
        gift = Prompt.objects.get(slug="gift-text")
        made = AuditEntry.objects.get(pgh_obj_model="prompts.Prompt", pgh_obj_id=str(gift.pk))
        assert made.pgh_context["reason"] == "Import of 2 files."
        assert made.pgh_context["user"] == engineer.pk

    def test_somebody_was_faster(self, desk, approver, prompt):
        make_live(prompt)
        seen = look(desk, FILE, FILE.replace("gift-text", prompt.slug))
        make_draft(prompt, saying("Theirs"), by=approver)

        answer = confirm(desk, seen)

        assert errors(answer) == [
            "Something changed since you looked. Nothing was imported; look again."
        ]
        assert not Prompt.objects.filter(slug="gift-text").exists()
        assert prompt.versions.count() == 2
        assert [one.version.number for one in steps(answer)] == [1, 3]
        assert (
            "Imported as drafts: gift-text v1, product-text v3" in errors(confirm(desk, answer))[0]
        )

    def test_another_version_went_live(self, desk, prompt):
        second = make_sealed(prompt, saying("Two"))
        make_live(prompt, saying("One"))
        seen = look(desk, FILE.replace("gift-text", prompt.slug))
        go_live(second)

        assert "Something changed" in errors(confirm(desk, seen))[0]
        assert not prompt.versions.filter(status="draft").exists()

    def test_a_look_of_somebody_else_or_a_changed_one_does_not_count(self, desk):
        seen = look(desk, FILE)
        other = browser(make_person("other", "prompt-engineer"))

        assert "Something changed" in errors(confirm(other, seen))[0]
        for forged in (seen.context["sealed_plan"][:-1], "x", ""):
            answer = desk.post(URL, {"plan": forged})
            assert "cannot be confirmed" in errors(answer)[0]
        assert not Prompt.objects.exists()

    def test_twice_makes_one(self, desk):
        seen = look(desk, FILE)
        confirm(desk, seen)

        assert "Something changed" in errors(confirm(desk, seen))[0]
        assert PromptVersion.objects.count() == 1

    def test_one_refused_file_keeps_all_out(self, desk):
        answer = look(desk, FILE, FILE.replace("gift-text", "two words"))

        assert [step.effect for step in steps(answer)] == ["new prompt", "refused"]
        assert answer.context["sealed_plan"] == ""


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("prompt-engineer", 200),
        ("administrator", 200),
        ("approver", 403),
        ("operator", 403),
        ("auditor", 403),
        ("finance", 403),
        ("service-developer", 403),
    ],
)
def test_who_may_import(db, role, status):
    client = browser(make_person("person", role))

    assert client.get(URL).status_code == status
    assert look(client, FILE).status_code == status
    if role != "finance":
        listed = client.get(page("prompt")).content.decode()
        assert (URL in listed) == (status == 200)
