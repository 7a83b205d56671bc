"""What a run can cost at most, before anything is spent, and what would be refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.access.types import Caller
from apps.budgets.types import HoldRequest
from apps.core.clock import now as clock_now
from apps.core.faults import Fault
from apps.evals.judging import JUDGED_BYTES, own_variables
from apps.evals.models import Case
from apps.evals.services.calls import Judge, answer_spec, judge_spec
from apps.evals.types import Check, CheckKind
from apps.gateway.config import Config, web_config
from apps.gateway.prepare import Prepared
from apps.gateway.tickets import hold_of, ticket_for
from apps.gateway.types import Call, CallRefused, CallSpec
from apps.jobs.services.submit import prepare_call
from apps.prompts.models import PromptVersion

MAX_FAULTS = 50  # that are told at once


@dataclass(frozen=True, slots=True)
class RunQuote:
    """`at_most_pico` is true if every call is sent once: the hold that a call would take, at the
    dearest deployment of its route. What is sent again is kept in bounds by the run's budget."""

    answers: int
    judgements: int
    answers_pico: int
    judgements_pico: int
    faults: tuple[Fault, ...] = ()

    @property
    def at_most_pico(self) -> int:
        return self.answers_pico + self.judgements_pico


class Unpriced(Exception):
    """A deployment that may answer has no price; the message says the way out."""


def quote_calls(
    *,
    version: PromptVersion,
    cases: Sequence[Case],
    judges: Iterable[Judge],
    repeats: int,
    caller: Caller,
) -> RunQuote:
    """Never raises for what cannot run: `faults` says it, by case."""
    config = web_config().current
    faults: list[Fault] = []
    answers = 0
    for case in cases:
        spec = answer_spec(version, case, "eval")
        answers += _bound(spec, caller, config, f"/cases/{case.key}", faults)
        if len(faults) >= MAX_FAULTS:
            break
    judgements, calls = 0, 0
    for judge in judges:
        orders = 2 if judge.check.kind == CheckKind.JUDGE_PAIRWISE else 1
        calls += orders * len(cases)
        judgements += orders * len(cases) * _judge_bound(judge, cases, caller, config, faults)
    return RunQuote(
        answers=len(cases) * repeats,
        judgements=calls * repeats,
        answers_pico=answers * repeats,
        judgements_pico=judgements * repeats,
        faults=tuple(faults),
    )


def _judge_bound(
    judge: Judge, cases: Sequence[Case], caller: Caller, config: Config, faults: list[Fault]
) -> int:
    """For the longest case, and answers as long as a judge is ever shown."""
    longest = max(cases, key=lambda case: len(str(case.variables)) + len(str(case.expected)))
    names = own_variables(judge.check)
    spec = judge_spec(judge, longest, dict.fromkeys(names, ""), "eval")
    extra = JUDGED_BYTES * len(names)
    return _bound(spec, caller, config, f"/judge/{judge.version}", faults, extra=extra)


def _bound(
    spec: CallSpec,
    caller: Caller,
    config: Config,
    at: str,
    faults: list[Fault],
    *,
    extra: int = 0,
) -> int:
    """Pico-USD; 0 with a fault."""
    try:
        prepared = prepare_call(caller, spec, "eval-quote", config=config)
        return dearest(prepared, extra=extra).amount_pico
    except CallRefused as refusal:
        told = refusal.faults or (Fault("", refusal.message, refusal.code),)
        faults += [replace(fault, pointer=f"{at}{fault.pointer}") for fault in told]
    except Unpriced as error:
        faults.append(Fault(at, str(error), "unpriced"))
    return 0


def dearest(prepared: Prepared, *, extra: int = 0) -> HoldRequest:
    """The hold that the call takes where it is dearest, `extra` bytes longer. Raises `Unpriced`."""
    now = clock_now()
    call = Call(spec=prepared.spec, caller=prepared.caller, request_id="quote", deadline=now)
    most: HoldRequest | None = None
    for deployment in prepared.candidates:
        ticket = ticket_for(call, prepared.fitted(deployment), deployment, now)
        window = deployment.model.context_window
        ticket = replace(ticket, input_bound=min(window, ticket.input_bound + extra))
        hold = hold_of(ticket, 0, {})
        if not hold.priced:
            raise Unpriced(hold.way_out)
        if most is None or hold.amount_pico > most.amount_pico:
            most = hold
    if most is None:
        raise Unpriced("Nobody may answer.")
    return most


def expected_faults(cases: Sequence[Case], checks: Mapping[int, Check]) -> list[Fault]:
    """Cases that expect nothing, where a check compares with what is expected."""
    empty = [case.key for case in cases if case.expected in (None, "")]
    if not empty or not checks:
        return []
    names = ", ".join(empty[:5]) + (f" and {len(empty) - 5} more" if len(empty) > 5 else "")
    titles = ", ".join(check.title for check in checks.values())
    detail = f"These cases expect nothing, but “{titles}” compares with it: {names}."
    return [Fault("/dataset_version", detail, "expected_missing")]
