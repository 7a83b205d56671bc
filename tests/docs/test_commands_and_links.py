"""What the documents tell people to type and to open exists."""

import argparse
import re
import shlex

import pytest
from django.core.management import get_commands, load_command_class

from llmplatform.embedded.commands import COMMANDS
from tests.docs.settings_read import ROOT

PAGES = sorted(
    page
    for folder in (".", "docs", "docs/roles", "docs/checklists", "docs/adr", "examples")
    for page in (ROOT / folder).glob("*.md")
)
MAKEFILE = (ROOT / "Makefile").read_text()

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def typed(text: str) -> list[list[str]]:
    """Each `python3 manage.py …` in code, as words."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = re.findall(r"python3 manage\.py ([^`\n#|>]+)", joined)
    return [shlex.split(command.replace("…", "").replace('"$(', "")) for command in found]


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@every_page
def test_commands_exist_and_take_these_options(page):
    for command, *words in typed(page.read_text()):
        assert command in COMMANDS or command in get_commands() or command == "help", command
        if command in get_commands() and command not in COMMANDS:
            known = options(command)
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= known, command


def options(command: str) -> set[str]:
    parser = load_command_class(get_commands()[command], command).create_parser(
        "manage.py", command
    )
    assert isinstance(parser, argparse.ArgumentParser)
    return {name for action in parser._actions for name in action.option_strings}


@every_page
def test_make_targets_exist(page):
    named = set(re.findall(r"`make ([a-z]+)`", page.read_text()))

    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@every_page
def test_files_that_are_named_exist(page):
    named = re.findall(
        r"`((?:apps|llmplatform|examples|tests|docs)/[\w./-]+\.\w+)`", page.read_text()
    )

    assert [name for name in named if not (ROOT / name).exists()] == []
