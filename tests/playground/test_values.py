"""Values from a case or a past call: masked, permitted, and written down."""

from datetime import timedelta

import pghistory
import pytest
from django.urls import reverse
from django.utils import timezone
from pghistory.models import Events

from apps.evals.models import Case, Dataset
from apps.evals.services.datasets import publish
from apps.playground.errors import PlaygroundError
from apps.playground.models import PastCallLook
from apps.playground.selectors.offered import sources_of
from apps.playground.services.keeping import Kept, keep_case
from apps.playground.services.values import take_values
from apps.prompts.snapshot import variable_of
from tests.evals.conftest import case as make_case
from tests.evals.conftest import make_cases
from tests.factories import make_service
from tests.playground.conftest import posted
from tests.playground.runs import past_call
from tests.prompts.conftest import (
    CONTENT,
    browser,
    content,
    make_draft,
    make_person,
    make_prompt,
    make_sealed,
)

pytestmark = pytest.mark.django_db
SECRET = {"customer": {"type": "string", "required": False, "sensitivity": "personal"}}
TEXT = [{"role": "user", "content": "{{ product }} for {{ customer }}"}]
ROLES = ["approver", "finance", "operator", "auditor", "service-developer"]


@pytest.fixture
def sealed(prompt, small):
    what = content(variables=CONTENT["variables"] | SECRET, messages=TEXT)
    return make_sealed(prompt, what)


def take(source, prompt, by, now=None):
    return take_values(source=source, prompt=prompt, by=by, now=now or timezone.now())


class TestPastCalls:
    def test_values_are_masked_as_evaluations_mask_them(self, prompt, sealed, engineer):
        job = past_call(prompt, sealed)

        taken = take(f"call:{job.pk}", prompt, engineer)

        assert taken.values == {"product": "a mug", "customer": "[customer]"}
        assert (taken.source_job_id, taken.masked) == (job.pk, True)

    def test_who_looked_at_which_is_in_the_audit_log(self, prompt, sealed, engineer):
        job = past_call(prompt, sealed)

        with pghistory.context(user=engineer.pk):
            take(f"call:{job.pk}", prompt, engineer)

        look = PastCallLook.objects.get()
        assert (look.job_id, look.actor) == (job.pk, "engineer")
        event = Events.objects.filter(pgh_obj_model="playground.PastCallLook").get()
        assert event.pgh_context["user"] == engineer.pk

    def test_a_preview_at_every_key_is_one_look_an_hour(self, prompt, sealed, engineer):
        job, now = past_call(prompt, sealed), timezone.now()

        take(f"call:{job.pk}", prompt, engineer, now)
        take(f"call:{job.pk}", prompt, engineer, now + timedelta(minutes=5))
        assert PastCallLook.objects.count() == 1

        take(f"call:{job.pk}", prompt, engineer, now + timedelta(hours=2))
        assert PastCallLook.objects.count() == 2

    @pytest.mark.parametrize("role", ROLES)
    def test_other_roles_get_none_and_leave_no_look(self, prompt, sealed, role):
        job, person = past_call(prompt, sealed), make_person("somebody", role)

        with pytest.raises(PlaygroundError, match="take_past_call"):
            take(f"call:{job.pk}", prompt, person)

        assert not PastCallLook.objects.exists()
        assert "Past calls, masked" not in dict(sources_of(prompt, person))

    def test_what_evaluations_and_playgrounds_asked_is_no_past_call(self, prompt, sealed, engineer):
        past_call(prompt, sealed, service=make_service("pg", purpose="playground"))
        past_call(prompt, sealed, service=make_service("ev", purpose="evaluation"))

        assert sources_of(prompt, engineer) == []

    def test_a_call_of_another_prompt_is_not_there(self, prompt, sealed, engineer):
        job = past_call(make_prompt("another"))

        with pytest.raises(PlaygroundError, match="not there any more"):
            take(f"call:{job.pk}", prompt, engineer)

    @pytest.mark.parametrize("source", ["call:x", "case:x", "case:9", "moon:1", "case:" + "9" * 99])
    def test_what_nobody_offered_is_not_there(self, prompt, engineer, source):
        with pytest.raises(PlaygroundError, match="not there any more"):
            take(source, prompt, engineer)

    def test_a_list_of_calls_shows_no_value(self, prompt, sealed, engineer):
        past_call(prompt, sealed)

        ((_, (source,)),) = sources_of(prompt, engineer)

        assert "mug" not in source.label
        assert "Zoe" not in source.label

    def test_the_editor_fills_its_preview_with_them(self, prompt, sealed, desk):
        job = past_call(prompt, sealed)
        draft = make_draft(prompt, content(variables=CONTENT["variables"] | SECRET, messages=TEXT))
        url = reverse("admin:draft_preview", args=[draft.pk])

        shown = desk.post(url, posted(draft) | {"values_from": f"call:{job.pk}"}).json()["html"]

        assert "a mug for [customer]" in shown
        assert "Zoe" not in shown
        assert PastCallLook.objects.count() == 1

    def test_the_editor_tells_what_it_cannot_take(self, prompt, sealed, desk):
        draft = make_draft(prompt)
        url = reverse("admin:draft_preview", args=[draft.pk])

        shown = desk.post(url, posted(draft) | {"values_from": "call:gone"}).json()["html"]

        assert "not there any more" in shown


class TestCases:
    def test_those_of_the_newest_version_are_offered(self, prompt, sealed, engineer):
        dataset = Dataset.objects.create(slug="products", name="Products", prompt=prompt)
        version = make_cases(dataset, make_case("a cup", key="blue"))

        ((name, (source,)),) = sources_of(prompt, engineer)

        assert (name, source.label) == ("products v1", "blue · product: a cup")
        assert take(source.key, prompt, engineer).values == {"product": "a cup"}
        assert version.cases.count() == 1

    def test_a_case_of_another_prompt_is_not_there(self, prompt, sealed, engineer):
        another = make_prompt("another")
        make_sealed(another)
        other = Dataset.objects.create(slug="others", name="O", prompt=another)
        stored = make_cases(other, make_case()).cases.get()

        with pytest.raises(PlaygroundError, match="not there any more"):
            take(f"case:{stored.pk}", prompt, engineer)


class TestKeeping:
    def keep(self, prompt, by, *, dataset=None, key="blue", **changes):
        declared = {n: variable_of(n, v) for n, v in (CONTENT["variables"] | SECRET).items()}
        kept = Kept(**({"values": {"product": "a cup"}} | changes))
        return keep_case(
            prompt=prompt, dataset=dataset, key=key, kept=kept, variables=declared, by=by
        )

    def test_a_dataset_for_values_is_made_when_it_is_missing(self, prompt, sealed, engineer):
        found = self.keep(prompt, engineer)

        assert str(found.version) == "product-text-values v1"
        assert (found.key, found.variables) == ("blue", {"product": "a cup"})
        assert sources_of(prompt, engineer)[0][1][0].label == "blue · product: a cup"

    def test_it_goes_into_the_draft_of_a_dataset(self, prompt, sealed, engineer):
        dataset = Dataset.objects.create(slug="products", name="Products", prompt=prompt)
        make_cases(dataset, make_case("old", key="old"))

        found = self.keep(prompt, engineer, dataset=dataset, expected="Blue.")

        assert str(found.version) == "products v2"
        assert found.expected == "Blue."
        assert set(found.version.cases.values_list("key", flat=True)) == {"old", "blue"}

    def test_the_same_again_is_the_same_case(self, prompt, sealed, engineer):
        assert self.keep(prompt, engineer) == self.keep(prompt, engineer)
        assert Case.objects.count() == 1

    def test_the_name_of_another_case_is_not_written_over(self, prompt, sealed, engineer):
        self.keep(prompt, engineer)

        with pytest.raises(PlaygroundError, match="choose another name"):
            self.keep(prompt, engineer, values={"product": "a bowl"})

        assert Case.objects.get().variables == {"product": "a cup"}

    def test_values_that_do_not_fit_are_refused_with_every_fault(self, prompt, sealed, engineer):
        with pytest.raises(PlaygroundError) as caught:
            self.keep(prompt, engineer, values={"moon": 1})

        assert {fault.pointer for fault in caught.value.faults} == {
            "/variables/moon",
            "/variables/product",
        }
        assert not Dataset.objects.exists()

    def test_its_origin_stays_with_it(self, prompt, sealed, engineer):
        job = past_call(prompt, sealed)

        found = self.keep(prompt, engineer, source_job_id=job.pk, masked=True)

        assert (found.source_job_id, found.masked, found.tags) == (job.pk, True, ["playground"])

    def test_a_published_set_gets_a_new_draft(self, prompt, sealed, engineer):
        first = self.keep(prompt, engineer)
        publish(version=first.version, note="First.", now=timezone.now())

        assert self.keep(prompt, engineer, key="green").version.number == 2

    def test_who_may_not_write_datasets_keeps_none(self, prompt, sealed, approver):
        with pytest.raises(PlaygroundError, match="change_datasetversion"):
            self.keep(prompt, approver)


def test_the_page_of_a_draft_offers_them(prompt, sealed, engineer):
    past_call(prompt, sealed)
    draft = make_draft(prompt)

    page = browser(engineer).get(reverse("admin:prompts_promptversion_change", args=[draft.pk]))

    assert "Past calls, masked" in page.content.decode()
