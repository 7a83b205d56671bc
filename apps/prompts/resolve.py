"""From a prompt's name to the version that answers: exact number, experiment arm or release."""

from itertools import islice

from apps.prompts.assignment import assign
from apps.prompts.snapshot import PromptSnapshot
from apps.prompts.types import PromptNotFound, Resolved

NAMED = 10  # alternatives that an error message lists


def resolve(
    snapshot: PromptSnapshot,
    *,
    prompt: str,
    channel: str,
    version: int | None,
    subject: str,
    request_id: str,
) -> Resolved:
    """Decide the version of a call; memory only.

    An exact version wins. Else a running experiment on the channel that the subject belongs to
    picks an arm (without a subject the `request_id` decides, so not sticky). Else the channel's
    open release answers.
    Raises `PromptNotFound`, and `VersionNotLoaded` for an exact version that nobody used lately.
    """
    if prompt not in snapshot.prompts:
        raise PromptNotFound(f"There is no prompt “{prompt[:100]}”. {_some(snapshot)}")
    if version is not None:
        return Resolved(snapshot.version(_exact(snapshot, prompt, version)))
    experiments = snapshot.experiments.get((prompt, channel), ())
    chosen = assign(
        experiments=experiments, layer=f"{prompt}/{channel}", subject=subject or request_id
    )
    if chosen is not None:
        return Resolved(
            snapshot.version(chosen.arm.version_id),
            arm=f"{chosen.experiment.slug}/{chosen.arm.slug}",
            channel=channel,
            phase=chosen.phase,
            counts=chosen.counts,
        )
    return Resolved(snapshot.version(_live(snapshot, prompt, channel)), channel=channel)


def _exact(snapshot: PromptSnapshot, prompt: str, number: int) -> int:
    numbers = snapshot.numbers[prompt]
    if number not in numbers:
        there = ", ".join(map(str, sorted(numbers, reverse=True)[:NAMED])) or "none yet"
        raise PromptNotFound(
            f"Prompt “{prompt}” has no sealed version {number}; drafts are not served. "
            f"Sealed: {there}."
        )
    return numbers[number]


def _live(snapshot: PromptSnapshot, prompt: str, channel: str) -> int:
    found = snapshot.releases.get((prompt, channel))
    if found is None:
        there = ", ".join(snapshot.channels(prompt)) or "no channel yet"
        raise PromptNotFound(
            f"Prompt “{prompt}” has no release on channel “{channel[:100]}”. Live on: {there}."
        )
    return found


def _some(snapshot: PromptSnapshot) -> str:
    """A few of the prompts there are; unordered sets are cheap, an error needs no full list."""
    names = ", ".join(sorted(islice(snapshot.prompts, NAMED)))
    more = len(snapshot.prompts) - NAMED
    return f"There are: {names or 'none yet'}{f' and {more} more' if more > 0 else ''}."
