"""Who writes several prompts and who writes one of them wait for each other in one order."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from apps.prompts import services
from apps.prompts.bundles import TextFile
from apps.prompts.services.locks import lock_prompt
from tests.prompts.conftest import NOW, make_draft, make_live, make_person, make_prompt
from tests.prompts.including import including, make_fragment, seal_next

pytestmark = pytest.mark.django_db(transaction=True)


def file_of(slug):
    hello = [{"role": "user", "content": "Hi."}]
    return TextFile(slug, json.dumps({"slug": slug, "model": "m", "messages": hello}).encode())


def while_it_is_written(prompt, run):
    """`run` begins while somebody has locked the prompt, who saves it when `run` waits for that."""

    def apart():
        try:
            return run()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_prompt(prompt.pk)
            result = pool.submit(apart)
            wait_until_somebody_waits()
            make_draft(prompt)
        return result.result(timeout=60)


def wait_until_somebody_waits():
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
            if cursor.rowcount:
                return
    raise AssertionError("nobody waits")


def test_a_look_at_an_import_and_a_save():
    who = make_person("anna", "prompt-engineer")
    _, second = make_prompt("first"), make_prompt("second")
    files = [file_of("first"), file_of("new"), file_of("second")]

    plan = while_it_is_written(
        second, lambda: services.look_at_import(files=files, by=who, now=NOW)
    )

    assert [step.effect for step in plan.steps] == ["new draft", "new prompt", "new draft"]
    assert [step.version.number for step in plan.steps] == [1, 1, 2]


def test_drafts_for_all_that_include_a_fragment_and_a_save():
    fragment = make_fragment()
    first, second = make_prompt("first"), make_prompt("second")
    for prompt in (first, second):
        make_live(prompt, including("voice"))
    newest = seal_next(fragment, "Be brief.")

    for prompt in (first, second):  # whichever comes last
        who = make_person(f"who-{prompt}", "prompt-engineer")
        updated = while_it_is_written(
            prompt, lambda by=who: services.update_dependents(fragment=newest, by=by)
        )
        assert len(updated.drafts) == 2
