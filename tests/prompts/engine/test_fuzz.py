"""Whatever the template and values: bounded work, a text or our own error, Jinja's meaning."""

import gc
import time

import jinja2
import pytest
from hypothesis import HealthCheck, given, settings
from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from apps.prompts import engine
from apps.prompts.engine import JSONValue, TemplateError
from tests.prompts.engine import grammar, wild

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")

SLOW_IS_FINE = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    max_examples=60,
)
# Jinja writes Python's words for what is not text; everything else must be the same.
JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    finalize=lambda value: str(value).lower() if isinstance(value, bool) else value,
    cache_size=0,
)


def outcome(source: str, values: dict[str, JSONValue]) -> str:
    """The text, or what kind of error and where; nothing else may happen."""
    try:
        return engine.compile(source).render(values, clock=lambda: 0.0)
    except TemplateError as error:
        return f"{type(error).__name__} {error.code} {error.line}"


@SLOW_IS_FINE
@given(grammar.typed(), grammar.TYPED_VALUES)
def test_it_means_what_jinja_means(source: str, values: dict[str, JSONValue]) -> None:
    template = engine.compile(source)
    try:
        expected = JINJA.from_string(source).render(values)
    except ZeroDivisionError:
        with pytest.raises(engine.RenderError, match="by zero"):
            template.render(values)
    else:
        assert template.render(values) == expected


@SLOW_IS_FINE
@given(grammar.typed())
def test_it_finds_the_names_that_jinja_finds(source: str) -> None:
    found = engine.check(source).variables
    expected = meta.find_undeclared_variables(jinja2.Environment().parse(source))

    # Jinja also names what is set in a branch, though nothing reads it afterwards.
    assert found <= expected
    assert expected - found <= set(grammar.OWN)


@SLOW_IS_FINE
@given(grammar.typed(), grammar.TYPED_VALUES)
def test_names_that_it_does_not_find_do_not_matter(
    source: str, values: dict[str, JSONValue]
) -> None:
    found = engine.check(source).variables

    used = {name: value for name, value in values.items() if name in found}
    assert outcome(source, used) == outcome(source, values)


@SLOW_IS_FINE
@given(wild.templates(), wild.VALUES)
def test_wild_templates_end_soon_in_a_text_or_our_error(
    source: str, values: dict[str, JSONValue]
) -> None:
    gc.disable()  # the generator's own garbage is no work of the engine
    started = time.process_time()
    first = outcome(source, values)
    seconds = time.process_time() - started
    gc.enable()

    assert seconds < 0.5
    assert len(first) <= engine.DEFAULT.output_chars
    assert outcome(source, values) == first


@SLOW_IS_FINE
@given(wild.soup, wild.VALUES)
def test_soup_ends_in_a_text_or_our_error(source: str, values: dict[str, JSONValue]) -> None:
    found = engine.problems(source)

    assert outcome(source, values).startswith(("PolicyError", "TemplateSyntaxError")) or not found
