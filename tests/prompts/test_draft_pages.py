"""Drafts in the admin: made, edited by two, saved whatever they hold."""

import pytest
from django.urls import reverse

from apps.prompts import services
from apps.prompts.models import PromptVersion
from tests.prompts.conftest import (
    action,
    content,
    make_draft,
    make_live,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db
NUMBERS = {"type": "object", "properties": {"n": {"type": "number", "maximum": 1e20}}}


def fields_of(response):
    """What a browser would post from the page's main form, as it stands."""
    form = response.context["adminform"].form
    html = response.content.decode()
    values = {name: form[name].value() or "" for name in ("model", "note", "seen")}
    values |= {
        name: form[name].value() or "" for name in ("parameters", "response_schema", "tools")
    }
    for group in ("messages", "variables"):
        widget = form.fields[group].widget
        shown = widget.get_context(group, form[group].value(), {})
        values[f"{group}-count"] = str(shown["count"])
        for row in shown["rows"]:
            for key in widget.keys:
                assert f'name="{group}-{row["index"]}-{key}"' in html
                if key != "required" or row[key]:
                    values[f"{group}-{row['index']}-{key}"] = row[key]
    return values


class TestDrafts:
    def test_a_draft_is_made_from_the_live_version(self, desk, prompt, engineer):
        live = make_live(prompt).version

        answer = desk.post(action("prompt", prompt.pk, "new_draft_from_live"))

        draft = PromptVersion.objects.get(status="draft")
        assert answer["Location"] == page("promptversion", draft.pk)
        assert (draft.parent, draft.author, draft.messages) == (live, engineer, live.messages)

    def test_opening_the_address_makes_nothing(self, desk, prompt):
        desk.get(action("prompt", prompt.pk, "new_draft_from_live"))

        assert not PromptVersion.objects.exists()

    def test_saving_untouched_changes_nothing(self, desk, prompt):
        before = make_draft(
            prompt,
            content(
                variables={
                    "product": {
                        "type": "string",
                        "required": True,
                        "trust": "service",
                        "sensitivity": "none",
                        "sample": "tea",
                    },
                    "tags": {
                        "type": "list",
                        "required": False,
                        "trust": "end_user",
                        "sensitivity": "personal",
                        "default": [],
                        "sample": ["a", 1],
                    },
                    "count": {
                        "type": "integer",
                        "required": True,
                        "trust": "service",
                        "sensitivity": "none",
                        "sample": 0,
                        "max_length": None,
                    },
                },
                response_schema={"type": "object"},
            ),
        )
        before.variables["count"].pop("max_length")
        url = page("promptversion", before.pk)

        answer = desk.post(url, fields_of(desk.get(url)))

        assert answer.status_code == 302
        after = PromptVersion.objects.get(pk=before.pk)
        assert services.content_of(after).as_json() == services.content_of(before).as_json()

    def test_messages_are_added_removed_and_ordered(self, desk, prompt):
        draft = make_draft(prompt)
        url = page("promptversion", draft.pk)
        values = fields_of(desk.get(url))
        values |= {
            "messages-0-content": "",
            "messages-1-position": "9",
            "messages-2-position": "1",
            "messages-2-role": "placeholder",
            "messages-2-content": "history",
            "messages-3-role": "system",
            "messages-3-content": "Line one\r\nline two",
        }

        desk.post(url, values)

        draft.refresh_from_db()
        assert draft.messages == [
            {"placeholder": "history"},
            {"role": "user", "content": "Describe {{ product }}."},
            {"role": "system", "content": "Line one\nline two"},
        ]

    def test_all_faults_are_shown_after_saving(self, desk, prompt):
        draft = make_draft(prompt)
        url = page("promptversion", draft.pk)
        values = fields_of(desk.get(url)) | {"messages-1-content": "{{ price }}", "model": "huge"}

        html = desk.post(url, values, follow=True).content.decode()

        assert "Draft saved, with 1 fault to mend." in html
        assert "Uses “price”, which is not declared." in html
        assert "“product” is declared but not used." in html
        assert "No route or model is called “huge”" in html

    def test_what_cannot_be_read_is_refused_and_kept_on_the_page(self, desk, prompt):
        draft = make_draft(prompt)
        url = page("promptversion", draft.pk)
        values = fields_of(desk.get(url)) | {
            "parameters": "{not json",
            "variables-0-type": "list",
            "variables-0-sample": "[1,",
            "variables-0-max_length": "many",
            "variables-1-name": "product",
        }

        answer = desk.post(url, values)

        html = answer.content.decode()
        assert answer.status_code == 200
        for text in (
            "Not valid JSON",
            "product: sample must be JSON",
            "product: max length must be a whole number",
            "“product” is declared twice",
            "{not json",
            "[1,",
        ):
            assert text in html
        before = draft.updated_at
        draft.refresh_from_db()
        assert draft.updated_at == before

    def test_a_second_editor_is_told_and_loses_no_text(self, desk, prompt):
        draft = make_draft(prompt)
        url = page("promptversion", draft.pk)
        values = fields_of(desk.get(url)) | {"messages-1-content": "Mine {{ product }}"}
        services.save_draft(version=draft, content=saying("Theirs"))

        html = desk.post(url, values).content.decode()

        assert "after you opened it" in html
        assert "Mine {{ product }}" in html
        draft.refresh_from_db()
        assert draft.messages[0]["content"].startswith("Theirs")

    @pytest.mark.parametrize(
        "extra",
        [
            {"messages-count": "x"},
            {"messages-count": "99999999"},
            {"seen": "yesterday"},
            {"messages-0-role": "robot"},
            {"messages-0-content": "nul \x00"},
            {"parameters": "[" * 5000},
            {"parameters": '{"seed": 1e999}'},
            {"response_schema": '{"a": ' * 60 + "1" + "}" * 60},
        ],
    )
    def test_odd_posts_never_break_the_page(self, desk, prompt, extra):
        draft = make_draft(prompt)
        url = page("promptversion", draft.pk)

        answer = desk.post(url, fields_of(desk.get(url)) | extra)

        assert answer.status_code in (200, 302)
        assert desk.get(url).status_code == 200

    def test_a_draft_is_deleted_but_a_sealed_version_is_not(self, desk, prompt):
        draft, sealed = make_draft(prompt, saying("Draft")), make_sealed(prompt)
        for version in (draft, sealed):
            desk.post(
                reverse("admin:prompts_promptversion_delete", args=[version.pk]), {"post": "yes"}
            )

        assert list(PromptVersion.objects.all()) == [sealed]

    def test_the_list_offers_no_bulk_delete(self, root, prompt):
        make_sealed(prompt)

        assert "delete_selected" not in root.get(page("promptversion")).content.decode()


class TestDraftsOfAnyShape:
    """The API and files store whatever JSON somebody sent; its author has to see what is wrong."""

    @pytest.mark.parametrize("what", [5, True, "x", ["x"], [[]], {"a": 1}, 1e300])
    @pytest.mark.parametrize("field", ["messages", "variables", "parameters", "fit", "tools"])
    def test_pages_open(self, root, prompt, field, what):
        make_live(prompt)
        draft = make_draft(prompt, content(**{field: what}))

        for path in (page("promptversion", draft.pk), page("prompt", prompt.pk)):
            assert root.get(path).status_code == 200
        comments = reverse("admin:prompts_promptversion_comments", args=[draft.pk])
        assert root.get(comments).status_code == 200

    def test_numbers_that_postgres_gives_back_as_whole_ones(self, root, prompt):
        """1e20 comes back as an integer beyond 64 bits."""
        tool = {"type": "function", "function": {"name": "f", "parameters": NUMBERS}}
        make_live(prompt)
        sealed = make_sealed(prompt, content(response_schema=NUMBERS, tools=[tool]))

        answer = root.get(page("promptversion", sealed.pk))
        assert answer.status_code == 200
        assert "1e+20" in answer.content.decode()
