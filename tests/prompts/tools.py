"""Tools as prompts declare them."""

from typing import Any

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a town now.",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def tool(name: str = "look_up", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}
