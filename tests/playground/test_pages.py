"""The playground's pages without a script: every button, every role, and what nobody may see."""

from uuid import uuid4

import pytest
from django.urls import reverse

from apps.budgets.models import Budget
from apps.evals.models import Case
from apps.jobs.models import Job
from apps.playground.models import PastCallLook, Run
from tests.evals.runs import end_job
from tests.playground.conftest import posted
from tests.playground.runs import past_call, run_it
from tests.prompts.conftest import (
    CONTENT,
    browser,
    content,
    make_draft,
    make_live,
    make_person,
    make_sealed,
    page,
)

pytestmark = pytest.mark.django_db
ROLES = ["approver", "finance", "operator", "auditor", "service-developer"]


@pytest.fixture
def sealed(prompt, small):
    return make_sealed(prompt)


def address(prompt, query=""):
    return reverse("admin:playground", args=[prompt.pk]) + query


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def fields(version, step, **changes):
    given = {"token": uuid4(), "version_1": version.pk, "value_product": "a blue cup"}
    return {"step": step} | given | changes


class TestOpening:
    def test_a_version_stands_beside_what_is_live(self, account, prompt, desk):
        live = make_live(prompt, channel="staging").version
        draft = make_draft(prompt)

        shown = desk.get(address(prompt, "?version=2")).context["form"]

        assert [shown[f"version_{n}"].value() for n in (1, 2)] == [str(draft.pk), str(live.pk)]
        assert shown["value_product"].value() == "a red kettle"

    def test_it_says_what_it_costs_before_anything_is_sent(self, account, prompt, sealed, desk):
        shown = text(desk.get(address(prompt)))

        assert "At most" in shown
        assert "Left in the budget" in shown
        assert "$25.00" in shown

    def test_it_shows_what_each_column_will_be_sent(self, account, prompt, sealed, desk):
        draft = make_draft(
            prompt, content(messages=[{"role": "user", "content": "<{{ product }}>"}])
        )
        given = fields(sealed, "update", version_2=draft.pk)

        shown = text(desk.post(address(prompt), given))

        assert "Describe a blue cup." in shown
        assert "&lt;a blue cup&gt;" in shown
        assert not Job.objects.exists()

    def test_before_the_first_run_it_says_who_will_pay(self, prompt, sealed, desk):
        assert "from a hard budget of its own" in text(desk.get(address(prompt)))
        assert not Budget.objects.exists()

    def test_a_prompt_without_a_version_leads_to_its_page(self, account, prompt, desk):
        assert "Begin with a draft" in text(desk.get(address(prompt)))

    @pytest.mark.parametrize("role", ROLES)
    def test_other_roles_are_refused(self, account, prompt, sealed, engineer, role):
        run = run_it(prompt, sealed, by=engineer)
        client = browser(make_person("somebody", role))
        trial = run.trials.get().pk
        refused = [
            client.get(address(prompt)),
            client.post(address(prompt), fields(sealed, "run")),
            client.post(reverse("admin:playground_cost", args=[prompt.pk])),
            client.get(reverse("admin:playground_run", args=[run.pk])),
            client.get(reverse("admin:playground_columns", args=[run.pk])),
            client.post(reverse("admin:playground_stop", args=[run.pk])),
            client.get(reverse("admin:playground_keep", args=[trial])),
        ]

        assert {response.status_code for response in refused} == {403}
        assert Job.objects.count() == 1

    @pytest.mark.parametrize("role", ROLES)
    def test_nothing_leads_other_roles_there(self, account, prompt, sealed, role):
        client = browser(make_person("somebody", role))
        for url in (page("prompt", prompt.pk), page("promptversion", sealed.pk)):
            assert "playground" not in client.get(url).content.decode()

    def test_prompt_version_and_draft_lead_there(self, account, prompt, sealed, desk):
        draft = make_draft(prompt)

        assert address(prompt) in text(desk.get(page("prompt", prompt.pk)))
        assert address(prompt, "?version=1") in text(desk.get(page("promptversion", sealed.pk)))
        shown = text(desk.get(page("promptversion", draft.pk)))
        assert address(prompt, "?version=2") in shown
        assert "Save and run…" in shown


class TestRunning:
    def test_run_leads_to_the_run(self, account, prompt, sealed, desk):
        answer = desk.post(address(prompt), fields(sealed, "run"))

        run = Run.objects.get()
        assert answer.headers["Location"] == reverse("admin:playground_run", args=[run.pk])
        assert run.values == {"product": "a blue cup"}

    def test_sent_twice_it_is_one_run(self, account, prompt, sealed, desk):
        given = fields(sealed, "run")

        first, second = desk.post(address(prompt), given), desk.post(address(prompt), given)

        assert first.headers["Location"] == second.headers["Location"]
        assert Job.objects.count() == 1

    def test_enter_in_a_field_spends_nothing(self, account, prompt, sealed, desk):
        """Browsers press the first button of a form."""
        shown = text(desk.get(address(prompt)))
        form = shown[shown.index('id="setup"') :]

        assert form.index('name="step" value="update"') < form.index('name="step" value="run"')

    def test_what_stands_against_it_stays_on_the_page(self, account, prompt, sealed, desk):
        shown = text(desk.post(address(prompt), fields(sealed, "run", value_product="x" * 30)))

        assert "/variables/product" in shown
        assert "x" * 30 in shown
        assert not Job.objects.exists()

    def test_a_budget_without_room_is_a_sentence_with_a_link(self, account, prompt, sealed):
        Budget.objects.update(limit_pico=1)
        root = browser(make_person("boss", "administrator"))

        shown = text(root.post(address(prompt), fields(sealed, "run")))

        assert "Budget “playground” has" in shown
        assert reverse("admin:budgets_budget_change", args=[Budget.objects.get().pk]) in shown
        assert not Job.objects.exists()

    def test_while_it_is_open_a_page_without_scripts_comes_again(
        self, account, prompt, sealed, engineer, desk
    ):
        run = run_it(prompt, sealed, by=engineer)
        url = reverse("admin:playground_run", args=[run.pk])
        again = '<noscript><meta http-equiv="refresh" content="2"></noscript>'

        assert again in text(desk.get(url))
        end_job(Job.objects.get(), "A cup of blue.")

        shown = text(desk.get(url))
        assert again not in shown
        assert "A cup of blue." in shown

    def test_what_a_model_says_is_never_markup(self, account, prompt, sealed, engineer, desk):
        run = run_it(prompt, sealed, by=engineer)
        end_job(Job.objects.get(), "<script>alert(1)</script>")

        answer = desk.get(reverse("admin:playground_columns", args=[run.pk])).json()

        assert "<script>" not in answer["html"]
        assert answer["open"] is False
        assert answer["said"] == "1 of 1 ended."

    def test_stop_stops(self, account, prompt, sealed, engineer, desk):
        run = run_it(prompt, sealed, by=engineer)

        shown = text(desk.post(reverse("admin:playground_stop", args=[run.pk]), follow=True))

        assert "1 column stopped." in shown
        assert Job.objects.get().status == "cancelled"

    def test_a_run_is_filled_in_as_it_was_sent(self, account, prompt, sealed, engineer, desk):
        run = run_it(prompt, sealed, by=engineer, values={"product": "a bowl"}, cached=True)

        form = desk.get(reverse("admin:playground_run", args=[run.pk])).context["form"]

        assert form.asked.values == {"product": "a bowl"}
        assert form.asked.cached
        assert [choice.version for choice in form.asked.choices] == [sealed]

    def test_save_and_run_saves_first(self, account, prompt, sealed, desk):
        draft = make_draft(prompt)
        given = posted(draft) | {"messages-1-content": "Praise {{ product }}."}

        answer = desk.post(page("promptversion", draft.pk), given | {"_playground": "1"})

        assert answer.headers["Location"] == address(prompt, "?version=2")
        draft.refresh_from_db()
        assert draft.messages[1]["content"] == "Praise {{ product }}."


class TestValues:
    def test_a_past_call_fills_the_fields_masked(self, account, prompt, desk):
        secret = {"customer": {"type": "string", "required": False, "sensitivity": "secret"}}
        sealed = make_sealed(prompt, content(variables=CONTENT["variables"] | secret))
        job = past_call(prompt, sealed)

        form = desk.post(address(prompt), fields(sealed, "load", source=f"call:{job.pk}")).context[
            "form"
        ]

        assert form["value_product"].value() == "a mug"
        assert form["value_customer"].value() == "[customer]"
        assert form.asked.source_job_id == job.pk
        assert PastCallLook.objects.get().actor == "engineer"

    def test_samples_come_back(self, account, prompt, sealed, desk):
        form = desk.post(address(prompt), fields(sealed, "load", source="")).context["form"]

        assert form["value_product"].value() == "a red kettle"

    def test_fields_follow_the_chosen_versions(self, account, prompt, sealed, desk):
        declared = CONTENT["variables"] | {"tone": {"type": "string", "required": False}}
        other = make_sealed(prompt, content(variables=declared))
        url = reverse("admin:playground_cost", args=[prompt.pk])

        alone = desk.post(url, fields(sealed, "update")).json()["fields"]
        both = desk.post(url, fields(sealed, "update", version_2=other.pk)).json()["fields"]

        assert "value_tone" not in alone
        assert "value_tone" in both
        assert "a blue cup" in both

    def test_kept_values_are_offered_to_everybody(self, account, prompt, sealed, desk):
        shown = text(desk.post(address(prompt), fields(sealed, "keep", keep_as="blue")))

        assert "Kept as blue in product-text-values v1." in shown
        assert Case.objects.get().variables == {"product": "a blue cup"}

    def test_an_answer_is_saved_as_a_case(self, account, prompt, sealed, engineer, desk):
        run = run_it(prompt, sealed, by=engineer)
        end_job(Job.objects.get(), "Blue.")
        url = reverse("admin:playground_keep", args=[run.trials.get().pk])
        assert "Blue." in text(desk.get(url))

        desk.post(url, {"key": "blue", "is_expected": "on"})

        case = Case.objects.get()
        assert (case.key, case.variables, case.expected) == (
            "blue",
            {"product": "a blue cup"},
            "Blue.",
        )

    def test_a_name_that_is_taken_is_told_at_its_field(
        self, account, prompt, sealed, engineer, desk
    ):
        run = run_it(prompt, sealed, by=engineer)
        end_job(Job.objects.get(), "Blue.")
        url = reverse("admin:playground_keep", args=[run.trials.get().pk])
        desk.post(url, {"key": "blue", "is_expected": "on"})

        assert "choose another name" in text(desk.post(url, {"key": "blue"}))
        assert Case.objects.get().expected == "Blue."
