"""From a chat's outcome to the object that answers `/v1/responses`."""

from collections.abc import Mapping
from typing import Any

from apps.gateway.types import CallOutcome


def answer_of(outcome: CallOutcome, asked: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's response object. `asked` is the request, parts of which it repeats."""
    body = outcome.body
    choice = body["choices"][0]
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(
        outcome.finish_reason
    )
    status = "incomplete" if reason else "completed"
    return blank(body, asked) | {
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": _output(choice["message"], str(body.get("id")), status),
        "usage": _usage(body.get("usage")),
    }


def blank(body: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The object before anything was said; `body` is a chat's answer, or a chunk of it."""
    return {
        "id": f"resp_{body.get('id')}",
        "object": "response",
        "created_at": body.get("created"),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": body.get("model"),
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": asked.get("reasoning"),
        "service_tier": body.get("service_tier"),
        "store": False,
        "temperature": asked.get("temperature"),
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p"),
        "truncation": "disabled",
        "usage": None,
        "metadata": asked.get("metadata") or {},
    }


def _output(message: Mapping[str, Any], head: str, status: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if message.get("content"):
        parts.append({"type": "output_text", "text": message["content"], "annotations": []})
    if message.get("refusal"):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    said = {"id": f"msg_{head}", "type": "message", "role": "assistant", "status": status}
    calls = [
        {
            "id": f"fc_{call['id']}",
            "type": "function_call",
            "status": status,
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }
        for call in message.get("tool_calls") or ()
    ]
    return [*([{**said, "content": parts}] if parts else []), *calls]


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    ins, outs = (usage.get(f"{side}_tokens_details") or {} for side in ("prompt", "completion"))
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {
            "cached_tokens": ins.get("cached_tokens") or 0,
            "cache_write_tokens": ins.get("cache_write_tokens") or 0,
        },
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": outs.get("reasoning_tokens") or 0},
        "total_tokens": usage["prompt_tokens"] + usage["completion_tokens"],
    }
