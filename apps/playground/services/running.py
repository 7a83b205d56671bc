"""A run: the same values to up to four versions or models, each a job of the playground's service.

The web process sends nothing. So whoever closes the page costs no accounting: a worker has the
jobs, and their holds and entries are like anybody's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import User
from django.db import transaction

from apps.access.types import Caller
from apps.budgets.selectors import foresee
from apps.budgets.types import BudgetExceeded
from apps.core.faults import Fault
from apps.core.money import Pico
from apps.core.strict_json import canonical
from apps.evals.services.quoting import Unpriced, dearest
from apps.gateway.config import Config
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.types import CacheMode, CallRefused, CallSpec
from apps.jobs.models import OPEN_STATUSES, Intervention, Job, Priority
from apps.jobs.services.cancel import cancel_all
from apps.jobs.services.interventions import record
from apps.jobs.services.submit import prepare_call, submit
from apps.jobs.types import Draft
from apps.playground import configuration
from apps.playground.errors import PlaygroundError, refused
from apps.playground.models import MAX_COLUMNS, Run, Trial
from apps.playground.services.account import payer
from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.services import content_of, validate_version, whole_content
from apps.prompts.snapshot import facts_of
from apps.prompts.types import OnUnknown, PromptNotFound, VersionFacts

MAY_RUN = "playground.run_playground"
PATIENCE = timedelta(minutes=5)
"""What a column waits for its answer, rate limits and resting providers included."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A column as it was asked for. `model` empty: the version's own."""

    version: PromptVersion
    model: str = ""

    @property
    def label(self) -> str:
        is_draft = self.version.status == VersionStatus.DRAFT
        return f"v{self.version.number}{' draft' if is_draft else ''}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run would do. `values` may hold more than a version declares: each gets its own."""

    prompt: Prompt
    choices: tuple[Choice, ...]
    values: Mapping[str, Any]
    cached: bool = False
    source_job_id: UUID | None = None
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Quoted:
    """A column before it is sent. `at_most_pico`: the hold that it takes where it is dearest."""

    choice: Choice
    at_most_pico: Pico | None = None
    spec: CallSpec | None = None
    model: str = ""
    messages: tuple[Mapping[str, Any], ...] = ()
    """As they will be sent."""
    tools: tuple[str, ...] = ()
    """Names of those that are offered to the model."""
    faults: tuple[Fault, ...] = ()

    @property
    def over_budget(self) -> str:
        """What a budget says; empty while it has room."""
        return next((f.detail for f in self.faults if f.code == "budget_exceeded"), "")


def quote(*, asked: Asked, caller: Caller, now: datetime) -> list[Quoted]:
    """What each column costs at most, or everything that stands against it. Spends nothing."""
    config = configuration.current_config()
    return [_quoted(asked, choice, caller, config, now) for choice in asked.choices]


@transaction.atomic
def start_run(*, asked: Asked, token: UUID, by: User, now: datetime) -> Run:
    """Send it: all columns or none. The same sent again from the same page (`token`) is the run of
    then. Raises `PlaygroundError` with every fault; pointers begin with the column's number."""
    if not by.has_perm(MAY_RUN):
        raise refused(f"Running prompts needs the permission {MAY_RUN}.", code="no_permission")
    if not 1 <= len(asked.choices) <= MAX_COLUMNS:
        raise refused(f"Choose one to {MAX_COLUMNS} versions.", code="no_column")
    run_id = _run_id(token, asked)
    if (earlier := Run.objects.filter(pk=run_id).first()) is not None:
        return earlier
    caller = payer(now=now)
    quotes = quote(asked=asked, caller=caller, now=now)
    if faults := list(_all_faults(quotes)):
        raise PlaygroundError(faults)
    run, is_new = Run.objects.get_or_create(pk=run_id, defaults=_of_run(asked, by))
    for position, quoted in enumerate(quotes if is_new else (), 1):
        _send(run, position, quoted, caller)
    return run


def stop_run(*, run: Run, by: User) -> int:
    """Stop what is not answered yet; how many columns that were. What was sent is paid for."""
    if not by.has_perm(MAY_RUN):
        raise refused(f"Stopping a run needs the permission {MAY_RUN}.", code="no_permission")
    ids = list(run.trials.values_list("job_id", flat=True))
    jobs = Job.objects.filter(pk__in=ids, status__in=OPEN_STATUSES)
    if not jobs.exists():
        return 0
    record(action=Intervention.Action.CANCEL, rows=jobs, by=by, reason="Stopped in the playground.")
    done = cancel_all(job_ids=ids)
    return done.at_once + done.asked


def _quoted(asked: Asked, choice: Choice, caller: Caller, config: Config, now: datetime) -> Quoted:
    try:
        prepared = _prepared(asked, choice, caller, config)
        hold = dearest(prepared)
    except (CallRefused, PlaygroundError) as error:
        return Quoted(choice, faults=_faults_of(error))
    except (Unpriced, PromptNotFound) as error:
        return Quoted(choice, faults=(Fault("", str(error), "unpriced"),))
    answer = foresee(request=hold, budgets=config.budgets, now=now).answer
    over = isinstance(answer, BudgetExceeded)
    faults = (Fault("", str(answer), "budget_exceeded"),) if over else ()
    return Quoted(
        choice=choice,
        at_most_pico=hold.amount_pico,
        spec=prepared.spec,
        model=prepared.spec.model,
        messages=prepared.messages,
        tools=tuple(one["function"]["name"] for one in prepared.parameters.get("tools", ())),
        faults=faults,
    )


def _faults_of(error: CallRefused | PlaygroundError) -> tuple[Fault, ...]:
    if error.faults or isinstance(error, PlaygroundError):
        return error.faults
    return (Fault("", error.message, error.code),)


def _prepared(asked: Asked, choice: Choice, caller: Caller, config: Config) -> Prepared:
    """As a worker will prepare it. A sealed version goes by its number; nothing serves a draft, so
    its messages are made here, and tagged for whoever looks at the books."""
    version = choice.version
    spec = CallSpec(
        prompt=asked.prompt.slug,
        version=version.number,
        model=choice.model,
        variables={name: v for name, v in asked.values.items() if name in version.variables},
        cache=CacheMode.USE if asked.cached else CacheMode.BYPASS,
    )
    if version.status != VersionStatus.DRAFT:
        prepared = prepare_call(caller, spec, "playground", config=config)
        return replace(prepared, spec=replace(spec, model=prepared.spec.model))
    if faults := validate_version(version).faults:
        raise PlaygroundError(faults)
    facts = _facts_of_draft(version)
    first = prepare(spec, config=config, caller=caller, request_id="playground", draft=facts)
    sent = CallSpec(
        model=first.spec.model,
        messages=first.messages,
        parameters=first.spec.parameters,
        response_schema=first.spec.response_schema,
        context=(f"draft:{asked.prompt.slug}",),
        cache=spec.cache,
    )
    return replace(prepare_call(caller, sent, "playground", config=config), spec=sent)


def _facts_of_draft(version: PromptVersion) -> VersionFacts:
    messages = whole_content(content_of(version)).messages
    return replace(facts_of(version), messages=tuple(messages))


def _all_faults(quotes: Sequence[Quoted]) -> list[Fault]:
    return [
        replace(fault, pointer=f"/columns/{number}{fault.pointer}")
        for number, quoted in enumerate(quotes, 1)
        for fault in quoted.faults
    ]


def _run_id(token: UUID, asked: Asked) -> UUID:
    columns = [
        [one.version.pk, one.version.updated_at.isoformat(), one.model] for one in asked.choices
    ]
    content = canonical([columns, dict(asked.values), asked.cached])
    return uuid5(token, hashlib.sha256(content).hexdigest())


def _of_run(asked: Asked, by: User) -> dict[str, Any]:
    return {
        "prompt": asked.prompt,
        "values": dict(asked.values),
        "cached": asked.cached,
        "source_job_id": asked.source_job_id,
        "masked": asked.masked,
        "started_by": by,
    }


def _send(run: Run, position: int, quoted: Quoted, caller: Caller) -> None:
    if quoted.spec is None or quoted.at_most_pico is None:
        raise LookupError("Only columns without a fault are sent.")
    name = f"playground-{run.pk}-{position}"
    draft = Draft(
        caller=caller,
        spec=quoted.spec,
        fingerprint=hashlib.sha256(name.encode()).hexdigest(),
        priority=Priority.HIGH,
        deadline=PATIENCE,
        request_id=name,
        idempotency_key=name,
        metadata={"playground_run": str(run.pk)},
        notify=False,
        on_unknown=OnUnknown.FAIL,
    )
    Trial.objects.create(
        run=run,
        position=position,
        version=quoted.choice.version,
        label=quoted.choice.label,
        model=quoted.model,
        at_most_pico=quoted.at_most_pico,
        job_id=_accepted(draft, position),
    )


def _accepted(draft: Draft, position: int) -> UUID:
    """What was quoted a moment ago may have changed meanwhile."""
    try:
        return submit(draft=draft).job.pk
    except CallRefused as error:
        faults = _faults_of(error)
        raise PlaygroundError(
            replace(fault, pointer=f"/columns/{position}{fault.pointer}") for fault in faults
        ) from error
