"""Releases: at most one open for a prompt and channel, append-only, and a way back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import ProgrammingError

from apps.prompts import services
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import Channel, Release
from tests.prompts.conftest import (
    NOW,
    go_live,
    make_draft,
    make_prompt,
    make_sealed,
    saying,
)


def back(prompt, channel, by=None):
    return services.rollback(prompt=prompt, channel=channel, reason="Worse.", by=by, now=NOW)


def live_number(prompt, channel):
    return Release.objects.get(prompt=prompt, channel=channel, ended_at=None).version.number


@pytest.mark.django_db
class TestRelease:
    def test_the_next_release_ends_the_one_before(self, prompt, production):
        first = go_live(make_sealed(prompt))
        second = go_live(make_sealed(prompt, saying("Praise")))

        first.refresh_from_db()
        assert first.ended_at == second.released_at
        assert (second.kind, second.ended_at) == ("promote", None)
        assert live_number(prompt, production) == 2

    def test_channels_are_independent(self, prompt, production, staging):
        version = make_sealed(prompt)
        go_live(version, channel="staging")
        go_live(version)
        go_live(make_sealed(prompt, saying("Praise")), channel="staging")

        assert live_number(prompt, production) == 1
        assert live_number(prompt, staging) == 2

    def test_a_draft_is_not_released(self, prompt):
        with pytest.raises(PromptError, match="is draft; only sealed versions"):
            go_live(make_draft(prompt))

        assert not Release.objects.exists()

    def test_a_retired_version_is_not_released(self, prompt):
        version = services.retire_version(version=make_sealed(prompt))

        with pytest.raises(PromptError, match="is retired"):
            go_live(version)

    def test_a_live_version_is_not_released_again(self, prompt):
        version = make_sealed(prompt)
        go_live(version)

        with pytest.raises(PromptError, match="is live on production already"):
            go_live(version)

        assert Release.objects.count() == 1

    def test_another_prompts_version_is_refused(self, prompt, production):
        other = make_sealed(make_prompt("other"))

        with pytest.raises(PromptError, match="another prompt"):
            services.release(
                prompt=prompt, channel=production, version=other, reason="x", by=None, now=NOW
            )

    def test_a_reason_is_needed(self, prompt, production):
        version = make_sealed(prompt)

        with pytest.raises(PromptError) as caught:
            services.release(
                prompt=prompt, channel=production, version=version, reason=" ", by=None, now=NOW
            )

        assert [fault.pointer for fault in caught.value.faults] == ["/reason"]

    def test_a_protected_channel_needs_the_permission(
        self, prompt, production, staging, engineer, approver
    ):
        version = make_sealed(prompt)
        ask = {"prompt": prompt, "version": version, "reason": "Better.", "now": NOW}

        with pytest.raises(NotPermitted, match=r"prompts\.release_protected"):
            services.release(channel=production, by=engineer, **ask)
        assert not Release.objects.exists()

        services.release(channel=staging, by=engineer, **ask)
        services.release(channel=production, by=approver, **ask)
        assert live_number(prompt, production) == 1


@pytest.mark.django_db
class TestRollback:
    def test_it_goes_one_back_each_time(self, prompt, production):
        for text in ("One", "Two", "Three"):
            go_live(make_sealed(prompt, saying(text)))

        assert back(prompt, production).version.number == 2
        assert back(prompt, production).version.number == 1
        assert [row.kind for row in Release.objects.order_by("id")] == [
            "promote",
            "promote",
            "promote",
            "rollback",
            "rollback",
        ]
        with pytest.raises(PromptError, match="No earlier version"):
            back(prompt, production)
        assert live_number(prompt, production) == 1

    def test_a_release_after_a_rollback_returns_to_where_it_was(self, prompt, production):
        for text in ("One", "Two", "Three"):
            go_live(make_sealed(prompt, saying(text)))
        back(prompt, production)
        go_live(make_sealed(prompt, saying("Four")))

        assert back(prompt, production).version.number == 2

    def test_a_retired_version_is_passed_over(self, prompt, production):
        versions = [make_sealed(prompt, saying(text)) for text in ("One", "Two", "Three")]
        for version in versions:
            go_live(version)
        services.retire_version(version=versions[1])

        assert back(prompt, production).version.number == 1

    def test_it_needs_the_same_permission(self, prompt, production, engineer):
        for text in ("One", "Two"):
            go_live(make_sealed(prompt, saying(text)))

        with pytest.raises(NotPermitted):
            back(prompt, production, by=engineer)

        assert live_number(prompt, production) == 2


@pytest.mark.django_db
class TestHistory:
    def test_two_open_releases_are_impossible(self, prompt, production):
        release = go_live(make_sealed(prompt))

        with pytest.raises(IntegrityError), transaction.atomic():
            Release.objects.create(
                prompt=prompt,
                channel=production,
                version=release.version,
                kind="promote",
                reason="x",
                released_at=NOW,
            )

    def test_nothing_of_a_release_changes_but_its_end(self, prompt):
        release = go_live(make_sealed(prompt))

        with pytest.raises(ProgrammingError), transaction.atomic():
            Release.objects.filter(pk=release.pk).update(reason="Rewritten.")
        with pytest.raises(ProgrammingError), transaction.atomic():
            release.delete()
        with (
            pytest.raises(ProgrammingError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("UPDATE prompts_release SET version_id = 1")


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_leave_exactly_one_open_release():
    prompt = make_prompt()
    versions = [make_sealed(prompt, saying(f"Text {number}")) for number in range(20)]

    def run(version):
        try:
            return go_live(version)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(run, versions))

    rows = list(Release.objects.order_by("id"))
    assert len(made) == len(rows) == 20
    assert [row.ended_at is None for row in rows] == [False] * 19 + [True]
    assert {row.version_id for row in rows} == {version.pk for version in versions}


@pytest.mark.django_db
def test_the_two_channels_exist_and_production_is_protected():
    assert list(Channel.objects.values_list("slug", "protected")) == [
        ("production", True),
        ("staging", False),
    ]
