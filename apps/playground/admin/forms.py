"""What is run: versions and models beside each other, and one set of values."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import User

from apps.core.ids import uuid7
from apps.evals.admin.forms import typed, value_field
from apps.evals.checks.wanted import as_text
from apps.evals.models import Dataset
from apps.playground import configuration
from apps.playground.models import MAX_COLUMNS, Run
from apps.playground.selectors.offered import (
    OFFERED_VERSIONS,
    models_of,
    sources_of,
    versions_of,
)
from apps.playground.services import declared
from apps.playground.services.running import Asked, Choice
from apps.playground.services.values import Taken
from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.selectors import open_releases
from apps.prompts.services import content_of
from apps.prompts.types import Variable

VALUE = "value_"
POSITIONS = range(1, MAX_COLUMNS + 1)


class SetupForm(forms.Form):
    """Its fields follow the versions that are chosen: one for each variable that any declares."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    taken_from = forms.UUIDField(required=False, widget=forms.HiddenInput)
    masked = forms.BooleanField(required=False, widget=forms.HiddenInput)
    source = forms.ChoiceField(required=False, label="Values from")
    cached = forms.BooleanField(
        required=False,
        label="Let the cache answer",
        help_text="Off: each answer is new, and paid for.",
    )
    keep_in = forms.ModelChoiceField(
        Dataset.objects.none(), required=False, label="Dataset", empty_label="Values of the prompt"
    )
    keep_as = forms.CharField(max_length=60, required=False, label="Name")

    def __init__(self, prompt: Prompt, by: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"label_suffix": ""})
        self.prompt = prompt
        self.initial.setdefault("token", uuid7())
        self.versions = self._known_versions()
        self._offer_columns()
        self._offer_values(by)
        self.variables = self._variables()
        for name, variable in self.variables.items():
            self.fields[VALUE + name] = value_field(variable)

    def _known_versions(self) -> dict[str, PromptVersion]:
        """The newest, and those that were chosen, however old."""
        rows = versions_of(self.prompt)
        newest = {str(row.pk): row for row in rows[:OFFERED_VERSIONS]}
        keys = {self._given(f"version_{n}") for n in POSITIONS} - newest.keys()
        older = rows.filter(pk__in=[int(key[:18]) for key in keys if key.isdecimal()])
        return newest | {str(row.pk): row for row in older}

    def _offer_columns(self) -> None:
        versions = [("", "–"), *_versions(self.versions.values())]
        models = [("", "As the version says")]
        models += [(slug, slug) for slug in models_of(configuration.current_config())]
        for n in POSITIONS:
            self.fields[f"version_{n}"] = forms.ChoiceField(
                choices=versions, required=False, label=f"Version {n}"
            )
            self.fields[f"model_{n}"] = forms.ChoiceField(
                choices=models, required=False, label=f"Model {n}"
            )

    def _offer_values(self, by: User) -> None:
        groups = [
            (name, [(source.key, source.label) for source in sources])
            for name, sources in sources_of(self.prompt, by)
        ]
        samples = [("", "The version’s samples")]
        self.fields["source"].choices = [*samples, *groups]  # type: ignore[attr-defined]
        datasets = Dataset.objects.filter(prompt=self.prompt)
        self.fields["keep_in"].queryset = datasets  # type: ignore[attr-defined]

    def _variables(self) -> dict[str, Variable]:
        """The first column's declaration of a name wins."""
        found: dict[str, Variable] = {}
        for version in self._chosen():
            for name, variable in declared(content_of(version).variables).items():
                found.setdefault(name, variable)
        return dict(sorted(found.items(), key=lambda item: (not item[1].required, item[0])))

    def _chosen(self) -> list[PromptVersion]:
        keys = [self._given(f"version_{n}") for n in POSITIONS]
        return [self.versions[key] for key in keys if key in self.versions]

    def _given(self, name: str) -> str:
        return str(self.data.get(name, "") if self.is_bound else self.initial.get(name) or "")

    @property
    def columns(self) -> list[tuple[int, Any, Any]]:
        """Position, version and model, as fields."""
        return [(n, self[f"version_{n}"], self[f"model_{n}"]) for n in POSITIONS]

    @property
    def value_fields(self) -> list[Any]:
        return [self[VALUE + name] for name in self.variables]

    @property
    def asked(self) -> Asked:
        """As far as it can be read; only what the service checks can still be wrong."""
        choices = [
            Choice(self.versions[key], self._given(f"model_{n}"))
            for n in POSITIONS
            if (key := self._given(f"version_{n}")) in self.versions
        ]
        return Asked(
            prompt=self.prompt,
            choices=tuple(choices),
            values=self.values,
            cached=bool(self._given("cached")),
            source_job_id=_uuid(self._given("taken_from")),
            masked=bool(self._given("masked")),
        )

    @property
    def page_token(self) -> UUID:
        """What a page that is sent twice has in common."""
        return _uuid(self._given("token")) or uuid7()

    @property
    def values(self) -> dict[str, Any]:
        given = {name: self._given(VALUE + name) for name in self.variables}
        return {
            name: typed(text.replace("\r\n", "\n"), self.variables[name])
            for name, text in given.items()
            if text
        }


def first_columns(prompt: Prompt, version: PromptVersion | None) -> dict[str, Any]:
    """A version beside the one that is live; without a version, the newest one."""
    rows = list(versions_of(prompt)[:1]) if version is None else [version]
    live = open_releases().filter(prompt=prompt).values_list("version_id", flat=True)
    known = {row.pk for row in rows}
    rows += [row for row in versions_of(prompt).filter(pk__in=live[:1]) if row.pk not in known]
    initial: dict[str, Any] = {f"version_{n}": str(row.pk) for n, row in enumerate(rows, 1)}
    samples = [declared(content_of(row).variables).items() for row in reversed(rows)]
    given = {name: v.sample for items in samples for name, v in items if v.sample is not None}
    return initial | as_fields(given)


def of_run(run: Run) -> dict[str, Any]:
    """The form as it was sent, so that it can be sent again."""
    found: dict[str, Any] = {
        "cached": run.cached,
        "taken_from": run.source_job_id,
        "masked": run.masked,
    }
    for trial in run.trials.all():
        own = trial.version.model if trial.version else ""
        found[f"version_{trial.position}"] = trial.version_id
        found[f"model_{trial.position}"] = "" if trial.model == own else trial.model
    return found | as_fields(run.values)


def posted(form: SetupForm) -> dict[str, Any]:
    """What was posted, for a form whose fields may be others now."""
    names = [name for name in form.fields if not name.startswith("keep_")]
    given = {name: form.data.get(name, "") for name in names}
    return given | {key: v for key, v in form.data.items() if key.startswith(VALUE)}


def as_fields(values: Mapping[str, Any]) -> dict[str, str]:
    return {VALUE + name: as_text(value) for name, value in values.items()}


def taken_fields(taken: Taken) -> dict[str, Any]:
    origin = {"taken_from": taken.source_job_id or "", "masked": taken.masked or ""}
    return as_fields(taken.values) | origin


def _versions(rows: Sequence[PromptVersion] | Any) -> list[tuple[str, str]]:
    rows = list(rows)
    releases = open_releases().filter(version__in=[row.pk for row in rows])
    live: dict[int, list[str]] = {}
    for release in releases.select_related("channel"):
        live.setdefault(release.version_id, []).append(release.channel.slug)
    return [(str(row.pk), _label(row, live.get(row.pk, []))) for row in rows]


def _label(row: PromptVersion, channels: Sequence[str]) -> str:
    status = "draft" if row.status == VersionStatus.DRAFT else row.get_status_display().lower()
    return f"v{row.number} · {', '.join(['live on ' + name for name in channels]) or status}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
