"""How many tokens a call can use at most: what a hold rests on.

Input: a token of a byte-level BPE covers at least one byte, so the UTF-8 bytes of everything that
is sent bound its tokens; the chat template's own tokens are a constant a message plus the
deployment's `input_overhead_tokens`. Output: the cap that is sent to the provider, times `n`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core import strict_json
from apps.gateway.images import image_urls
from apps.gateway.parameters import CHAT_NAMES, EMBEDDING_NAMES
from apps.registry.types import DeploymentFacts

UNBOUNDED = 10**9  # tokens; more than any context window
TOKENS_A_MESSAGE = 8  # role and separators of one message in any known chat template
_SENT_AS_TEXT = {"tools", "response_format", "tool_choice", "functions", "function_call"}


def input_bound(
    *, messages: Sequence[Mapping[str, Any]], inputs: Sequence[Any], parameters: Mapping[str, Any]
) -> int:
    """Tokens of the input at most, without the deployment's overhead.

    An image's tokens cannot be bounded from its bytes: only the context window bounds them. What a
    deployment makes of a parameter that we do not know is taken for text that it adds.
    """
    if any(image_urls(messages)):
        return UNBOUNDED
    extras = text_parameters(parameters)
    size = sum(_size(message) for message in messages) + sum(_input_size(item) for item in inputs)
    return size + TOKENS_A_MESSAGE * len(messages) + (_size(extras) if extras else 0)


def text_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those that become part of the input: tools, schemas, and what we do not know."""
    known = CHAT_NAMES | EMBEDDING_NAMES
    return {
        name: value
        for name, value in parameters.items()
        if name in _SENT_AS_TEXT or name not in known
    }


def likely_tokens(bound: int) -> int:
    """An input bound in bytes as tokens, roughly: four bytes make one in most Latin text."""
    return bound // 4


def hold_input(bound: int, deployment: DeploymentFacts, *, inputs: int) -> int:
    """The bound with the deployment's overhead, within the context window, beyond which a provider
    refuses before it bills. Each of the `inputs` of an embedding request has its own window."""
    window = deployment.model.context_window * max(1, inputs)
    return min(window, bound + deployment.input_overhead_tokens * max(1, inputs))


def _size(value: Any) -> int:
    if isinstance(value, Mapping) and set(value) == {"role", "content"}:
        content = value["content"]
        if isinstance(content, str):
            return len(content.encode())
    return len(strict_json.dumps(value))


def _input_size(item: Any) -> int:
    """A list is token ids: it is as long as it is."""
    return len(item.encode()) if isinstance(item, str) else len(item)
