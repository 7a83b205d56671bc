"""Scripts of staff ask for releases and decide about them, by the same rules as people."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.prompts.models import Freeze, Release, ReleaseRequest
from apps.prompts.services import gates, retire_version
from apps.prompts.services.gates import GateFinding, GateOutcome
from tests.factories import make_key, make_service
from tests.prompts.conftest import go_live, make_live, make_person, make_sealed, saying

pytestmark = pytest.mark.django_db
URL = "/api/v1/manage/prompts/product-text/requests/"
ALL = "/api/v1/manage/release-requests/"
ASK = {"version": 2, "channel": "production", "reason": "Sounds better"}


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def post(user, path="", **body):
    return client_of(user).post(f"{URL}{path}", body, content_type="application/json")


def get(user, url, **query):
    answer = client_of(user).get(url, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def guarded(production):
    production.approvals = 1
    production.save()
    return production


@pytest.fixture
def version(prompt, guarded):
    make_live(prompt, saying("Old"))
    return make_sealed(prompt, saying("New"))


@pytest.fixture
def asked(version, engineer):
    answer = post(engineer, **ASK)
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def opinion():
    """What a check of releases says, as long as the test lasts."""
    said = {"outcome": GateOutcome.PASS}

    def check(**what):
        return [GateFinding("Tone", said["outcome"], "Too loud. Tone it down.")]

    gates.register_gate("test", check)
    yield said
    del gates._checks["test"]


def live():
    return Release.objects.get(channel__slug="production", ended_at=None).version.number


def codes(answer):
    return [fault["code"] for fault in answer.json()["errors"]]


class TestAsking:
    def test_what_is_asked_is_told(self, asked, version):
        shown = {name: asked[name] for name in ("prompt", "version", "channel", "base", "state")}

        assert shown == {
            "prompt": "product-text",
            "version": 2,
            "channel": "production",
            "base": 1,
            "state": "waiting",
        }
        assert (asked["needed"], asked["approvals"]) == (1, [])
        assert (asked["requester"], asked["waits_for"]) == ("engineer", "approvals")
        assert asked["content_hash"] == version.content_hash
        assert live() == 1

    def test_every_fault_at_once(self, version, engineer, asked):
        past = (timezone.now() - timedelta(hours=1)).isoformat()

        answer = post(engineer, **ASK | {"go_live_at": past})

        assert answer.status_code == 422
        assert codes(answer) == ["bad_time", "asked"]

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"version": 9}, 404),
            ({"channel": "nowhere"}, 400),
            ({"reason": ""}, 400),
            ({"kind": "x"}, 400),
            ({"surprise": 1}, 400),
            ({"version": 1}, 422),
        ],
    )
    def test_what_cannot_be_asked(self, version, engineer, change, status):
        assert post(engineer, **ASK | change).status_code == status
        assert not ReleaseRequest.objects.exists()

    def test_where_nobody_must_approve_it_goes_live(self, version, engineer):
        answer = post(engineer, **ASK | {"channel": "staging"})

        assert (answer.status_code, answer.json()["state"]) == (201, "released")

    def test_a_gate_says_why_not_and_the_way_out(self, version, engineer, opinion):
        opinion["outcome"] = GateOutcome.FAIL

        answer = post(engineer, **ASK)

        assert (answer.status_code, codes(answer)) == (422, ["gate_fail"])
        assert answer.json()["errors"][0]["detail"] == "Tone: Too loud. Tone it down."

    def test_a_direct_release_is_told_the_way(self, version, approver):
        answer = client_of(approver).post(
            "/api/v1/manage/prompts/product-text/release/", ASK, content_type="application/json"
        )

        assert (answer.status_code, codes(answer)) == (422, ["needs_approval"])
        assert "Request it instead" in answer.json()["detail"]


class TestDeciding:
    def test_the_last_yes_makes_it_live(self, asked, approver):
        answer = post(approver, f"{asked['id']}/approve/", comment="Well said")

        assert (answer.status_code, answer.json()["state"]) == (200, "released")
        (vote,) = answer.json()["approvals"]
        assert (vote["approver"], vote["comment"]) == ("approver", "Well said")
        assert live() == 2

    def test_no_with_a_reason(self, asked, approver):
        assert post(approver, f"{asked['id']}/reject/").status_code == 400

        answer = post(approver, f"{asked['id']}/reject/", reason="Too loud")

        assert answer.json()["state"] == "rejected"
        assert answer.json()["outcome"] == "approver: Too loud"
        assert answer.json()["waits_for"] == ""
        assert live() == 1

    def test_only_who_asked_takes_it_back(self, asked, engineer):
        other = make_person("other", "prompt-engineer")

        refused = post(other, f"{asked['id']}/withdraw/")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
        assert post(engineer, f"{asked['id']}/withdraw/").json()["state"] == "withdrawn"

    def test_neither_who_asked_nor_who_wrote(self, prompt, guarded):
        make_live(prompt, saying("Old"))
        asker, author = (make_person(name, "administrator") for name in ("asker", "author"))
        made = make_sealed(prompt, saying("New"), by=author)
        number = post(asker, **ASK | {"version": made.number}).json()["id"]

        for who, why in ((asker, "You asked for"), (author, "You wrote")):
            for what in ("approve", "reject"):
                answer = post(
                    who, f"{number}/{what}/", **{"reason": "x"} if what == "reject" else {}
                )
                assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
                assert why in answer.json()["detail"]
        assert live() == 1

    def test_not_without_the_right(self, asked, engineer):
        for who in (engineer, make_person("eve", "auditor")):
            answer = post(who, f"{asked['id']}/approve/")
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert live() == 1

    def test_twice(self, asked, approver):
        post(approver, f"{asked['id']}/approve/")

        answer = post(approver, f"{asked['id']}/approve/")

        assert (answer.status_code, codes(answer)) == (422, ["not_open"])


class TestVoid:
    def test_something_else_went_live(self, asked, approver, prompt):
        go_live(make_sealed(prompt, saying("Third")))

        answer = post(approver, f"{asked['id']}/approve/")

        assert (answer.status_code, codes(answer)) == (422, ["not_open"])
        assert "went live meanwhile" in answer.json()["detail"]
        assert live() == 3

    def test_its_version_was_retired(self, asked, approver, version):
        retire_version(version=version)

        answer = post(approver, f"{asked['id']}/approve/")

        assert (answer.status_code, codes(answer)) == (422, ["not_open"])
        assert "was retired" in get(approver, f"{URL}{asked['id']}/")["outcome"]

    def test_a_gate_fails_meanwhile(self, asked, approver, opinion):
        opinion["outcome"] = GateOutcome.FAIL
        (gate,) = [
            one for one in get(approver, f"{URL}{asked['id']}/")["gates"] if one["check"] == "Tone"
        ]
        assert gate == {"check": "Tone", "outcome": "fail", "detail": "Too loud. Tone it down."}

        answer = post(approver, f"{asked['id']}/approve/")

        assert answer.json()["state"] == "void"
        assert answer.json()["outcome"] == "Tone: Too loud. Tone it down."
        assert live() == 1

    def test_a_rollback_waits_for_nobody_and_voids_it(self, version, engineer, approver, prompt):
        go_live(make_sealed(prompt, saying("Third")))
        number = post(engineer, **ASK).json()["id"]

        answer = client_of(approver).post(
            "/api/v1/manage/prompts/product-text/rollback/",
            {"channel": "production", "reason": "Worse"},
            content_type="application/json",
        )

        assert (answer.status_code, answer.json()["version"], live()) == (201, 1, 1)
        assert get(approver, f"{URL}{number}/")["state"] == "void"


class TestTime:
    def test_it_waits_for_its_time(self, version, engineer, approver):
        later = (timezone.now() + timedelta(hours=1)).isoformat()
        number = post(engineer, **ASK | {"go_live_at": later}).json()["id"]

        answer = post(approver, f"{number}/approve/").json()

        assert (answer["state"], answer["waits_for"], live()) == ("approved", "time", 1)

    def test_it_waits_for_the_end_of_a_freeze(self, asked, approver, guarded):
        now = timezone.now()
        freeze = Freeze.objects.create(
            channel=guarded, starts_at=now, ends_at=now + timedelta(hours=1), reason="Sale"
        )

        answer = post(approver, f"{asked['id']}/approve/").json()

        assert (answer["state"], answer["waits_for"], live()) == ("approved", "freeze", 1)
        freeze.delete()
        assert get(approver, f"{URL}{asked['id']}/")["waits_for"] == ""

    def test_a_time_in_a_freeze_is_refused(self, version, engineer, guarded):
        now = timezone.now()
        Freeze.objects.create(
            channel=guarded, starts_at=now, ends_at=now + timedelta(hours=2), reason="Sale"
        )
        within = (now + timedelta(hours=1)).isoformat()

        answer = post(engineer, **ASK | {"go_live_at": within})

        assert (answer.status_code, codes(answer)) == (422, ["frozen"])


class TestReading:
    def ids(self, user, url=ALL, **query):
        return [row["id"] for row in get(user, url, **query)["results"]]

    def test_filters(self, asked, engineer, approver, prompt):
        second = post(engineer, **ASK | {"channel": "staging"}).json()["id"]

        assert self.ids(engineer) == [second, asked["id"]]
        assert self.ids(engineer, URL, state="waiting") == [asked["id"]]
        assert self.ids(engineer, channel="staging") == [second]
        assert self.ids(approver, to_decide="true") == [asked["id"]]
        assert self.ids(engineer, to_decide="true") == []
        assert self.ids(engineer, URL.replace("product-text", "other")) == []

    def test_a_misspelt_filter_finds_nothing(self, asked, engineer):
        for query in ({"stat": "waiting"}, {"state": "open"}):
            assert client_of(engineer).get(ALL, query).status_code == 400

    def test_it_costs_the_same_for_many(
        self, asked, engineer, prompt, django_assert_max_num_queries
    ):
        for _ in range(4):
            number = make_sealed(prompt, saying(f"Text {_}")).number
            post(engineer, **ASK | {"version": number})
        client = client_of(engineer)

        with django_assert_max_num_queries(8):
            assert len(client.get(ALL).json()["results"]) == 5

    def test_one_of_another_prompt_is_not_found(self, asked, engineer):
        url = URL.replace("product-text", "other")

        assert client_of(engineer).get(f"{url}{asked['id']}/").status_code == 404
        assert client_of(engineer).get(f"{URL}{'9' * 18}/").status_code == 404

    def test_strangers_and_services_stay_outside(self, asked):
        key = make_key(make_service())
        finance = client_of(make_person("fin", "finance"))

        for client in (Client(), Client(headers={"authorization": f"Bearer {key}"}), finance):
            for url in (ALL, URL, f"{URL}{asked['id']}/"):
                assert client.get(url).status_code in (401, 403)
            for path in ("", f"{asked['id']}/approve/", f"{asked['id']}/withdraw/"):
                answer = client.post(f"{URL}{path}", {}, content_type="application/json")
                assert answer.status_code in (401, 403)
