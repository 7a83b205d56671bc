"""The one pipeline that every call runs through. It reads top to bottom, a method for each stage of
ARCHITECTURE.md, “The way of a call”."""

import asyncio
import time
from dataclasses import replace
from functools import partial

from apps.access.limits import Grant, RateLimiter
from apps.cache.answers import AnswerCache
from apps.cache.flights import Flights, WaitedTooLong
from apps.cache.types import CachedAnswer, Lookup
from apps.core.clock import now as clock_now
from apps.core.snapshot import SnapshotHolder
from apps.core.threads import in_thread
from apps.gateway import metrics, refusals
from apps.gateway.accounts import HitSettlement
from apps.gateway.answers import as_chunks
from apps.gateway.attempt_loop import AttemptLoop, Run
from apps.gateway.books import Books
from apps.gateway.cached import (
    Emission,
    answer_to_keep,
    cache_request,
    concerns_all,
    outcome_of_hit,
    stands_in,
)
from apps.gateway.config import Config
from apps.gateway.deciding import decide, pause_for, subject_of
from apps.gateway.dispatch import Emit
from apps.gateway.guards import guard_input
from apps.gateway.heard import HeardNames
from apps.gateway.hedging import with_hedge
from apps.gateway.own_answer import own_answer
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.shadow import Shadows
from apps.gateway.similar import similar
from apps.gateway.tasks import Tasks
from apps.gateway.telling import tell_outcome, tell_refusal
from apps.gateway.tickets import dimensions_of
from apps.gateway.types import CacheMode, CacheState, Call, CallOutcome, CallRefused
from apps.gateway.windows import MustCount
from apps.ledger.types import CacheHit
from apps.prompts.snapshot import load_version
from apps.prompts.types import VersionNotLoaded
from apps.routing.health import Health
from apps.routing.loads import Loads
from apps.routing.strategies import Router
from apps.routing.types import Decision


class Pipeline:
    """Runs calls on one event loop."""

    def __init__(
        self,
        *,
        config: SnapshotHolder[Config],
        limiter: RateLimiter,
        cache: AnswerCache,
        books: Books,
        tasks: Tasks,
        loads: Loads,
        health: Health,
        heard: HeardNames,
    ) -> None:
        self._config = config
        self._heard = heard
        self._limiter = limiter
        self._cache = cache
        self._flights: Flights[CallOutcome] = Flights(cache, concerns_all=concerns_all)
        self._books = books
        self._loads = loads
        self._router = Router(loads=loads)
        self._attempts = AttemptLoop(
            config=config, books=books, tasks=tasks, observer=loads, health=health
        )
        self._shadows = Shadows(config=config, books=books, tasks=tasks, observer=loads)
        self._health = health

    async def run(self, call: Call, emit: Emit | None = None) -> CallOutcome:
        """Answer `call`; with `emit` as a stream of OpenAI chunks. Raises `CallRefused`."""
        started = time.monotonic()
        with metrics.IN_FLIGHT.track_inprogress():
            try:
                outcome = await self._run(call, emit)
            except CallRefused as refusal:
                tell_refusal(call, refusal, time.monotonic() - started, self._config.current)
                raise
        tell_outcome(call, outcome, time.monotonic() - started)
        return outcome

    async def _run(self, call: Call, emit: Emit | None) -> CallOutcome:
        # 1. authenticate: the edge did, `call.caller` is the proof
        prepared = await self._resolve(call)  # 2. validate, 3. resolve the prompt
        refusals.refuse_if_blocked(guard_input(prepared).blocked)  # 4.
        grant = await self._limit(call, prepared)  # 5.
        self._heard.hear(call, prepared)
        used: int | None = None  # tokens; unknown when the call is stopped
        try:
            if grant.wait:
                await asyncio.sleep(grant.wait)
            found = await self._look_up(call, prepared)  # 6.
            outcome = await self._answer_or_own(call, prepared, found, emit)  # 7. to 11.
            used = tokens_used(outcome)
        except CallRefused as refusal:
            used = None if refusal.attempts else 0
            raise
        finally:
            self._limiter.give_back(grant, tokens=used)
        key = found.request.key if found else ""
        return replace(outcome, levels=grant.levels, cache_key=key)

    # --- 2, 3 ------------------------------------------------------------------------------------
    async def _resolve(self, call: Call) -> Prepared:
        try:
            return await self._prepared(call)
        except VersionNotLoaded as missing:
            await in_thread(partial(load_version, missing.version_id))
            return await self._prepared(call)

    async def _prepared(self, call: Call) -> Prepared:
        try:
            return self._prepare(call)
        except MustCount:  # a long request: others go on meanwhile
            return await asyncio.to_thread(self._prepare, call, may_count=True)

    def _prepare(self, call: Call, *, may_count: bool = False) -> Prepared:
        return prepare(
            call.spec,
            config=self._config.current,
            caller=call.caller,
            request_id=call.request_id,
            pin=call.pin,
            may_count=may_count,
        )

    # --- 5 ---------------------------------------------------------------------------------------
    async def _limit(self, call: Call, prepared: Prepared) -> Grant:
        # Four bytes a token, roughly; an image has no bound of its own, but the window is one.
        window = prepared.model.context_window * max(1, len(prepared.spec.inputs))
        tokens = min(prepared.input_bound // 4, window) + prepared.output_bound
        grant = await self._limiter.take(
            caller=call.caller, tokens=tokens, max_wait=call.rate_limit_wait
        )
        if not grant.allowed:
            raise refusals.rate_limited(call.caller, grant)
        return grant

    # --- 6 ---------------------------------------------------------------------------------------
    async def _look_up(self, call: Call, prepared: Prepared) -> Lookup | None:
        """None: this call has nothing to do with the cache."""
        mode = prepared.spec.cache
        request = cache_request(prepared, self._config.current)
        if mode is not CacheMode.BYPASS and request.lifetime.ttl:
            found = await self._cache.look_up(request)
            if mode is CacheMode.REFRESH:
                return replace(found, fresh=None)
            if found.fresh is None and request.lifetime.similar is not None:
                found = await similar(
                    call,
                    prepared,
                    found,
                    cache=self._cache,
                    ask=self._ask_aside,
                    config=self._config.current,
                )
            if found.fresh or mode is not CacheMode.ONLY:
                return found
        if mode is CacheMode.ONLY:
            raise refusals.not_cached()
        return None

    async def _ask_aside(self, call: Call) -> CallOutcome:
        """A call that another needs. It has its own hold and entry, and no turn of its own in the
        tier's limits: a caller is limited by what it asked for."""
        started = time.monotonic()
        prepared = await self._resolve(call)
        found = await self._look_up(call, prepared)
        outcome = await self._answer(call, prepared, found, None)
        tell_outcome(call, outcome, time.monotonic() - started)
        return outcome

    async def _answer_or_own(
        self, call: Call, prepared: Prepared, found: Lookup | None, emit: Emit | None
    ) -> CallOutcome:
        """An answer, or the one that the service keeps ready for when every deployment failed."""
        if not call.caller.fallback_answer:
            return await self._answer(call, prepared, found, emit)
        told = Emission(emit) if emit else None
        try:
            return await self._answer(call, prepared, found, told)
        except CallRefused as refusal:
            own = None if told and told.begun else own_answer(call, prepared, refusal)
            if own is None:
                raise
        if emit is not None:
            for chunk in as_chunks(own.body):
                await emit(chunk)
        return own

    async def _answer(
        self, call: Call, prepared: Prepared, found: Lookup | None, emit: Emit | None
    ) -> CallOutcome:
        """From the cache, by a call that is under way already, or by one of our own."""
        if found is None or prepared.spec.cache is CacheMode.REFRESH:
            return (await self._call(call, prepared, found, emit))[0]
        if found.fresh is not None:
            state = CacheState.SIMILAR if found.likeness else CacheState.HIT
            return await self._settle_hit(
                call, prepared, found.fresh, state, emit, likeness=found.likeness
            )
        told = Emission(emit) if emit else None
        try:
            answer = await self._flown(call, prepared, found, told)
        except CallRefused as refusal:
            if found.stale is None or not stands_in(call, refusal) or (told and told.begun):
                raise
            return await self._settle_hit(call, prepared, found.stale, CacheState.STALE, emit)
        if isinstance(answer, CachedAnswer):
            return await self._settle_hit(call, prepared, answer, CacheState.COALESCED, emit)
        return answer

    async def _flown(
        self, call: Call, prepared: Prepared, found: Lookup, emit: Emit | None
    ) -> CallOutcome | CachedAnswer:
        run = Run(call, prepared, emit)
        own: list[CallRefused] = []

        async def lead() -> tuple[CallOutcome, CachedAnswer | None]:
            try:
                return await self._call(call, prepared, found, emit)
            except CallRefused as refusal:
                own.append(refusal)
                raise

        try:
            return await self._flights.answer(found, lead, remaining=lambda: run.remaining)
        except WaitedTooLong:
            raise refusals.deadline(0) from None
        except CallRefused as refusal:
            # What failed attempts cost is told once, to whoever made them.
            raise refusal if refusal in own else refusal.of_another() from None

    async def _settle_hit(
        self,
        call: Call,
        prepared: Prepared,
        hit: CachedAnswer,
        state: CacheState,
        emit: Emit | None,
        likeness: float = 0.0,
    ) -> CallOutcome:
        source = self._config.current.registry.deployments.get(hit.deployment)
        outcome = outcome_of_hit(hit, state, prepared, likeness)
        booked = CacheHit(
            request_id=call.request_id,
            job_id=call.job_id,
            dimensions=dimensions_of(call, prepared.pin, source or prepared.candidates[0]),
            avoided_pico=hit.cost_pico,
            input_tokens=hit.input_tokens,
            output_tokens=hit.output_tokens,
        )
        await self._books.settle(HitSettlement(booked, outcome, call.completion))
        if emit is not None:
            for chunk in as_chunks(hit.body):
                await emit(chunk)
        return outcome

    async def _call(
        self, call: Call, prepared: Prepared, found: Lookup | None, emit: Emit | None
    ) -> tuple[CallOutcome, CachedAnswer | None]:
        """The outcome, and what of it may be given to equal requests."""
        decision = await self._route(call, prepared)  # 7.
        run = Run(call, prepared, emit, decision)
        outcome = await self._attempts.answer(run, decision.deployments)  # 8. 9. 10.
        self._loads.answered(subject_of(prepared), output_tokens=outcome.output_tokens)
        self._shadows.copy(call, prepared, answered_by=outcome.deployment)
        return outcome, self._store(found, outcome)  # 11.

    # --- 7 ---------------------------------------------------------------------------------------
    async def _route(self, call: Call, prepared: Prepared) -> Decision:
        decided = decide(
            prepared,
            config=self._config.current,
            router=self._router,
            loads=self._loads,
            now=clock_now(),
        )
        rests = self._health.resting(decided.deployments)
        remaining = (call.deadline - clock_now()).total_seconds()
        if pause := pause_for(decided, rests, remaining):
            await asyncio.sleep(pause)
            rests = self._health.resting(decided.deployments)
        decision = decided.without({slug: str(rest) for slug, rest in rests.items()})
        full = {d.slug for d in decision.deployments if not self._health.has_room(d)}
        decision = with_hedge(decision.behind(full), prepared.pool, self._health)
        if call.on_decision is not None:
            call.on_decision(decision)
        if not decision.choices:
            raise refusals.all_resting(rests)
        return decision

    # --- 11 --------------------------------------------------------------------------------------
    def _store(self, found: Lookup | None, outcome: CallOutcome) -> CachedAnswer | None:
        answer = answer_to_keep(outcome, self._config.current)
        if found is not None and answer is not None:
            self._cache.put(found, answer)
        return answer


def tokens_used(outcome: CallOutcome) -> int:
    """What counts against the tier: an answer from the cache costs no provider's tokens."""
    is_own = outcome.cache in {CacheState.MISS, CacheState.BYPASS}
    return outcome.input_tokens + outcome.output_tokens if is_own else 0
