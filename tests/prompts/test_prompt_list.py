"""The list of prompts: what it finds, what it leaves out, and what it says of use."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.prompts import services
from apps.prompts.admin.prompts import PromptAdmin
from apps.prompts.models import Experiment, Prompt, PromptWords
from apps.prompts.selectors import last_changes, prompts_saying
from apps.results.latencies import bucket_of
from apps.results.models import VersionHour
from tests.prompts.conftest import (
    NOW,
    browser,
    content,
    go_live,
    make_draft,
    make_live,
    make_person,
    make_prompt,
    make_sealed,
    page,
    saying,
)

pytestmark = pytest.mark.django_db


def listed(client, **query):
    answer = client.get(page("prompt"), query)
    assert answer.status_code == 200
    return [row.slug for row in answer.context["cl"].result_list]


def saying_ids(text):
    return list(prompts_saying(text).values_list("prompt__slug", flat=True))


def called(prompt, *, hours_ago=1, **sums):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    VersionHour.objects.create(
        prompt=prompt.slug, prompt_version=1, hour=hour, **({"calls": 10} | sums)
    )


class TestWords:
    def test_words_of_the_newest_and_of_what_is_live_are_found(self, prompt):
        make_live(prompt, saying("Describe"))
        make_sealed(prompt, saying("Praise"))
        draft = make_draft(prompt, saying("Advertise"))

        assert saying_ids("describe") == [prompt.slug]  # live
        assert saying_ids("advertise") == [prompt.slug]  # newest
        assert saying_ids("praise") == []  # neither
        draft.delete()
        assert saying_ids("praise") == [prompt.slug]
        assert saying_ids("advertise") == []

    def test_a_release_changes_what_is_found(self, prompt):
        make_live(prompt, saying("Describe"))
        second = make_live(prompt, saying("Praise")).version
        make_draft(prompt, saying("Sell"))

        assert saying_ids("describe") == []
        services.rollback(
            prompt=prompt, channel=prompt.releases.get(version=second).channel,
            reason="Worse.", by=None, now=timezone.now(),
        )  # fmt: skip
        assert saying_ids("describe") == [prompt.slug]

    def test_every_word_and_the_beginning_of_the_last(self, prompt):
        make_draft(prompt, saying("Grüße vom {{ shop_name }} für"))

        for found in ("grüße", "GRÜ", "shop_name", "name", "product", "vom {{ shop_name }}", "für"):
            assert saying_ids(found) == [prompt.slug], found
        for missed in ("hop", "gruß kessel", "vo für x", "", "{{ }}", "' | \\ & ! :*"):
            assert saying_ids(missed) == [], missed

    def test_any_draft_can_be_saved(self, prompt):
        """Of whatever shape and size."""
        many = " ".join(f"w{number}" for number in range(60_000))
        for messages in (3, "text", [1, None], [{"role": "user", "content": [{"type": "x"}]}], []):
            draft = make_draft(prompt, content(messages=messages))
            draft.delete()
        make_draft(prompt, content(messages=[{"role": "user", "content": many}]))

        assert saying_ids("w1000") == [prompt.slug]

    def test_a_prompt_goes_with_its_words(self, prompt):
        make_draft(prompt).delete()
        prompt.delete()

        assert not PromptWords.objects.exists()


class TestList:
    def test_names_descriptions_and_messages_are_searched(self, desk):
        first, second = make_prompt("first"), make_prompt("second")
        Prompt.objects.filter(pk=second.pk).update(description="Sells kettles")
        make_draft(first, saying("Describe the kettle as"))

        assert listed(desk, q="kettle") == ["first", "second"]
        assert listed(desk, q="kettle first") == ["first"]
        assert listed(desk, q="describe kettle") == ["first"]
        assert listed(desk, q="seco") == ["second"]
        assert listed(desk, q="100%") == []

    def test_filters(self, desk, staging):
        plain, busy = make_prompt("plain"), make_prompt("busy")
        version = make_sealed(busy)
        go_live(version, channel="staging")
        make_draft(busy)
        Experiment.objects.create(
            slug="tone", name="Tone", prompt=busy, channel=staging, status="running"
        )
        called(busy)
        called(plain, hours_ago=31 * 24)
        Prompt.objects.filter(pk=busy.pk).update(folder="shop/texts", tags=["a", "b"], owner="Shop")
        Prompt.objects.filter(pk=plain.pk).update(folder="shops")

        for query in ("draft=yes", "experiment=yes", "folder=shop", "folder=shop/texts", "tag=b"):
            name, _, value = query.partition("=")
            assert listed(desk, **{name: value}) == ["busy"], query
        assert listed(desk, owner="Shop") == ["busy"]
        assert listed(desk, unused="yes") == ["plain"]
        assert listed(desk, folder="shops") == ["plain"]

    def test_use_of_the_last_seven_days(self, desk, prompt):
        make_live(prompt)
        called(prompt, calls=900, failed=9, cost_pico=3 * 10**12)
        called(prompt, hours_ago=30, calls=100, failed=16)
        called(prompt, hours_ago=24 * 8, calls=5_000)

        html = desk.get(page("prompt")).content.decode()

        for text in (">1,000<", "$3.00", ">2.5%<"):
            assert text in html

    def test_a_prompt_can_be_put_into_a_folder(self, root, prompt):
        values = {"slug": prompt.slug, "name": "Text", "kind": "task", "on_unknown": "retry"}

        root.post(page("prompt", prompt.pk), values | {"folder": "shop/texts für alle"})

        prompt.refresh_from_db()
        assert prompt.folder == "shop/texts für alle"
        assert "shop/texts für alle" in root.get(page("prompt")).content.decode()

    def test_the_middle_of_the_times_to_an_answer(self, desk, prompt):
        make_live(prompt)
        called(prompt, latencies={str(bucket_of(200)): 3, str(bucket_of(9_000)): 2})
        called(prompt, hours_ago=30, latencies={str(bucket_of(9_000)): 4})
        called(prompt, hours_ago=24 * 8, latencies={str(bucket_of(1)): 1_000})
        called(make_prompt("quick"), latencies={str(bucket_of(200)): 1})
        called(make_prompt("unknown"))

        answer = desk.get(page("prompt"))

        rows = {row.slug: row for row in answer.context["cl"].result_list}
        assert rows["product-text"].use.p50_ms == pytest.approx(9_000, rel=0.1)
        assert rows["quick"].use.p50_ms == pytest.approx(200, rel=0.1)
        assert rows["unknown"].use.p50_ms is None
        html = answer.content.decode()
        assert re.search(r"field-p50[^>]*>[89]\.\d\s*s<", html)
        assert re.search(r"field-p50[^>]*>(1[89]|2[012])\d\sms<", html)

    def test_last_changed_is_of_the_prompt_its_versions_or_releases(self, desk, staging):
        first, second, third = (make_prompt(name) for name in ("first", "second", "third"))
        version = make_sealed(second)
        now, long_ago = timezone.now(), NOW - timedelta(days=9)
        Prompt.objects.update(updated_at=long_ago)
        Prompt.objects.filter(pk=first.pk).update(updated_at=now + timedelta(days=1))
        released = services.release(
            prompt=second,
            channel=staging,
            version=version,
            reason="Because.",
            by=None,
            now=now + timedelta(days=2),
        )

        shown = desk.get(page("prompt")).context["cl"].result_list
        times = {row.slug: row.changed_at for row in shown}

        assert times["second"] == released.released_at
        assert times["third"] == long_ago
        column = PromptAdmin.list_display.index("changed") + 1
        assert listed(desk, o=f"-{column}") == ["second", "first", "third"]
        draft = make_draft(third)
        assert last_changes([third.pk]) == {third.pk: draft.updated_at}

    def test_the_model_of_what_is_live(self, desk):
        small, large = make_prompt("small-one"), make_prompt("large-one")
        make_live(small)
        make_sealed(small, content(model="large"))
        make_live(large, content(model="large"), channel="staging")

        assert listed(desk, model="large") == ["large-one"]
        assert listed(desk, model="small") == ["small-one"]

    def test_several_prompts_are_moved_at_once(self, desk, engineer):
        rows = [make_prompt(name) for name in ("a", "b", "c")]
        Prompt.objects.filter(slug="c").update(folder="old")
        chosen = {"action": "move_to_folder", "_selected_action": [row.pk for row in rows[1:]]}

        asked = desk.post(page("prompt"), chosen)
        assert '<option value="old">' in asked.content.decode()
        bad = desk.post(page("prompt"), chosen | {"confirmed": 1, "folder": "/x"})
        assert "Words between slashes" in bad.context["form"].errors["folder"][0]
        done = desk.post(
            page("prompt"), chosen | {"confirmed": 1, "folder": "shop/texts"}, follow=True
        )

        assert "Moved 2 prompts to shop/texts." in done.content.decode()
        folders = dict(Prompt.objects.values_list("slug", "folder"))
        assert folders == {"a": "", "b": "shop/texts", "c": "shop/texts"}
        moved = AuditEntry.objects.filter(
            pgh_label="update", pgh_obj_model="prompts.Prompt", pgh_obj_id=str(rows[1].pk)
        )
        assert moved.get().pgh_context["user"] == engineer.pk

    def test_who_only_reads_moves_nothing(self, prompt):
        client = browser(make_person("eve", "auditor"))
        chosen = {"action": "move_to_folder", "_selected_action": [prompt.pk], "confirmed": 1}

        client.post(page("prompt"), chosen | {"folder": "x"})

        prompt.refresh_from_db()
        assert prompt.folder == ""

    @pytest.mark.parametrize("folder", ["/shop", "shop/", "a//b", "a\n", "<b>", "x" * 101])
    def test_a_folder_is_words_between_slashes(self, prompt, folder):
        prompt.folder = folder

        with pytest.raises(ValidationError):
            prompt.full_clean()

    def test_it_costs_the_same_for_many(self, root, django_assert_max_num_queries):
        for number in range(6):
            called(make_live(make_prompt(f"prompt-{number}")).prompt)

        with django_assert_max_num_queries(15):
            root.get(page("prompt"), {"q": "prompt"})
