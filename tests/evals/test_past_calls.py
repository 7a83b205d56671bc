"""Past calls become cases: permitted, masked, and written down."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pghistory.models import Events

from apps.evals.errors import EvalError
from apps.evals.masking import mask
from apps.evals.models import Case
from apps.evals.services.past_calls import add_past_calls, past_calls
from apps.jobs.models import Job, JobPayload
from apps.prompts.types import Variable
from tests.evals.conftest import make_person, make_version
from tests.factories import make_service


@pytest.fixture
def job(prompt):
    now = timezone.now()
    row = Job.objects.create(
        service=make_service(), fingerprint="0" * 64, request_id="req_test", model="small",
        prompt=prompt.slug, prompt_version=1, status="succeeded", created_at=now, finished_at=now,
        next_run_at=now, deadline=now + timedelta(hours=1),
    )  # fmt: skip
    JobPayload.objects.create(
        job=row,
        request={"variables": {"product": "a mug", "customer": "Zoe Quirke", "old": 1}},
        result={"text": "Dear Zoe Quirke, this mug is red."},
    )
    return row


def add(dataset, job, by, **values):
    given = {"answers_are_expected": True, "reason": "A complaint."} | values
    return add_past_calls(dataset=dataset, job_ids=[job.pk], by=by, **given)


def test_a_past_call_becomes_a_masked_case(dataset, job, engineer):
    version = add(dataset, job, engineer)

    found = version.cases.get()
    assert found.variables == {"product": "a mug", "customer": "[customer]"}
    assert found.expected == "Dear [customer], this mug is red."
    assert (found.source_job_id, found.masked, found.tags) == (job.pk, True, ["past-call"])


def test_the_same_call_again_is_the_same_case(dataset, job, engineer):
    add(dataset, job, engineer)
    add(dataset, job, engineer, answers_are_expected=False)

    assert Case.objects.get().expected is None


def test_it_is_in_the_audit_log(dataset, job, engineer):
    import pghistory

    with pghistory.context(user=engineer.pk):
        add(dataset, job, engineer)

    event = Events.objects.filter(pgh_obj_model="evals.Case").get()
    assert event.pgh_context["reason"] == "1 past calls became cases: A complaint."


def test_who_may_not_read_payloads_gets_none(dataset, job):
    finance = make_person("money", "finance")

    with pytest.raises(EvalError, match="view_jobpayload"):
        add(dataset, job, finance)

    assert not Case.objects.exists()


def test_a_reason_and_a_call_are_needed(dataset, job, engineer):
    with pytest.raises(EvalError, match="Say why"):
        add(dataset, job, engineer, reason=" ")
    JobPayload.objects.all().delete()
    with pytest.raises(EvalError, match="at least one"):
        add(dataset, job, engineer)


def test_only_answered_calls_of_the_prompt_are_offered(dataset, job):
    assert list(past_calls(dataset.prompt)) == [job]
    Job.objects.update(prompt="another")
    assert list(past_calls(dataset.prompt)) == []


def test_what_the_called_version_kept_secret_stays_so(dataset, job, engineer):
    then = dataset.prompt.versions.get()
    Job.objects.update(prompt_version_id=then.pk)
    laxer = {"product": {"type": "string"}, "customer": {"type": "string", "required": False}}
    make_version(dataset.prompt, variables=laxer)

    found = add(dataset, job, engineer).cases.get()

    assert found.variables["customer"] == "[customer]"
    assert found.expected == "Dear [customer], this mug is red."


def test_an_answer_repeats_no_secret_of_a_variable_that_is_gone(dataset, job, engineer):
    Job.objects.update(prompt_version_id=dataset.prompt.versions.get().pk)
    make_version(dataset.prompt, variables={"product": {"type": "string"}})

    found = add(dataset, job, engineer).cases.get()

    assert found.variables == {"product": "a mug"}
    assert found.expected == "Dear [customer], this mug is red."


def test_texts_inside_sensitive_values_are_masked_in_the_answer_too():
    variables = {
        "who": Variable("who", type="object", sensitivity="secret"),
        "age": Variable("age", type="integer", sensitivity="personal", sample=30),
    }

    found = mask({"who": {"name": "Zoe", "ids": ["A-77"]}, "age": 41}, "Zoe, A-77, 41", variables)

    assert found.variables == {"who": {}, "age": 30}
    assert found.answer == "[who], [who], 41"
