"""By what the rollups sum, and what. `ledger_day` or `ledger_month` before a name is a table."""

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
# From the fewest rows to the most.
ROLLUPS = {**TOTALS, "cost": KEY}
