"""A prompt engineer's whole way through the admin, and what it refuses."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from apps.prompts.models import Experiment, Prompt, PromptVersion, Release
from tests.prompts.conftest import (
    action,
    browser,
    content,
    make_draft,
    make_live,
    make_prompt,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db


class TestPages:
    def test_every_page_opens_for_a_superuser(self, root, everything):
        for model in ("prompt", "promptversion", "channel", "release", "experiment"):
            assert root.get(page(model)).status_code == 200
        for row in [
            everything,
            *PromptVersion.objects.all(),
            *Release.objects.all(),
            *Experiment.objects.all(),
        ]:
            answer = root.get(page(row._meta.model_name, row.pk))
            assert answer.status_code == 200
            assert not re.search(r"<script>|\sstyle=|\son\w+=", answer.content.decode())
        for model in ("prompt", "channel", "experiment"):
            assert root.get(reverse(f"admin:prompts_{model}_add")).status_code == 200

    def test_every_page_opens_for_a_prompt_engineer(self, desk, everything):
        for model in ("prompt", "promptversion", "channel", "release", "experiment"):
            assert desk.get(page(model)).status_code == 200
        for row in [everything, *PromptVersion.objects.all(), *Experiment.objects.all()]:
            assert desk.get(page(row._meta.model_name, row.pk)).status_code == 200

    def test_a_stranger_sees_nothing(self, everything):
        stranger = browser(User.objects.create_user("stranger", is_staff=True))

        for model in ("prompt", "promptversion", "channel", "release", "experiment"):
            assert stranger.get(page(model)).status_code == 403
        draft = PromptVersion.objects.get(status="draft")
        assert stranger.post(action("promptversion", draft.pk, "seal")).status_code == 403
        assert stranger.post(action("prompt", everything.pk, "roll_back")).status_code == 403

    def test_lists_cost_the_same_for_many(self, root, django_assert_max_num_queries):
        for number in range(6):
            make_live(make_prompt(f"prompt-{number}"))

        with django_assert_max_num_queries(14):
            root.get(page("prompt"))
        with django_assert_max_num_queries(14):
            root.get(page("promptversion"))

    def test_the_list_says_what_is_live_and_what_waits(self, root, everything):
        html = root.get(page("prompt")).content.decode()

        for text in ("staging v2", "v3", "tone"):
            assert text in html
        assert "product-text" in root.get(page("prompt"), {"draft": "yes"}).content.decode()

    def test_the_prompt_page_shows_how_to_use_it(self, root, everything):
        html = root.get(page("prompt", everything.pk)).content.decode()

        assert "/api/v1/jobs/" in html
        assert "a red kettle" in html
        assert "from openai import OpenAI" in html

    def test_what_a_template_says_is_only_text(self, root, prompt):
        bad = "<script>alert(1)</script>"
        version = make_sealed(
            prompt, content(messages=[{"role": "user", "content": f"{bad}{{{{ product }}}}"}])
        )

        for url in (page("promptversion", version.pk), page("prompt", prompt.pk)):
            html = root.get(url).content.decode()
            assert bad not in html
        assert (
            "&lt;script&gt;alert(1)" in root.get(page("promptversion", version.pk)).content.decode()
        )


class TestSealAndRelease:
    def test_sealing_asks_and_then_freezes(self, desk, prompt, engineer):
        draft = make_draft(prompt, by=engineer)
        url = action("promptversion", draft.pk, "seal")
        asked = desk.get(url)
        form = asked.context["form"]

        desk.post(url, {"note": "Shorter.", "expected_hash": form["expected_hash"].value()})

        draft.refresh_from_db()
        assert (draft.status, draft.note) == ("sealed", "Shorter.")

    def test_a_faulty_draft_is_not_sealed(self, desk, prompt):
        draft = make_draft(prompt, content(messages=[{"role": "user", "content": "{{ oops"}]))
        url = action("promptversion", draft.pk, "seal")
        shown = desk.get(url).context["form"]["expected_hash"].value()

        html = desk.post(url, {"note": "x", "expected_hash": shown}).content.decode()

        assert "line 1" in html
        draft.refresh_from_db()
        assert draft.status == "draft"

    def test_a_sealed_version_cannot_be_posted_to(self, root, prompt):
        version = make_sealed(prompt)

        answer = root.post(page("promptversion", version.pk), {"model": "other"})

        assert answer.status_code == 403
        version.refresh_from_db()
        assert version.model == "small"

    def test_an_approver_releases_with_a_reason(self, prompt, production, approver):
        version = make_sealed(prompt)
        url = action("promptversion", version.pk, "release_to")
        desk = browser(approver)

        assert (
            "This field is required"
            in desk.post(url, {"channel": production.pk, "reason": ""}).content.decode()
        )
        desk.post(url, {"channel": production.pk, "reason": "Better."})

        release = Release.objects.get()
        assert (release.version, release.actor, release.reason) == (version, approver, "Better.")

    def test_the_permission_of_protected_channels_is_asked_by_the_service(
        self, prompt, production, engineer
    ):
        version = make_sealed(prompt)
        url = action("promptversion", version.pk, "release_to")

        html = browser(engineer).post(url, {"channel": production.pk, "reason": "x"})

        assert "is protected" in html.content.decode()
        assert not Release.objects.exists()

    def test_rolling_back_needs_a_reason_and_names_the_target(self, prompt, production, approver):
        make_live(prompt, saying("Describe"))
        make_live(prompt, saying("Praise"))
        desk = browser(approver)
        url = action("prompt", prompt.pk, "roll_back")

        assert "production: back to v1" in desk.get(url).content.decode()
        desk.post(url, {"channel": "production", "reason": ""})
        assert Release.objects.count() == 2
        desk.post(url, {"channel": "production", "reason": "Worse."})

        assert Release.objects.get(ended_at=None).version.number == 1

    def test_a_draft_is_compared_with_what_is_live(self, desk, prompt):
        make_live(prompt)
        draft = make_draft(prompt, saying("Praise"))

        html = desk.get(page("promptversion", draft.pk)).content.decode()

        assert "<del>Describe {{ product }}.</del>" in html
        assert "<ins>Praise {{ product }}.</ins>" in html


def test_a_prompt_is_made_with_its_tags_and_a_first_draft(desk):
    answer = desk.post(
        reverse("admin:prompts_prompt_add"),
        {
            "kind": "task",
            "slug": "gift",
            "name": "Gift",
            "tags": "shop, texts,",
            "on_unknown": "fail",
        },
    )

    made = Prompt.objects.get()
    assert (made.tags, made.on_unknown) == (["shop", "texts"], "fail")
    assert answer["location"] == page("promptversion", made.versions.get().pk)
