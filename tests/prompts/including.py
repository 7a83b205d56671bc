"""Fragments in tests, and prompts that include them."""

from apps.prompts import services
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.services import dry_run
from apps.prompts.validation import Content
from tests.prompts.conftest import content, make_sealed


def fragment_content(text: str, **variables: dict[str, object]) -> Content:
    message = {"role": "system", "content": text}
    return Content(messages=[message], variables=variables, model="", parameters={})


def make_fragment(
    text: str = "Be kind.", slug: str = "voice", **variables: dict[str, object]
) -> PromptVersion:
    prompt = services.create_prompt(slug=slug, name=slug, kind="fragment")
    return make_sealed(prompt, fragment_content(text, **variables))


def seal_next(fragment: PromptVersion, text: str) -> PromptVersion:
    return make_sealed(fragment.prompt, fragment_content(text))


def including(*names: str, text: str = " Describe {{ product }}.") -> Content:
    source = "".join(f'{{% include "{name}" %}}' for name in names) + text
    return content(messages=[{"role": "user", "content": source}])


def sent(prompt: Prompt) -> str:
    _, messages = dry_run(
        prompt=prompt.slug,
        channel="production",
        version=None,
        variables={"product": "a cup"},
        subject="",
        request_id="",
    )
    return messages[0]["content"]
