"""The answer that a service keeps ready for when every deployment failed: it costs nothing, is
marked as such, and is never cached."""

from collections.abc import Mapping
from typing import Any

from apps.core import strict_json
from apps.core.clock import now as clock_now
from apps.core.json_schema import BadSchema, schema_validator
from apps.gateway import metrics
from apps.gateway.cached import ALL_DEAD
from apps.gateway.prepare import Prepared
from apps.gateway.types import CacheState, Call, CallKind, CallOutcome, CallRefused, Spent

MARK = "fallback_answer"  # what the outcome says in `degraded`


def own_answer(call: Call, prepared: Prepared, refusal: CallRefused) -> CallOutcome | None:
    """What stands in for this refusal; None: nothing may. A job waits for its deadline instead,
    and a refusal by a policy, a budget or a limit stays one."""
    text = call.caller.fallback_answer
    if not text or refusal.code not in ALL_DEAD or call.job_id is not None:
        return None
    if prepared.spec.kind is not CallKind.CHAT or not _has_form(text, prepared):
        return None
    metrics.FALLBACK_ANSWERS.labels(call.caller.service).inc()
    spent = refusal.spent or Spent()
    return CallOutcome(
        body=_body(text, call, prepared),
        text=text,
        finish_reason="stop",
        input_tokens=0,
        output_tokens=0,
        usage={},
        cost_pico=spent.pico,
        cost_estimated=spent.estimated,
        avoided_pico=0,
        model=prepared.model.slug,
        deployment="",
        cache=CacheState.BYPASS,
        attempts=refusal.attempts,
        pin=prepared.pin,
        degraded=MARK,
        fit=prepared.fit,
    )


def _has_form(text: str, prepared: Prepared) -> bool:
    """Whether it is what the caller can read: JSON where JSON was asked for, and by its schema."""
    asked = prepared.parameters.get("response_format") or {}
    kind = asked.get("type", "text")
    if prepared.parameters.get("tool_choice") not in {None, "auto", "none"}:
        return False  # a call of a tool was demanded
    if kind == "text":
        return True
    try:
        value = strict_json.loads(text.encode())
    except strict_json.InvalidJSON:
        return False
    schema = (asked.get("json_schema") or {}).get("schema") if kind == "json_schema" else None
    return isinstance(value, dict) and (schema is None or _fits(value, schema))


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        return schema_validator(schema, linear=True).is_valid(value)
    except BadSchema:  # a pattern that could take for ever
        return False


def _body(text: str, call: Call, prepared: Prepared) -> dict[str, Any]:
    """As OpenAI's object, in as many choices as were asked for."""
    return {
        "id": f"chatcmpl-{call.request_id}",
        "object": "chat.completion",
        "created": int(clock_now().timestamp()),
        "model": prepared.model.slug,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
            for index in range(int(prepared.parameters.get("n") or 1))
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
