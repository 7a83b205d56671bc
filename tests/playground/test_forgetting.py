"""What somebody typed goes with what their jobs asked and were answered."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs.models import JobPayload
from apps.playground.models import Run
from apps.playground.services.forgetting import forget_values
from tests.playground.runs import run_it
from tests.prompts.conftest import make_sealed, saying

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=2)


@pytest.fixture
def run(prompt, account, engineer, fresh_config):
    return run_it(prompt, make_sealed(prompt), make_sealed(prompt, saying("Praise")), by=engineer)


def payloads(run):
    return JobPayload.objects.filter(job_id__in=run.trials.values("job_id"))


def test_values_stay_while_a_column_has_its_own(run, desk):
    payloads(run).first().delete()

    assert forget_values(now=timezone.now() + LATER) == 0
    assert Run.objects.get().values == {"product": "a blue cup"}


def test_values_go_with_the_last(run, desk):
    payloads(run).delete()

    assert forget_values(now=timezone.now()) == 0  # so young that jobs may be missing yet
    assert forget_values(now=timezone.now() + LATER) == 1
    assert forget_values(now=timezone.now() + LATER) == 0
    assert Run.objects.get().values == {}
    answer = desk.get(f"/admin/playground/runs/{run.pk}/")
    assert answer.status_code == 200
    assert "a blue cup" not in answer.content.decode()


def test_other_runs_keep_theirs(run, prompt, engineer):
    other = run_it(prompt, prompt.versions.first(), by=engineer)
    payloads(run).delete()

    forget_values(now=timezone.now() + LATER)

    other.refresh_from_db()
    assert other.values == {"product": "a blue cup"}


def test_the_audit_log_never_had_them(run):
    assert "values" not in {field.name for field in Run.pgh_event_model._meta.fields}
