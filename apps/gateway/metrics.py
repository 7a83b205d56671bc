"""What Prometheus sees of calls. Labels are names from the registry, never ids of requests."""

from functools import lru_cache
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

from apps.core.money import PICO
from apps.gateway.types import CallOutcome, CallRefused

CALLS = Counter(
    "llm_calls_total", "Calls by how they ended.", ["service", "model", "status", "cache"]
)
SECONDS = Histogram(
    "llm_call_seconds",
    "Time of a call from acceptance by the pipeline to its answer.",
    ["model", "status"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
TOKENS = Counter("llm_tokens_total", "Tokens by direction.", ["service", "model", "direction"])
COST = Counter(
    "llm_cost_usd_total", "Cost in US dollars; the ledger is exact.", ["service", "model"]
)
SAVED = Counter(
    "llm_cache_saved_usd_total", "Cost that the cache avoided.", ["service", "model", "prompt"]
)
CACHE = Counter(
    "llm_cache_calls_total", "Answered calls by what the cache did.", ["prompt", "model", "state"]
)
FITTED = Counter(
    "llm_fit_saved_tokens_total", "Input tokens that prompts' own limits left out.", ["prompt"]
)
ATTEMPTS = Counter(
    "llm_attempts_total", "Physical requests to providers.", ["deployment", "status", "error"]
)
RESTS = Counter(
    "llm_deployment_rests_total", "Rests of deployments that began here.", ["deployment", "reason"]
)
PLACES = Gauge(
    "llm_deployment_places",
    "Calls at once that this process sends to a deployment that pushed some back.",
    ["deployment"],
)
FALLBACK_ANSWERS = Counter(
    "llm_fallback_answers_total", "Calls that a service's own answer stood in for.", ["service"]
)
STREAMS_CUT = Counter(
    "llm_streams_cut_total", "Streams whose client was given up; the call went on.", ["reason"]
)
SHED = Counter(
    "llm_shed_total", "Calls refused because this process had too much to do.", ["tier", "reason"]
)
LOOP_DELAY = Gauge("llm_loop_delay_seconds", "How late this process's event loop woke last.")
SHADOWS = Counter(
    "llm_shadow_copies_total", "Shadow copies by what became of them.", ["route", "result"]
)
HEDGES = Counter(
    "llm_hedges_total",
    "Second attempts of calls that were late at a deployment, by what became of them.",
    ["deployment", "result"],
)
IN_FLIGHT = Gauge("llm_calls_in_flight", "Calls inside the pipeline of this process.")


def observe_outcome(service: str, outcome: CallOutcome, seconds: float) -> None:
    prompt = outcome.pin.prompt if outcome.pin else ""
    of = _children(service, outcome.model, prompt, outcome.cache)
    of.calls.inc()
    of.seconds.observe(seconds)
    of.input.inc(outcome.input_tokens)
    of.output.inc(outcome.output_tokens)
    of.cost.inc(outcome.cost_pico / PICO)
    of.saved.inc(outcome.avoided_pico / PICO)
    of.cache.inc()
    if outcome.fit is not None:
        FITTED.labels(prompt).inc(outcome.fit.saved_tokens)


class _Children(NamedTuple):
    """The series that one kind of call moves."""

    calls: Counter
    seconds: Histogram
    input: Counter
    output: Counter
    cost: Counter
    saved: Counter
    cache: Counter


@lru_cache(maxsize=4096)
def _children(service: str, model: str, prompt: str, cache: str) -> _Children:
    """Looking series up by their labels takes longer than moving them."""
    return _Children(
        calls=CALLS.labels(service, model, "succeeded", cache),
        seconds=SECONDS.labels(model, "succeeded"),
        input=TOKENS.labels(service, model, "input"),
        output=TOKENS.labels(service, model, "output"),
        cost=COST.labels(service, model),
        saved=SAVED.labels(service, model, prompt),
        cache=CACHE.labels(prompt, model, cache),
    )


def observe_refusal(service: str, model: str, refusal: CallRefused, seconds: float) -> None:
    """`model` must come from the registry (or be empty): a caller's free text is no label."""
    CALLS.labels(service, model, refusal.code, "").inc()
    SECONDS.labels(model, refusal.code).observe(seconds)
