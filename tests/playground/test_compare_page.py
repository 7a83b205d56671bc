"""Two versions beside each other: what is chosen by default, what is shown, and what follows."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from apps.evals.models import Case, Dataset, DatasetVersion
from apps.prompts import services
from apps.prompts.models import Channel, PromptVersion
from apps.results.models import VersionHour
from tests.prompts.conftest import (
    action,
    browser,
    content,
    go_live,
    make_draft,
    make_live,
    make_person,
    make_prompt,
    make_sealed,
    page,
    saying,
)
from tests.prompts.including import including, make_fragment, seal_next

pytestmark = pytest.mark.django_db


def opened(client, prompt, **query):
    answer = client.get(reverse("admin:prompt_compare", args=[prompt.pk]), query)
    assert answer.status_code == 200
    return answer


def sides(answer):
    return [side["version"].number for side in answer.context["sides"]]


class TestChoosing:
    def test_the_newest_is_compared_with_what_is_live(self, desk, prompt, small):
        make_live(prompt, saying("Describe"))
        make_sealed(prompt, saying("Praise"))
        make_draft(prompt, saying("Sell"))

        assert sides(opened(desk, prompt)) == [1, 3]
        assert sides(opened(desk, prompt, b=2)) == [1, 2]
        assert sides(opened(desk, prompt, a=2, b=3)) == [2, 3]

    def test_what_is_live_is_compared_with_the_one_before(self, desk, prompt, small):
        make_sealed(prompt, saying("Describe"))
        make_live(prompt, saying("Praise"))

        assert sides(opened(desk, prompt)) == [1, 2]

    def test_a_single_version_has_nothing_beside_it(self, desk, prompt, small):
        make_draft(prompt)

        assert "Both sides are the same version" in opened(desk, prompt).content.decode()

    def test_without_a_version_there_is_only_the_form(self, desk, prompt):
        assert "sides" not in opened(desk, prompt).context

    def test_a_version_that_is_not_there_is_said(self, desk, prompt, small):
        make_live(prompt)

        assert "99 is not one of the available choices" in (
            opened(desk, prompt, a=99).content.decode()
        )

    def test_pickers_tell_channels_and_notes_and_sides_swap(self, desk, prompt, small):
        make_live(prompt, saying("Describe"))
        make_sealed(prompt, saying("Praise"))

        html = opened(desk, prompt).content.decode()

        assert "v1 · production · A change." in html
        assert "v2 · sealed · A change." in html
        assert "?a=2&amp;b=1&amp;show=differences&amp;sample=samples" in html

    def test_every_page_of_a_prompt_leads_there(self, root, everything):
        url = reverse("admin:prompt_compare", args=[everything.pk])
        draft = PromptVersion.objects.get(status="draft")
        for address in (
            page("prompt"),
            page("prompt", everything.pk),
            page("promptversion", draft.pk),
        ):
            assert f"{url}?b={draft.number}" in root.get(address).content.decode()

    def test_so_does_a_request_with_exactly_what_it_is_about(self, desk, prompt, small):
        production = Channel.objects.get(slug="production")
        go_live(make_sealed(prompt, saying("Describe")))
        services.request_release(
            prompt=prompt, channel=production, version=make_sealed(prompt, saying("Praise")),
            reason="Better.", by=make_person("approver", "approver"), now=timezone.now(),
        )  # fmt: skip
        asked = prompt.release_requests.get()
        make_sealed(prompt, saying("Sell"))

        html = desk.get(page("releaserequest", asked.pk)).content.decode()

        assert f"{reverse('admin:prompt_compare', args=[prompt.pk])}?a=1&amp;b=2" in html


class TestWhatIsShown:
    def test_words_variables_and_settings_side_by_side(self, desk, prompt, small):
        make_live(prompt)
        make_sealed(
            prompt,
            content(
                messages=[{"role": "user", "content": "Describe {{ product }} warmly."}],
                variables={"product": {"type": "string", "sample": "a red kettle"}},
                parameters={"max_tokens": 90},
            ),
        )

        html = opened(desk, prompt).content.decode()

        assert "<ins> warmly</ins>" in html
        assert "<del>You write short texts for a shop.</del>" in html
        assert "<del>60</del>" in html
        assert "<ins>90</ins>" in html
        assert "max_length <del>20</del>" in html
        assert "Describe a red kettle<ins> warmly</ins>." in html

    def test_what_is_equal_is_shown_on_demand(self, desk, prompt, small):
        make_live(prompt)
        make_sealed(prompt, content(parameters={"max_tokens": 90}))

        assert "You write short texts" not in opened(desk, prompt).content.decode()
        assert "You write short texts" in (opened(desk, prompt, show="everything").content.decode())

    def test_pins_of_fragments(self, desk, prompt, small):
        voice = make_fragment()
        make_live(prompt, including("voice"))
        seal_next(voice, "Be kind and brief.")
        draft = make_draft(prompt, including("voice", text=" Praise {{ product }}."))

        html = opened(desk, prompt, b=draft.number).content.decode()

        assert "<del>v1</del>" in html
        assert "<ins>newest, now v2</ins>" in html
        assert "Be kind<ins> and brief</ins>" in html  # as rendered

    def test_a_template_is_only_text(self, desk, prompt, small):
        make_live(prompt, saying("Describe"))
        make_draft(prompt, saying("<script>alert(1)</script> Describe"))

        html = opened(desk, prompt).content.decode()

        assert "<script>alert" not in html
        assert " style=" not in html

    def test_a_faulty_draft_says_so_and_the_rest_is_shown(self, desk, prompt, small):
        make_live(prompt, saying("Describe"))
        make_draft(prompt, content(messages=[{"role": "user", "content": "{{ oops"}]))

        html = opened(desk, prompt).content.decode()

        assert "{{ oops" in html
        assert "p-alert--bad" in html

    def test_measurements_have_their_n(self, desk, prompt, small):
        make_live(prompt, saying("Describe"))
        make_sealed(prompt, saying("Praise"))
        hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        for number, calls, failed in ((1, 4_000, 40), (2, 100, 2)):
            for channel in ("production", "staging"):
                VersionHour.objects.create(
                    prompt=prompt.slug, prompt_version=number, channel=channel, hour=hour,
                    calls=calls // 2, failed=failed // 2, cost_pico=calls * 10**9,
                )  # fmt: skip

        html = " ".join(opened(desk, prompt).content.decode().split())

        row = html.split(">No answer</th>")[1].split("</tr>")[0]
        assert re.findall(r">([^<>]+)<", row) == ["1.0%", "4,000", "2.0%", "100", "+100.0%"]

    def test_it_costs_the_same_for_many_versions(
        self, desk, prompt, small, django_assert_max_num_queries
    ):
        make_live(prompt)
        for number in range(8):
            make_sealed(prompt, saying(f"Describe {number}"))

        with django_assert_max_num_queries(30):
            opened(desk, prompt)


class TestExamples:
    @pytest.fixture
    def case(self, prompt):
        dataset = Dataset.objects.create(prompt=prompt, slug="shop", name="Shop")
        version = DatasetVersion.objects.create(dataset=dataset, number=1)
        case = Case.objects.create(version=version, key="cup", variables={"product": "a blue cup"})
        DatasetVersion.objects.filter(pk=version.pk).update(published_at=timezone.now())
        return case

    def test_a_case_fills_both_sides(self, root, prompt, case, small):
        make_live(prompt, saying("Describe"))
        make_sealed(prompt, saying("Praise"))

        html = opened(root, prompt, sample=case.pk).content.decode()

        assert "<del>Describe</del> a blue cup." in html
        assert "<ins>Praise</ins> a blue cup." in html

    def test_cases_are_for_those_who_may_see_them(self, prompt, case, small):
        make_live(prompt)
        reader = browser(make_person("reader", "approver"))
        stranger = User.objects.create_user("stranger", is_staff=True)
        stranger.user_permissions.add(Permission.objects.get(codename="view_promptversion"))

        assert "shop v1: cup" in opened(reader, prompt).content.decode()
        assert "shop v1: cup" not in opened(browser(stranger), prompt).content.decode()

    def test_cases_of_other_prompts_are_not_offered(self, root, prompt, case, small):
        other = make_prompt("other")
        make_live(other)

        html = opened(root, other, sample=case.pk).content.decode()

        assert "is not one of the available choices" in html


class TestWhatFollows:
    def test_an_old_version_comes_back_as_a_draft(self, desk, prompt, engineer, small):
        old = make_live(prompt, saying("Describe")).version
        make_live(prompt, saying("Praise"))

        answer = desk.post(action("promptversion", old.pk, "new_draft"))

        draft = PromptVersion.objects.get(status="draft")
        assert answer["Location"] == page("promptversion", draft.pk)
        assert (draft.parent, draft.author, draft.messages) == (old, engineer, old.messages)

    def test_a_second_draft_of_one_person_is_refused(self, desk, prompt, engineer, small):
        old = make_live(prompt).version
        desk.post(action("promptversion", old.pk, "new_draft"))

        answer = desk.post(action("promptversion", old.pk, "new_draft"), follow=True)

        assert "You have a draft already" in answer.content.decode()
        assert PromptVersion.objects.filter(status="draft").count() == 1

    def test_looking_makes_no_draft(self, desk, prompt, small):
        old = make_live(prompt).version

        desk.get(action("promptversion", old.pk, "new_draft"))

        assert not PromptVersion.objects.filter(status="draft").exists()

    def test_buttons_are_for_those_who_may(self, prompt, engineer, small):
        make_live(prompt)
        make_sealed(prompt, saying("Praise"))
        reader = User.objects.create_user("reader", is_staff=True)
        auditor = browser(make_person("auditor", "auditor"))

        assert "Restore v1" in opened(browser(engineer), prompt).content.decode()
        html = opened(auditor, prompt).content.decode()
        assert "Restore v1" not in html
        assert "Request release" not in html
        url = reverse("admin:prompt_compare", args=[prompt.pk])
        assert browser(reader).get(url).status_code == 403
        assert browser(reader).post(url).status_code == 405
        live = prompt.versions.get(number=1)
        assert auditor.post(action("promptversion", live.pk, "new_draft")).status_code == 403
