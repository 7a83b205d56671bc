"""What apps above find stands in a release's way, at every door but a way back."""

from collections.abc import Iterator

import pytest

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel, PromptVersion, Release, RequestState
from apps.prompts.services import gates
from apps.prompts.services.gates import GateFinding, GateOutcome
from tests.prompts.conftest import NOW, go_live, make_live, make_sealed, page, saying

pytestmark = pytest.mark.django_db


@pytest.fixture
def outcome() -> Iterator[list[GateOutcome]]:
    """Whatever stands in it, a check finds for every version; it is asked for and then gone."""
    outcomes: list[GateOutcome] = []
    said = "Two cases fail. Mend the prompt."
    gates.register_gate(
        "of this test", lambda **_: [GateFinding("Shop cases", each, said) for each in outcomes]
    )
    yield outcomes
    del gates._checks["of this test"]


def release(version: PromptVersion, channel: Channel, by: object) -> Release:
    return services.release(
        prompt=version.prompt, channel=channel, version=version, reason="x", by=by, now=NOW
    )


def ask(version: PromptVersion, channel: Channel, by: object) -> object:
    return services.request_release(
        prompt=version.prompt, channel=channel, version=version, reason="x", by=by, now=NOW
    )


@pytest.fixture
def shared(production: Channel) -> Channel:
    """Where one other person must approve."""
    production.approvals = 1
    production.save()
    return production


@pytest.mark.parametrize("found", [GateOutcome.FAIL, GateOutcome.UNSURE])
def test_a_release_is_refused_with_reason_and_way_out(prompt, staging, engineer, outcome, found):
    version = make_sealed(prompt)
    outcome.append(found)

    with pytest.raises(PromptError) as caught:
        release(version, staging, engineer)

    (fault,) = caught.value.faults
    assert (fault.code, fault.detail) == (
        f"gate_{found}",
        "Shop cases: Two cases fail. Mend the prompt.",
    )
    assert not Release.objects.exists()


def test_a_release_that_passes_goes_live(prompt, staging, engineer, outcome):
    outcome.append(GateOutcome.PASS)

    assert release(make_sealed(prompt), staging, engineer).channel == staging


def test_what_fails_cannot_even_be_asked_for(prompt, shared, engineer, outcome):
    outcome.append(GateOutcome.FAIL)

    with pytest.raises(PromptError, match="Two cases fail"):
        ask(make_sealed(prompt), shared, engineer)


def test_missing_evidence_is_for_those_who_decide(prompt, shared, engineer, approver, outcome):
    version = make_sealed(prompt)
    outcome.append(GateOutcome.UNSURE)
    request = ask(version, shared, engineer)

    services.approve_request(request=request, by=approver, now=NOW)

    assert Release.objects.get().version == version


def test_what_failed_since_it_was_asked_for_never_goes_live(
    prompt, shared, engineer, approver, outcome
):
    request = ask(make_sealed(prompt), shared, engineer)
    outcome.append(GateOutcome.FAIL)

    services.approve_request(request=request, by=approver, now=NOW)

    request.refresh_from_db()
    assert request.state == RequestState.VOID
    assert request.outcome == "Shop cases: Two cases fail. Mend the prompt."
    assert not Release.objects.exists()


def test_a_way_back_is_always_open(prompt, staging, engineer, outcome):
    first = make_live(prompt, saying("One"), channel="staging").version
    go_live(make_sealed(prompt, saying("Two")), channel="staging")
    outcome.append(GateOutcome.FAIL)

    back = services.rollback(prompt=prompt, channel=staging, reason="x", by=engineer, now=NOW)

    assert back.version == first


def test_the_page_of_a_request_shows_what_was_found(prompt, shared, engineer, desk, outcome):
    outcome.append(GateOutcome.UNSURE)
    request = ask(make_sealed(prompt), shared, engineer)

    html = desk.get(page("releaserequest", request.pk)).content.decode()

    assert "Shop cases: Two cases fail. Mend the prompt." in html
