"""The table of settings and `.env.example` name exactly what the settings read."""

import re

from tests.docs.settings_read import ROOT, variables

TABLE = ROOT / "docs" / "settings.md"
EXAMPLE = ROOT / ".env.example"
OF_COMPOSE = {"POSTGRES_PASSWORD"}  # docker-compose.yml makes DATABASE_URL of it
OF_PROVIDERS = {"OPENAI_API_KEY"}  # any name will do; this one shows how


def test_the_settings_read_what_we_think():
    assert {"SECRET_KEY", "DATABASE_URL", "JOB_SLOTS", "LOG_LEVEL"} < variables()


def test_the_table_lists_every_variable_once_and_no_other():
    named = re.findall(r"^\| `([A-Z_]+)` \|", TABLE.read_text(), re.MULTILINE)

    assert sorted(named) == sorted(variables())


def test_the_example_lists_every_variable_once_and_no_other():
    named = re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)

    assert sorted(named) == sorted(variables() | OF_COMPOSE | OF_PROVIDERS)


def test_the_example_holds_no_secret():
    text = EXAMPLE.read_text()

    assert all(f"{name}=\n" in text for name in ("SECRET_KEY", "API_KEY_PEPPER", *OF_COMPOSE))
