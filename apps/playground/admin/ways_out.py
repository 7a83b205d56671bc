"""What somebody can do about a column that has no answer."""

from apps.playground.selectors.columns import Column

_AGAIN = "Run again in a moment, or choose another model."
WAYS_OUT = {
    "budget_exceeded": "Finance can raise the budget, or wait for its next period.",
    "provider_failed": _AGAIN,
    "no_deployment": _AGAIN,
    "rate_limited": _AGAIN,
    "overloaded": _AGAIN,
    "unavailable": _AGAIN,
    "bad_request": "Look at the version’s parameters: this model does not take them as they are.",
    "content_refused": "Change the words or the values, or choose another model.",
    "context_too_long": "Shorten the values, or choose a model with a larger window.",
    "outcome_unknown": "It was sent and may be billed: the ledger has an estimate. Run again if "
    "you want a second answer.",
    "deadline_exceeded": "Nobody answered in time. Run again, or choose another model.",
    "dead_letter": "Its worker was lost several times. An operator can see why.",
}


def way_out(column: Column) -> str:
    if column.status == "cancelled":
        return "Somebody stopped it. What was sent before that is paid for."
    return WAYS_OUT.get(column.code, "")
