"""Runs: what is sent, what it may cost, who may, and what a second click does."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.access.models import Service
from apps.budgets.models import Budget
from apps.core.money import PICO
from apps.jobs.models import Intervention, Job
from apps.playground.errors import PlaygroundError
from apps.playground.models import Run, Trial
from apps.playground.selectors.columns import columns_of
from apps.playground.services.account import open_account, payer
from apps.playground.services.running import quote, stop_run
from tests.evals.runs import end_job
from tests.factories import make_deployment, make_model, make_priced_deployment
from tests.playground.runs import asked, run_it
from tests.prompts.conftest import content, make_draft, make_person, make_sealed

pytestmark = pytest.mark.django_db
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.fixture
def sealed(prompt, small):
    return make_sealed(prompt)


class TestTheAccount:
    def test_it_is_made_once_with_a_hard_budget(self, small):
        service = open_account()
        open_account()

        budget = Budget.objects.get()
        assert service.purpose == "playground"
        assert (budget.service, budget.limit_pico, budget.hard) == ("playground", 25 * PICO, True)
        assert Service.objects.count() == 1

    def test_what_finance_changed_stays(self, small):
        open_account()
        Budget.objects.update(limit_pico=PICO, active=False)

        open_account()

        assert Budget.objects.values_list("limit_pico", "active").get() == (PICO, False)

    @pytest.mark.parametrize(
        "changes", [{"active": False}, {"hard": False}], ids=["switched off", "soft"]
    )
    def test_without_a_hard_budget_nothing_is_sent(
        self, account, prompt, sealed, engineer, changes
    ):
        Budget.objects.update(**changes)

        with pytest.raises(PlaygroundError, match="no hard budget that is switched on"):
            run_it(prompt, sealed, by=engineer)

        assert not Job.objects.exists()

    def test_a_budget_that_not_every_process_knows_holds_nothing_yet(self, small):
        open_account()

        with pytest.raises(PlaygroundError, match="in two seconds"):
            payer(now=timezone.now())

        assert payer(now=timezone.now() + timedelta(seconds=2)).purpose == "playground"

    def test_a_service_that_somebody_switched_off_does_not_pay(self, account):
        Service.objects.update(active=False)

        with pytest.raises(PlaygroundError, match="not switched on"):
            payer(now=timezone.now())


class TestStarting:
    def test_each_column_is_a_job_of_the_playground(self, account, prompt, sealed, engineer):
        make_priced_deployment(model=make_model("large"), slug="large-1")

        run = run_it(prompt, sealed, (sealed, "large"), by=engineer)

        jobs = Job.objects.order_by("id").select_related("payload")
        assert [job.service.slug for job in jobs] == ["playground", "playground"]
        assert [(job.prompt, job.prompt_version, job.model) for job in jobs] == [
            ("product-text", 1, "small"),
            ("product-text", 1, "large"),
        ]
        assert jobs[0].payload.request["variables"] == {"product": "a blue cup"}
        assert jobs[0].on_unknown == "fail"
        assert [trial.job_id for trial in run.trials.all()] == [job.pk for job in jobs]

    def test_a_draft_is_sent_as_its_messages(self, account, prompt, engineer):
        draft = make_draft(prompt)

        run = run_it(prompt, draft, by=engineer)

        job = Job.objects.select_related("payload").get()
        assert (job.prompt, job.model) == ("", "small")
        assert job.payload.request["messages"][1]["content"] == "Describe a blue cup."
        assert job.payload.request["parameters"] == {"max_tokens": 60}
        assert job.payload.request["context"] == ["draft:product-text"]
        assert run.trials.get().label == "v1 draft"

    def test_each_version_gets_the_values_that_it_declares(self, account, prompt, engineer):
        old = make_sealed(prompt)
        variables = {"product": {"type": "string"}, "tone": {"type": "string"}}
        text = [{"role": "user", "content": "{{ product }} {{ tone }}"}]
        new = make_sealed(prompt, content(variables=variables, messages=text))

        run_it(prompt, old, new, by=engineer, values={"product": "a cup", "tone": "dry"})

        sent = [job.payload.request["variables"] for job in Job.objects.order_by("id")]
        assert sent == [{"product": "a cup"}, {"product": "a cup", "tone": "dry"}]

    def test_the_same_page_sent_twice_is_one_run(self, account, prompt, sealed, engineer):
        token = uuid4()

        first = run_it(prompt, sealed, by=engineer, token=token)
        second = run_it(prompt, sealed, by=engineer, token=token)

        assert first == second
        assert Job.objects.count() == 1

    def test_the_same_page_with_other_values_is_another_run(
        self, account, prompt, sealed, engineer
    ):
        token = uuid4()

        run_it(prompt, sealed, by=engineer, token=token)
        run_it(prompt, sealed, by=engineer, token=token, values={"product": "a bowl"})

        assert Job.objects.count() == 2

    def test_one_faulty_column_stops_all_with_every_fault(self, account, prompt, sealed, engineer):
        broken = make_draft(prompt, content(messages=[{"role": "user", "content": "{{ oops"}]))

        with pytest.raises(PlaygroundError) as caught:
            run_it(prompt, sealed, broken, (sealed, "nobody"), by=engineer)

        assert {fault.pointer.split("/")[2] for fault in caught.value.faults} == {"2", "3"}
        assert not Job.objects.exists()
        assert not Run.objects.exists()

    def test_a_missing_value_names_its_variable(self, account, prompt, sealed, engineer):
        with pytest.raises(PlaygroundError) as caught:
            run_it(prompt, sealed, by=engineer, values={})

        assert caught.value.faults[0].pointer == "/columns/1/variables/product"

    def test_five_columns_are_too_many_and_none_too_few(self, account, prompt, sealed, engineer):
        for count in (0, 5):
            with pytest.raises(PlaygroundError, match="one to 4"):
                run_it(prompt, *[sealed] * count, by=engineer)

    def test_a_model_without_a_price_is_refused(self, account, prompt, sealed, engineer):
        make_deployment(model=make_model("free"))

        with pytest.raises(PlaygroundError, match="price"):
            run_it(prompt, (sealed, "free"), by=engineer)

    @pytest.mark.parametrize(
        "role", ["approver", "finance", "operator", "auditor", "service-developer"]
    )
    def test_other_roles_run_nothing(self, account, prompt, sealed, role):
        with pytest.raises(PlaygroundError, match="run_playground"):
            run_it(prompt, sealed, by=make_person("somebody", role))

        assert not Job.objects.exists()


class TestMoney:
    def test_at_most_is_what_a_worker_will_hold(self, account, prompt, sealed):
        """60 tokens of output at 600,000; the bytes of the input bound its tokens."""
        (quoted,) = quote(
            asked=asked(prompt, sealed), caller=payer(now=timezone.now()), now=timezone.now()
        )

        assert quoted.faults == ()
        assert 60 * 600_000 < quoted.at_most_pico < 60 * 600_000 + 200 * 150_000

    def test_no_room_is_a_sentence_and_sends_nothing(self, account, prompt, sealed, engineer):
        Budget.objects.update(limit_pico=1)

        with pytest.raises(PlaygroundError, match=r"Budget “playground” has 0\.000000000001 of"):
            run_it(prompt, sealed, by=engineer)

        assert not Job.objects.exists()


class TestColumns:
    def test_an_answer_shows_what_came_of_its_job(self, account, prompt, sealed, engineer):
        run = run_it(prompt, sealed, by=engineer)
        end_job(Job.objects.get(), "A blue cup.", deployment="small-here", cache="miss")

        (column,) = columns_of(run)

        assert (column.status, column.text, column.is_open) == ("succeeded", "A blue cup.", False)
        assert (column.input_tokens, column.output_tokens) == (5, 3)
        assert (column.deployment, column.cache, column.valid) == ("small-here", "miss", None)

    @pytest.mark.parametrize(
        ("text", "valid"), [('{"title": "Cup"}', True), ('{"name": 1}', False)]
    )
    @pytest.mark.parametrize("make", [make_sealed, make_draft], ids=["sealed", "draft"])
    def test_a_schema_is_held_against_it(self, account, prompt, engineer, make, text, valid):
        account_model = account and make_model("strict", supports_json_schema=True)
        make_priced_deployment(model=account_model, slug="strict-1")
        version = make(prompt, content(response_schema=SCHEMA, model="strict"))
        run = run_it(prompt, version, by=engineer)
        end_job(Job.objects.get(), text)

        (column,) = columns_of(run)

        assert column.valid is valid
        assert bool(column.why_invalid) is not valid

    def test_a_failure_says_why(self, account, prompt, sealed, engineer):
        run = run_it(prompt, sealed, by=engineer)
        end_job(Job.objects.get(), None)

        (column,) = columns_of(run)

        assert (column.status, column.code, column.error) == (
            "failed",
            "upstream_error",
            "It broke.",
        )

    def test_a_draft_that_was_deleted_leaves_its_name(self, account, prompt, engineer):
        draft = make_draft(prompt)
        run = run_it(prompt, draft, by=engineer)

        draft.delete()

        assert Trial.objects.get().version is None
        assert columns_of(run)[0].trial.label == "v1 draft"


class TestStopping:
    def test_what_waits_is_stopped_and_written_down(self, account, prompt, sealed, engineer):
        run = run_it(prompt, sealed, sealed, by=engineer)
        end_job(Job.objects.order_by("id")[0], "Done.")

        assert stop_run(run=run, by=engineer) == 1

        assert sorted(Job.objects.values_list("status", flat=True)) == ["cancelled", "succeeded"]
        assert Intervention.objects.get().actor == "engineer"
        assert stop_run(run=run, by=engineer) == 0

    def test_not_by_others(self, account, prompt, sealed, engineer, approver):
        run = run_it(prompt, sealed, by=engineer)

        with pytest.raises(PlaygroundError, match="run_playground"):
            stop_run(run=run, by=approver)
