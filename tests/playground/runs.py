"""Runs and past calls in tests."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.utils import timezone

from apps.access.models import Service
from apps.budgets.models import Budget
from apps.jobs.models import Job, JobPayload
from apps.playground.models import Run
from apps.playground.services.account import open_account
from apps.playground.services.running import Asked, Choice, start_run
from apps.prompts.models import Prompt, PromptVersion
from tests.factories import make_service


def opened() -> Service:
    service = open_account()
    Budget.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    return service


def asked(prompt: Prompt, *choices: Any, **changes: Any) -> Asked:
    """Each choice a version, or a version and a model."""
    columns = [one if isinstance(one, tuple) else (one,) for one in choices]
    values = {"values": {"product": "a blue cup"}} | changes
    return Asked(prompt=prompt, choices=tuple(Choice(*one) for one in columns), **values)


def run_it(prompt: Prompt, *choices: Any, by: User, token: Any = None, **changes: Any) -> Run:
    return start_run(
        asked=asked(prompt, *choices, **changes),
        token=token or uuid4(),
        by=by,
        now=timezone.now(),
    )


def past_call(prompt: Prompt, version: PromptVersion | None = None, **values: Any) -> Job:
    """What a service of the shop asked a while ago, and was answered."""
    now = timezone.now()
    row = Job.objects.create(
        service=values.pop("service", None) or make_service(),
        fingerprint="0" * 64,
        request_id="req_test",
        model="small",
        prompt=prompt.slug,
        prompt_version=version.number if version else 1,
        prompt_version_id=version.pk if version else None,
        status="succeeded",
        created_at=now,
        finished_at=now,
        next_run_at=now,
        deadline=now + timedelta(hours=1),
    )
    given = values.pop("values", {"product": "a mug", "customer": "Zoe Quirke"})
    result = {"text": f"Dear {given.get('customer', 'you')}, it is red."}
    JobPayload.objects.create(job=row, request={"variables": given}, result=result)
    return row
