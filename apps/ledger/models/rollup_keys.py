"""By what the rollups sum, and what. `ledger_day` or `ledger_month` before a name is a table."""

from typing import LiteralString

MEASURES = (
    "entries",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "saved_tokens",
    "amount_pico",
    "avoided_pico",
)
KEY = (
    "service",
    "team",
    "cost_center",
    "provider",
    "model",
    "deployment",
    "prompt",
    "prompt_version",
    "arm",
    "purpose",
    "kind",
)
# Most questions ask who called, or what was called and answered. Together these meet in so many
# ways that each alone has a half to a seventh of the rows.
TOTALS = {
    "bysupply": ("provider", "model", "deployment", "purpose", "kind"),
    "byowner": ("service", "team", "cost_center", "purpose", "kind"),
    "byprompt": (
        *("provider", "model", "deployment", "prompt", "prompt_version", "arm"),
        *("purpose", "kind"),
    ),
}
# What an entry was for: by its tag `project:`, and by its channel. Neither is in `KEY`.
PROJECT_KEY = ("project", "channel", "service", "team", "cost_center", "purpose", "kind")
# Everything that questions may join, but other tags.
FULL_KEY = ("project", "channel", *KEY)
# Of an entry; of several such tags the first by the alphabet.
PROJECT: LiteralString = """coalesce((
    SELECT min(substr(tag, length('project:') + 1)) FROM jsonb_array_elements_text(tags) tag
    WHERE starts_with(tag, 'project:')), '')"""
# From the fewest rows to the most.
ROLLUPS = {**TOTALS, "cost": KEY, "byproject": PROJECT_KEY, "full": FULL_KEY}
