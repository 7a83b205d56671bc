"""Values that are worth keeping become a case: a named set that the whole team finds again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from apps.evals.cases import CaseDraft, case_faults
from apps.evals.models import Case, Dataset
from apps.evals.services.datasets import draft_version, put_cases
from apps.playground.errors import PlaygroundError, refused
from apps.prompts.models import Prompt
from apps.prompts.types import Variable

MAY_KEEP = "evals.change_datasetversion"


@dataclass(frozen=True, slots=True)
class Kept:
    """What becomes the case. `expected` None: nothing is expected of answers yet."""

    values: Mapping[str, Any]
    expected: str | None = None
    source_job_id: UUID | None = None
    masked: bool = False


@transaction.atomic
def keep_case(
    *,
    prompt: Prompt,
    dataset: Dataset | None,
    key: str,
    kept: Kept,
    variables: Mapping[str, Variable],
    by: User,
) -> Case:
    """Put it into the draft of `dataset`; None: into one for values of this prompt, which is made
    when it is missing. The same again is the same case.

    Raises `PlaygroundError` with every fault, also when the name is another case's.
    """
    if not by.has_perm(MAY_KEEP):
        raise refused(f"Keeping cases needs the permission {MAY_KEEP}.", code="no_permission")
    case = CaseDraft(
        variables=dict(kept.values),
        expected=kept.expected or None,
        key=key.strip(),
        tags=("playground",),
        source_job_id=kept.source_job_id,
        masked=kept.masked,
    )
    if faults := list(case_faults(case, variables)):
        raise PlaygroundError(faults)
    version = draft_version(dataset=dataset or _values_of(prompt), by=by)
    stored = version.cases.filter(key=case.key).first()
    if stored is not None and (stored.variables, stored.expected) == (kept.values, case.expected):
        return stored
    if stored is not None:
        text = f"{version} has a case “{case.key}” already; choose another name."
        raise refused(text, pointer="/key", code="taken")
    (name,) = put_cases(version=version, cases=[case])
    return version.cases.select_related("version__dataset").get(key=name)


def _values_of(prompt: Prompt) -> Dataset:
    slug = f"{prompt.slug[:43]}-values"
    about = "Sets of values that somebody kept in the playground."
    defaults = {"name": f"{prompt.name[:190]}: values", "prompt": prompt, "description": about}
    dataset, _ = Dataset.objects.get_or_create(slug=slug, defaults=defaults)
    if dataset.prompt_id != prompt.pk:
        text = f"The dataset “{slug}” belongs to another prompt; choose or make another one."
        raise refused(text, pointer="/dataset", code="taken")
    return dataset
