"""The bounded template engine: Jinja's language, without its power to hang or escape.

A prompt author's source is checked once (`check`, `problems`), compiled once (`compile`), and
rendered with JSON values any number of times. Whatever the source and the values, each of these
ends within the bounds of `Limits`, in its text or in a TemplateError.

Jinja parses; everything else is here, and nothing is ever turned into Python code. Where the
language differs from Jinja's own:

- A value is printed as it is if it is text, else as JSON: `true`, `null`, `["a", "b"]`.
- A missing name or key is an error at once. `x is defined` and `x|default(…)` are the way around.
- `order.items` is always a key of the object; methods are only called: `order.items()`.
- Filters give lists, not generators. `for` does not run over the characters of a text.
- `<` and `sort` compare numbers with numbers and texts with texts.
- `|tojson` writes JSON for a reader: sorted keys, no HTML escapes.
- `{% include "name" %}` stands for a text that is put in first (`put_in`); others are refused.
- No macros, blocks, `namespace`, `**`, `%` on texts. Values never change.
"""

from apps.prompts.engine.errors import (
    DeadlineError,
    PolicyError,
    RenderError,
    TemplateError,
    TemplateSyntaxError,
)
from apps.prompts.engine.includes import Include, includes, put_in
from apps.prompts.engine.limits import DEFAULT, Limits
from apps.prompts.engine.template import (
    Checked,
    Inspected,
    Template,
    check,
    compile,  # noqa: A004
    inspect,
    problems,
)
from apps.prompts.engine.values import JSONValue
from apps.prompts.engine.vocabulary import WORDS

__all__ = [
    "DEFAULT",
    "WORDS",
    "Checked",
    "DeadlineError",
    "Include",
    "Inspected",
    "JSONValue",
    "Limits",
    "PolicyError",
    "RenderError",
    "Template",
    "TemplateError",
    "TemplateSyntaxError",
    "check",
    "compile",
    "includes",
    "inspect",
    "problems",
    "put_in",
]
