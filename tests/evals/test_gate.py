"""Evidence for a release: three outcomes, cases that block alone, and no refusal by noise."""

import random
from dataclasses import replace

import pytest
from django.utils import timezone

from apps.evals.comparing import Tally, compare_tallies, steadiness
from apps.evals.models import Requirement
from apps.evals.services.gate import evidence
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel
from apps.prompts.services import release
from apps.prompts.services.gates import GateOutcome, gate_findings
from apps.prompts.statistics import Verdict
from tests.evals.conftest import case, make_cases, make_suite, make_version
from tests.evals.runs import run_through, variables_of

MANY = 120


@pytest.fixture
def big(plan, dataset):
    """120 cases, of which the first must pass."""
    cases = [
        case(f"thing {n}", key=f"c{n}", expected="good", must_pass=n == 0) for n in range(MANY)
    ]
    version = make_cases(dataset, *cases)
    return replace(plan, dataset_version=version)


def good_but(*bad):
    """Every answer is good, but those of these cases (“red” and “blue” of the first version too
    are good)."""
    return lambda job: "bad" if variables_of(job)["product"] in bad else "good red blue"


def things(*numbers):
    return [f"thing {n}" for n in numbers]


def found(plan, candidate):
    return evidence(
        version=candidate,
        base=plan.version,
        dataset_version=plan.dataset_version,
        suite=plan.suite,
    )


@pytest.fixture
def candidate(prompt, big):
    return make_version(prompt, messages=[{"role": "user", "content": "Praise {{ product }}."}])


def test_without_a_run_there_is_no_evidence(big, candidate):
    nothing = found(big, candidate)
    run_through(replace(big, version=candidate), good_but())
    half = found(big, candidate)

    assert (nothing.outcome, half.outcome) == (GateOutcome.UNSURE, GateOutcome.UNSURE)
    assert "has not been run" in nothing.detail
    assert "Start a run of it." in half.detail


def test_as_good(big, candidate):
    run_through(big, good_but(*things(1, 2)))
    run_through(replace(big, version=candidate), good_but(*things(2, 3)))

    same = found(big, candidate)

    assert same.outcome == GateOutcome.PASS
    assert same.detail == (
        f"As good as {big.version} or better: 1 cases better, 1 worse, 120 the same."
    )


def test_worse(big, candidate):
    run_through(big, good_but())
    run_through(replace(big, version=candidate), good_but(*things(*range(1, 12))))

    worse = found(big, candidate)

    assert worse.outcome == GateOutcome.FAIL
    assert worse.detail.startswith(f"Worse than {big.version}: 0 cases better, 11 worse")


def test_too_few_cases(plan, prompt):
    newer = make_version(prompt, messages=[{"role": "user", "content": "{{ product }}!"}])
    run_through(plan, good_but())
    run_through(replace(plan, version=newer), good_but())

    unsure = found(plan, newer)

    assert unsure.outcome == GateOutcome.UNSURE
    assert "About" in unsure.detail
    assert unsure.comparison.paired.cases_needed > 50


def test_a_case_that_must_pass_blocks_alone(big, candidate):
    run_through(big, good_but())
    run_through(replace(big, version=candidate), good_but("thing 0"))

    blocked = found(big, candidate)

    assert (blocked.outcome, blocked.broken) == (GateOutcome.FAIL, ("c0",))
    assert blocked.detail == "Cases that must pass fail: c0. Mend the prompt, or the cases."


def test_missing_answers_are_no_evidence_for_anybody(big, candidate):
    run_through(big, good_but())
    answers = good_but()
    run_through(
        replace(big, version=candidate),
        lambda job: None if variables_of(job)["product"] == "thing 5" else answers(job),
    )

    missing = found(big, candidate)

    assert missing.outcome == GateOutcome.UNSURE
    assert "1 cases" in missing.detail
    assert "Resume the run." in missing.detail


def test_an_older_run_of_other_questions_does_not_count(big, candidate):
    for version in (big.version, candidate):
        run_through(replace(big, version=version), good_but())
    big.suite.assertions.update(value="good")

    assert found(big, candidate).outcome == GateOutcome.UNSURE


def test_what_a_channel_requires_reaches_whoever_decides_about_releases(big, candidate, prompt):
    production, staging = (Channel.objects.get(slug=slug) for slug in ("production", "staging"))
    Requirement.objects.create(
        channel=production, dataset=big.dataset_version.dataset, suite=big.suite
    )
    run_through(big, good_but())
    run = run_through(replace(big, version=candidate), good_but("thing 0"))

    def ask(channel):
        return gate_findings(prompt=prompt, channel=channel, version=candidate, base=big.version)

    (finding,) = ask(production)
    assert (finding.check, finding.outcome) == ("products with basics", GateOutcome.FAIL)
    assert finding.url == f"/admin/evals/evalrun/{run.pk}/change/"
    assert ask(staging) == []


def noisy(rng, rates, repeats):
    """What runs of one and the same prompt find: each repeat passes with its case's own rate."""
    return {
        number: Tally(sum(rng.random() < rate for _ in range(repeats)), repeats, repeats)
        for number, rate in enumerate(rates)
    }


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("cases", [20, 100, 400])
def test_an_unchanged_prompt_is_not_refused_by_noise_in_95_percent_of_runs(cases, repeats):
    """Every case is a coin of its own, so both runs of the same prompt differ by chance alone. Five
    cases must pass; people mark those that do so reliably (99 %)."""
    rng = random.Random(20_26)
    trials, refused = 100_000 // (cases * repeats), 0
    for _ in range(trials):
        rates = [rng.betavariate(4, 0.7) for _ in range(cases)]
        must = [0.999] * 5
        old, new = noisy(rng, [*must, *rates], repeats), noisy(rng, [*must, *rates], repeats)
        verdict = compare_tallies(old, new, margin=0.05).paired.verdict
        broken = any(new[number].passes is False for number in range(5))
        refused += verdict is Verdict.FAIL or broken

    assert refused <= 0.05 * trials


def test_a_prompt_that_got_worse_is_refused_as_often_as_the_test_promises():
    """85 % of 200 cases pass, and then a tenth of all falls."""
    rng = random.Random(7)
    refused = 0
    for _ in range(200):
        old = {n: Tally(int(rng.random() < 0.85), 1, 1) for n in range(200)}
        new = {n: Tally(t.passed if rng.random() >= 0.1 else 0, 1, 1) for n, t in old.items()}
        refused += compare_tallies(old, new, margin=0.05).paired.verdict is Verdict.FAIL

    assert refused >= 0.9 * 200


def test_repeats_tell_how_steady_answers_are():
    found = steadiness([Tally(3, 3, 3), Tally(1, 3, 3), Tally(0, 1, 3)])

    assert (found.k, found.pass_at_k, found.pass_hat_k) == (3, 1.0, 0.5)
    assert found.pass_at_1 == pytest.approx(2 / 3)
    assert steadiness([Tally(0, 0, 1)]) is None


def test_a_suite_of_another_name_with_the_same_checks_asks_the_same(big, candidate):
    for version in (big.version, candidate):
        run_through(replace(big, version=version), good_but())
    twin = make_suite({"kind": "contains-all"}, slug="twin")

    same = evidence(
        version=candidate, base=big.version, dataset_version=big.dataset_version, suite=twin
    )

    assert same.outcome == GateOutcome.PASS


def test_a_broken_case_keeps_a_version_from_its_channel(big, candidate, engineer):
    staging = Channel.objects.get(slug="staging")
    Requirement.objects.create(
        channel=staging, dataset=big.dataset_version.dataset, suite=big.suite
    )
    run_through(replace(big, version=candidate), good_but("thing 0"))

    with pytest.raises(PromptError, match=r"Cases that must pass fail: c0\. Mend the prompt"):
        release(
            prompt=candidate.prompt,
            channel=staging,
            version=candidate,
            reason="Better.",
            by=engineer,
            now=timezone.now(),
        )
