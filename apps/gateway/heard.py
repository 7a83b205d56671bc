"""Which names services send to prompts, heard at the gateway's door and kept for releases.

A call costs a look into a set. Only names that this process has not kept within the hour are
written, beside the call and after it was let in: nobody waits for that, and what cannot be written
is tried again by a later call.
"""

import structlog
from django.db import Error

from apps.core.batcher import Batcher
from apps.core.clock import steady
from apps.gateway.offered import OF_A_CALLER
from apps.gateway.prepare import Prepared
from apps.gateway.tasks import Tasks
from apps.gateway.types import Call, CallSpec
from apps.prompts.validation.tools import chosen
from apps.results.sent import Sent
from apps.results.services.sent import keep_sent

log = structlog.get_logger(__name__)
MOST_SETS = 50  # of names, for each caller in an hour
MOST_CALLERS = 10_000
HOUR = 3600  # seconds

_Caller = tuple[str, str, str]  # service, prompt, channel
_Names = tuple[frozenset[str], tuple[str, ...], str]  # variables, what it brings of tools, its tool


class HeardNames:
    """Of one event loop."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._batcher: Batcher[Sent, None] = Batcher(name="heard", flush=keep_sent)
        self._since = steady()
        self._kept: dict[_Caller, set[_Names]] = {}

    def hear(self, call: Call, prepared: Prepared) -> None:
        """A job keeps what it was sent itself; an exact version follows no release."""
        pin = prepared.pin
        if call.job_id is not None or pin is None or not pin.channel:
            return
        caller = (call.caller.service, pin.prompt, pin.channel)
        names, known = _names(call.spec), self._lately(caller)
        if names not in known and len(known) < MOST_SETS:
            known.add(names)
            self._tasks.spawn(self._keep(caller, names, known))

    async def close(self) -> None:
        await self._batcher.close()

    def _lately(self, caller: _Caller) -> set[_Names]:
        if steady() - self._since >= HOUR or len(self._kept) >= MOST_CALLERS:
            self._since, self._kept = steady(), {}
        return self._kept.setdefault(caller, set())

    async def _keep(self, caller: _Caller, names: _Names, known: set[_Names]) -> None:
        variables, parameters, tool = names
        try:
            await self._batcher.submit(Sent(*caller, tuple(sorted(variables)), parameters, tool))
        except Error as error:
            known.discard(names)
            log.warning("sent_names_not_kept", prompt=caller[1], error=str(error))


def _names(spec: CallSpec) -> _Names:
    asked = spec.parameters
    brought = tuple(name for name in OF_A_CALLER if asked.get(name) is not None)
    return frozenset(spec.variables), brought, (chosen(asked.get("tool_choice")) or "")[:64]
