"""The official `openai` client, with nothing changed but its address and key.

.venv/bin/python examples/openai_client.py
"""

import os

from openai import OpenAI

client = OpenAI(
    base_url=f"{os.environ['LLMPLATFORM_GATEWAY_URL']}/v1",
    api_key=os.environ["LLMPLATFORM_API_KEY"],
)


def ask(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


print("models     ", ", ".join(model.id for model in client.models.list()))

raw = client.chat.completions.with_raw_response.create(
    model="fast", messages=ask("Name one thing that a shop sells."), max_tokens=40
)
answer = raw.parse()
print("chat       ", answer.choices[0].message.content.strip())
print("           ", f"{answer.usage.total_tokens} tokens, ${raw.headers['x-llm-cost-usd']}")

stream = client.chat.completions.create(
    model="fast",
    messages=ask("What is a shop?"),
    max_tokens=40,
    stream=True,
    stream_options={"include_usage": True},
)
print("stream      ", end="")
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\n            {chunk.usage.total_tokens} tokens, ${chunk.usage.cost_usd}")

vectors = client.embeddings.create(model="embeddings", input=["warm slippers", "cosy house shoes"])
first, second = (item.embedding for item in vectors.data)
likeness = sum(a * b for a, b in zip(first, second, strict=True))  # the vectors have length 1
print("embeddings ", f"{len(first)} numbers a text; likeness {likeness:.2f}")

# A prompt of the platform instead of messages: what differs from OpenAI goes into extra_body.
answer = client.chat.completions.create(
    model="auto",
    messages=[],
    extra_body={
        "prompt": "marketing-content",
        "variables": {"product": "Merino hat Nord", "occasion": "first cold week of the year"},
        "subject": "campaign-2026-48",
    },
)
print("prompt     ", answer.choices[0].message.content.strip())
