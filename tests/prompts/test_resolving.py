"""Which version answers: exact number, experiment arm or release; from memory only."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.prompts import services, snapshot
from apps.prompts.memory import VersionCache
from apps.prompts.models import Arm, Experiment
from apps.prompts.resolve import resolve
from apps.prompts.snapshot import load_version, read_prompts
from apps.prompts.types import PromptNotFound, VersionNotLoaded
from tests.prompts.conftest import (
    NOW,
    go_live,
    make_draft,
    make_live,
    make_prompt,
    make_sealed,
    saying,
)

pytestmark = pytest.mark.django_db


def ask(prompts, **changes):
    question = {
        "prompt": "product-text",
        "channel": "production",
        "version": None,
        "subject": "",
        "request_id": "request-1",
    }
    return resolve(prompts, **(question | changes))


def run_experiment(prompt, channel, *versions):
    row = Experiment.objects.create(slug="tone", name="Tone", prompt=prompt, channel=channel)
    for position, version in enumerate(versions, 1):
        Arm.objects.create(
            experiment=row,
            slug=f"arm-{position}",
            version=version,
            weight=5000,
            position=position,
        )
    return services.start_experiment(experiment=row, by=None, now=NOW)


def test_the_channel_decides(prompt):
    make_live(prompt, saying("Describe"))
    make_live(prompt, saying("Praise"), channel="staging")
    prompts = read_prompts()

    assert ask(prompts).version.number == 1
    assert ask(prompts, channel="staging").version.number == 2
    assert ask(prompts).arm == ""


def test_an_exact_version_wins(prompt):
    make_sealed(prompt, saying("Describe"))
    make_live(prompt, saying("Praise"))
    snapshot._cache.clear()
    prompts = read_prompts()

    with pytest.raises(VersionNotLoaded) as caught:
        ask(prompts, version=1)
    loaded = load_version(caught.value.version_id)

    assert ask(prompts, version=1).version is loaded
    assert loaded.number == 1


def test_a_retired_version_still_answers_by_its_number(prompt):
    version = services.retire_version(version=make_sealed(prompt))
    load_version(version.pk)

    assert ask(read_prompts(), version=1).version.number == 1


def test_a_draft_is_not_served(prompt):
    make_sealed(prompt)
    draft = make_draft(prompt)

    with pytest.raises(PromptNotFound, match=r"no sealed version 2.*Sealed: 1\."):
        ask(read_prompts(), version=2)
    with pytest.raises(PromptNotFound):
        load_version(draft.pk)


def test_what_does_not_exist_names_what_does(prompt):
    make_live(prompt, channel="staging")
    prompts = read_prompts()

    with pytest.raises(PromptNotFound, match=r"no prompt “nope”. There are: product-text\."):
        ask(prompts, prompt="nope")
    with pytest.raises(PromptNotFound, match=r"on channel “production”. Live on: staging\."):
        ask(prompts)


def test_an_archived_prompt_is_gone_but_its_versions_still_load(prompt):
    version = make_live(prompt).version
    prompt.archived = True
    prompt.save()

    with pytest.raises(PromptNotFound):
        ask(read_prompts())
    assert load_version(version.pk).number == 1


def test_an_experiment_shares_subjects_and_keeps_them(prompt, production):
    first, second = make_sealed(prompt, saying("Describe")), make_sealed(prompt, saying("Praise"))
    go_live(first)
    run_experiment(prompt, production, first, second)
    prompts = read_prompts()

    given = [ask(prompts, subject=f"customer-{n}") for n in range(1000)]
    again = [ask(prompts, subject=f"customer-{n}", request_id="other") for n in range(1000)]

    assert given == again
    counts = Counter((found.arm, found.version.number) for found in given)
    # The salt is random here: five standard errors, so that it fails once in two million runs.
    assert set(counts) == {("tone/arm-1", 1), ("tone/arm-2", 2)}
    assert abs(counts["tone/arm-1", 1] - 500) <= 79


def test_without_a_subject_the_request_decides(prompt, production):
    first, second = make_sealed(prompt, saying("Describe")), make_sealed(prompt, saying("Praise"))
    go_live(first)
    run_experiment(prompt, production, first, second)
    prompts = read_prompts()

    arms = {ask(prompts, request_id=f"request-{n}").arm for n in range(100)}

    assert arms == {"tone/arm-1", "tone/arm-2"}


def test_when_an_experiment_stops_the_release_answers(prompt, production):
    first, second = make_sealed(prompt, saying("Describe")), make_sealed(prompt, saying("Praise"))
    go_live(first)
    running = run_experiment(prompt, production, first, second)
    services.stop_experiment(experiment=running, now=NOW)

    assert ask(read_prompts(), subject="x").arm == ""


def test_reading_costs_the_same_however_much_there_is(prompt, production):
    make_live(prompt)
    few = count_queries()
    for number in range(5):
        other = make_prompt(f"other-{number}")
        make_live(other)
        make_sealed(other, saying("Praise"))
    run_experiment(other, production, *other.versions.all())

    assert count_queries() == few + 2  # arms and phases of running experiments, once there are any


def count_queries():
    snapshot._cache.clear()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        read_prompts()
    return len(queries)


def test_sealed_content_is_read_once(prompt):
    make_live(prompt)
    read_prompts()

    with CaptureQueriesContext(connection) as queries:
        found = read_prompts()

    assert not [query for query in queries if '"messages"' in query["sql"]]
    assert ask(found).version.number == 1


def test_the_memory_is_bounded():
    memory = VersionCache(size=2)
    memory.put({1: "one", 2: "two"})
    memory.get(1)
    memory.put({3: "three"})

    assert [memory.get(key) for key in (1, 2, 3)] == ["one", None, "three"]


def test_what_is_live_is_remembered_however_much_it_is(prompt, production, monkeypatch):
    monkeypatch.setattr(snapshot, "_cache", VersionCache(size=1))
    for number in range(3):
        make_live(make_prompt(f"other-{number}"))
    read_prompts()

    with CaptureQueriesContext(connection) as queries:
        assert len(read_prompts().loaded) == 3

    assert not [query for query in queries if '"messages"' in query["sql"]]
