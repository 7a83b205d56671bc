"""What somebody typed goes with what their jobs asked and were answered."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs.models import Job, JobPayload
from apps.playground.models import Run
from apps.playground.services.forgetting import forget_old_runs, forget_values
from apps.playground.tasks import forget
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


def test_what_is_old_goes_by_itself_and_its_costs_stay(run, prompt, engineer, desk, settings):
    settings.PLAYGROUND_KEEP_DAYS = 30
    young = run_it(prompt, prompt.versions.first(), by=engineer)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=31))

    forget()

    assert Run.objects.get(pk=run.pk).values == {}
    assert not payloads(run).exists()
    assert Job.objects.filter(pk__in=run.trials.values("job_id")).count() == 2
    assert desk.get(f"/admin/playground/runs/{run.pk}/").status_code == 200
    assert payloads(young).count() == 1
    assert Run.objects.get(pk=young.pk).values == {"product": "a blue cup"}


def test_nothing_is_old_where_nobody_wants_that(run):
    Run.objects.update(created_at=timezone.now() - timedelta(days=999))

    assert forget_old_runs(now=timezone.now(), days=0) == 0
    assert payloads(run).count() == 2
    assert forget_old_runs(now=timezone.now(), days=998) == 2


def test_the_audit_log_never_had_them(run):
    assert "values" not in {field.name for field in Run.pgh_event_model._meta.fields}
