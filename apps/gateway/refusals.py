"""Every way in which the pipeline says no, with its code, status and whether a retry can help."""

from collections.abc import Mapping
from datetime import datetime

from apps.access.limits import Grant
from apps.access.types import Caller
from apps.budgets.types import BudgetExceeded
from apps.core.faults import Fault
from apps.core.money import exact_usd
from apps.gateway.types import CallRefused, Spent
from apps.providers.errors import ErrorKind, ProviderError
from apps.routing.rests import Rest
from apps.routing.selection import why_none
from apps.routing.types import Pool


def refuse_if_blocked(reason: str, *, attempts: int = 0, spent: Spent | None = None) -> None:
    if reason:
        raise CallRefused(
            code="blocked", status=403, message=reason, attempts=attempts, spent=spent
        )


def after_attempts(refusal: CallRefused, attempts: int, spent: Spent) -> CallRefused:
    """A refusal of the next attempt tells of those that were made before it."""
    refusal.attempts = max(refusal.attempts, attempts)
    if refusal.spent is None:
        refusal.spent = spent
    return refusal


_LIMITS = {
    "requests": "requests a second",
    "tokens": "tokens a minute",
    "concurrent": "calls at once",
}


def rate_limited(caller: Caller, grant: Grant) -> CallRefused:
    return CallRefused(
        code="rate_limited",
        status=429,
        message=f"The limit of tier “{caller.tier.slug}” is reached: {_LIMITS[grant.refused]}.",
        retry_after=grant.retry_after,
        details={"limits": {level.bucket: level.limit for level in grant.levels}},
        levels=grant.levels,
    )


def overloaded(tier: str, retry_after: float) -> CallRefused:
    """This process has too much to do, and others go first."""
    return CallRefused(
        code="overloaded",
        status=503,
        message=f"Too many calls are under way for tier “{tier}” now. Nothing was sent.",
        retry_after=retry_after,
    )


def over_budget(error: BudgetExceeded, attempts: int) -> CallRefused:
    return CallRefused(
        code="budget_exceeded",
        status=402,
        message=str(error),
        retry_after=error.retry_after,
        attempts=attempts,
        details={
            "budget": error.budget,
            "limit_usd": exact_usd(error.limit_pico),
            "remaining_usd": exact_usd(error.remaining_pico),
            "needed_usd": exact_usd(error.needed_pico),
            "window_ends_at": _iso(error.window_ends_at),
        },
    )


def all_resting(rests: Mapping[str, Rest]) -> CallRefused:
    """Everybody who may answer rests; `rests` by slug. Nothing was sent."""
    reasons = "; ".join(f"{slug}: {rest}" for slug, rest in rests.items())
    soonest = min((rest.seconds for rest in rests.values()), default=0.0)
    return CallRefused(
        code="no_deployment",
        status=503,
        message=f"Every deployment that may answer rests. {reasons}.",
        retry_after=max(1.0, soonest),
        details={
            "skipped": [
                {"deployment": slug, "reason": "resting", "detail": str(rest)}
                for slug, rest in rests.items()
            ]
        },
    )


def nobody_may_answer(pool: Pool) -> CallRefused:
    """Every candidate was left out: which, why, and whether it can change by itself."""
    passing = any(skip.passing for skip in pool.skipped)
    return CallRefused(
        code="no_deployment" if passing else "no_candidate",
        status=503 if passing else 400,
        message=why_none(pool),
        retry_after=5 if passing else None,
        details={
            "skipped": [
                {"deployment": skip.deployment, "reason": skip.reason, "detail": skip.detail}
                for skip in pool.skipped
            ]
        },
    )


def too_long(*, tokens: int, cap: int | None, window: int, model: str, field: str) -> CallRefused:
    """It fits nobody's window, by the model's own tokenizer: `model` has the largest one."""
    wanted = 1 if cap is None else cap
    answer = f" and an answer of up to {cap:,}" if cap else ""
    says = (
        f"{tokens:,} input tokens{answer} do not fit the context window of “{model}”: {window:,}."
    )
    over = tokens + wanted - window
    way = f"Shorten the input by {over:,} tokens"
    if cap and tokens < window:
        way += f", ask for an answer of at most {window - tokens:,}"
        field = "/parameters/max_tokens"
    text = f"{says} {way}, or choose a model with a larger window. Nothing was sent."
    return CallRefused(
        code="context_too_long",
        status=400,
        message=text,
        faults=[Fault(field, text, "context_too_long")],
        details={"input_tokens": tokens, "output_cap": cap, "context_window": window},
    )


def over_prompts_limit(*, prompt: str, tokens: int, limit: int) -> CallRefused:
    """Even after everything was left out that the prompt's author allowed to leave out."""
    text = (
        f"“{prompt}” takes at most {limit:,} input tokens, and {tokens:,} are left after all that "
        "may be left out. Shorten the variables. Nothing was sent."
    )
    return CallRefused(
        code="context_too_long",
        status=400,
        message=text,
        faults=[Fault("/variables", text, "context_too_long")],
        details={"input_tokens": tokens, "max_input_tokens": limit},
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def database_away() -> CallRefused:
    return CallRefused(
        code="unavailable",
        status=503,
        message="The database is not answering; nothing was sent.",
        retry_after=2,
    )


def superseded() -> CallRefused:
    """For the log of a worker that lost its job; the job's caller hears from the new owner."""
    return CallRefused(
        code="superseded", status=409, message="Another worker has taken the job over."
    )


def lease_over(message: str, attempts: int) -> CallRefused:
    """When nobody has taken the job over, its worker gives it back with this."""
    return CallRefused(
        code="lease_over", status=409, message=message, retry_after=1, attempts=attempts
    )


def not_cached() -> CallRefused:
    return CallRefused(
        code="not_cached", status=404, message="No cached answer, and only that was asked."
    )


def deadline(attempts: int) -> CallRefused:
    """Without `retry_after`: with as little time the same request may only be billed once more."""
    return CallRefused(
        code="deadline_exceeded",
        status=504,
        message="The deadline passed before an answer came.",
        attempts=attempts,
    )


_CALLERS_FAULTS = {
    ErrorKind.BAD_REQUEST,
    ErrorKind.CONTEXT_TOO_LONG,
    ErrorKind.CONTENT_REFUSED,
}


_TOO_LATE = {ErrorKind.TIMEOUT, ErrorKind.TIMEOUT_BEFORE_SEND}


def outcome_unknown(error: ProviderError, attempts: int, spent: Spent) -> CallRefused:
    """Whoever asked for it does not want the request to be sent a second time."""
    return CallRefused(
        code="outcome_unknown",
        status=502,
        message=f"It was sent, its outcome is unknown, and it may not be repeated: {error.message}",
        attempts=attempts,
        spent=spent,
    )


def provider_failed(
    error: ProviderError, attempts: int, *, in_time: bool, spent: Spent
) -> CallRefused:
    return after_attempts(_failure(error, attempts, in_time), attempts, spent)


def _failure(error: ProviderError, attempts: int, in_time: bool) -> CallRefused:
    if error.kind in _CALLERS_FAULTS:
        return CallRefused(
            code=error.kind,
            status=400,
            message=f"The provider refused it: {error.message}",
            attempts=attempts,
        )
    if error.kind is ErrorKind.CANCELLED:
        return CallRefused(code="cancelled", status=499, message=error.message, attempts=attempts)
    if error.kind is ErrorKind.LEASE_OVER:
        return lease_over(error.message, attempts)
    if error.kind in _TOO_LATE and not in_time:
        return deadline(attempts)
    soon = 1.0 if error.retry_after is None else error.retry_after
    return CallRefused(
        code="provider_failed",
        status=503 if error.retryable else 502,
        message=f"No provider answered; the last error was: {error.message}",
        retry_after=soon if error.retryable else None,
        attempts=attempts,
    )
