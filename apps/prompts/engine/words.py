"""What the policy says about constructs that Jinja has and prompts have not: name and way out."""

from jinja2 import nodes

_LOOP = "Write the text out, or use {% for %}."
_FRAGMENT = "Write the text here, or pass it as a variable."
_NAMED = 'Name one fragment as text: {% include "its-name" %}.'
_SET = "Use {% set name = value %}."
_INNER = "Put the text into the template itself."

REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Macro: ("{% macro %}", _LOOP),
    nodes.CallBlock: ("{% call %}", _LOOP),
    nodes.FilterBlock: ("{% filter %}", "Use the filter behind each value."),
    nodes.AssignBlock: ("{% set %} with {% endset %}", _SET),
    nodes.With: ("{% with %}", _SET),
    nodes.Include: ("this {% include %}", _NAMED),
    nodes.Import: ("{% import %}", _FRAGMENT),
    nodes.FromImport: ("{% from … import %}", _FRAGMENT),
    nodes.Extends: ("{% extends %}", _FRAGMENT),
    nodes.Block: ("{% block %}", _INNER),
    nodes.Scope: ("{% autoescape %}", "Prompts are never escaped."),
    nodes.ScopedEvalContextModifier: ("{% autoescape %}", "Prompts are never escaped."),
    nodes.NSRef: ("setting an attribute", "Values never change: use another name."),
    nodes.Pow: ("`**`", "Write the product out with `*`."),
}
