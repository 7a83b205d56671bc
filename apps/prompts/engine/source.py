"""From source to syntax tree, within bounds.

Jinja's parser is used, its compiler is not: it folds constants, so that `'a' * 10**9` costs a
gigabyte before anything is rendered, and even listing a template's variables runs it.
"""

from collections.abc import Iterator

import jinja2
from jinja2 import nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from apps.prompts.engine.errors import PolicyError, TemplateSyntaxError
from apps.prompts.engine.limits import Limits
from apps.prompts.engine.values import storable

# Only its delimiters and lexer are used. Newlines are kept as written, also the last one.
ENVIRONMENT = jinja2.Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701
_MAX_MESSAGE = 300
_OPEN = frozenset("([{")
_CLOSE = frozenset(")]}")
_TAGS = frozenset(("variable_begin", "block_begin", "raw_begin", "comment_begin"))
_NUMBERS = frozenset(("integer", "float"))
_SYMBOLS = frozenset(("name", "string", "operator", *_NUMBERS))


def parse(source: str, *, limits: Limits) -> nodes.Template:
    """Parse a template whose size was checked first. Raises PolicyError or TemplateSyntaxError."""
    if len(source) > limits.source_chars:
        raise PolicyError(
            f"the template has {len(source):,} characters, at most {limits.source_chars:,} are"
            " allowed: pass long texts as variables",
            code="source_size",
        )
    if not storable(source):
        raise PolicyError("a NUL character or half of a surrogate pair cannot be used", code="text")
    try:
        parser = Parser(ENVIRONMENT, "")
        parser.stream = TokenStream(ENVIRONMENT.lexer.wrap(_measured(source, limits)), None, None)
        return parser.parse()
    except jinja2.TemplateSyntaxError as error:
        message = (error.message or "the template cannot be read")[:_MAX_MESSAGE]
        raise TemplateSyntaxError(message, code="syntax", line=error.lineno) from error
    except RecursionError:
        # No cause: it would keep all those frames alive.
        raise PolicyError(
            "tags, brackets or signs are nested too deep: use {% set %} for intermediate steps",
            code="depth",
        ) from None


def _measured(source: str, limits: Limits) -> Iterator[tuple[int, str, str]]:
    """Pass tokens on to the parser, counting what makes parsing expensive before it gets there."""
    tags = symbols = brackets = 0
    for line, token, value in ENVIRONMENT.lexer.tokeniter(source, None):
        if token in _TAGS:
            tags += 1
            if tags > limits.tags:
                raise _too_many("tags", limits.tags, line)
        elif token in _SYMBOLS:
            symbols += 1
            brackets += (value in _OPEN) - (value in _CLOSE)
            if symbols > limits.symbols:
                raise _too_many("words and signs inside tags", limits.symbols, line)
            if brackets > limits.brackets:
                raise _too_many("brackets inside each other", limits.brackets, line)
            if token in _NUMBERS:
                _check_number(value, limits, line)
        yield line, token, value


def _check_number(digits: str, limits: Limits, line: int) -> None:
    if len(digits) > limits.digits:
        raise PolicyError("a number has too many digits", code="number", line=line)
    if not digits.isascii():  # Jinja's lexer takes any script's digits, and stumbles over them
        raise TemplateSyntaxError("numbers are written with 0 to 9", code="syntax", line=line)


def _too_many(what: str, limit: int, line: int) -> PolicyError:
    return PolicyError(
        f"more than {limit:,} {what}: split the prompt, or pass prepared text as a variable",
        code="template_size",
        line=line,
    )
