"""“Use it”: requests that a service developer can copy, filled with the prompt's own samples."""

import json
import shlex
from pprint import pformat
from typing import Any

from django.conf import settings

from apps.prompts.models import PromptVersion

KEY = "$LLMPLATFORM_API_KEY"
STAND_INS: dict[str, Any] = {
    "string": "…",
    "number": 1,
    "integer": 1,
    "boolean": True,
    "list": [],
    "object": {},
    "messages": [],
}


def examples(version: PromptVersion, channel: str) -> dict[str, str]:
    """Code by language."""
    variables = _variables(version)
    return {
        "curl": _curl(version.prompt.slug, channel, variables),
        "Python": _python(version.prompt.slug, channel, variables),
    }


def _variables(version: PromptVersion) -> dict[str, Any]:
    """Samples of what must be given, and of what may be when there is one."""
    return {
        name: given.get("sample", STAND_INS.get(given.get("type"), "…"))
        for name, given in sorted(version.variables.items())
        if given.get("required", True) or "sample" in given
    }


def _curl(slug: str, channel: str, variables: dict[str, Any]) -> str:
    body: dict[str, Any] = {"prompt": slug, "variables": variables}
    if channel != "production":
        body["channel"] = channel
    text = shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))
    return (
        f"curl {settings.WEB_URL}/api/v1/jobs/ \\\n"
        f'  -H "Authorization: Bearer {KEY}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -H "Prefer: wait=30" \\\n'
        f"  -d {text}\n"
    )


def _python(slug: str, channel: str, variables: dict[str, Any]) -> str:
    extra: dict[str, Any] = {"prompt": slug, "variables": variables}
    if channel != "production":
        extra["channel"] = channel
    return (
        "import os\n"
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{settings.GATEWAY_URL}/v1", '
        'api_key=os.environ["LLMPLATFORM_API_KEY"])\n'
        "answer = client.chat.completions.create(\n"
        '    model="auto",  # the prompt decides\n'
        "    messages=[],\n"
        f"    extra_body={_literal(extra)},\n"
        ")\n"
        "print(answer.choices[0].message.content)\n"
    )


def _literal(value: Any) -> str:
    return pformat(value, sort_dicts=False, width=72).replace("\n", "\n               ")
