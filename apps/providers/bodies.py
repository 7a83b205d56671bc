"""What is sent, and to which path, in OpenAI's wire format."""

from typing import Any

from apps.providers.types import ChatRequest, Endpoint

CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"


def chat_body(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """What is sent. Ours comes last: parameters can't replace the model, nor turn a plain call into
    a stream."""
    parameters = {
        name: value
        for name, value in request.parameters.items()
        if name not in ("stream", "stream_options")
    }
    return {**parameters, "model": endpoint.model, "messages": request.messages}
