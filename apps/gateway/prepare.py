"""Stages 2 and 3: from what was asked to what will be sent. Pure: no I/O, nothing is spent.

The same function serves the gateway, the worker and, at acceptance of a job, the web process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from apps.access.types import Caller
from apps.core.faults import Fault
from apps.gateway import parameters as rules
from apps.gateway import refusals
from apps.gateway.config import Config
from apps.gateway.fitting import fit_into, report_of
from apps.gateway.images import image_faults
from apps.gateway.offered import tool_faults
from apps.gateway.types import CallKind, CallRefused, CallSpec, FitReport, Pin
from apps.gateway.windows import Sizes, with_room
from apps.prompts.fitting import Fitted
from apps.prompts.rendering import check_variables, render
from apps.prompts.resolve import resolve
from apps.prompts.subjects import subject_key
from apps.prompts.types import PromptNotFound, VariableFaults, VersionFacts
from apps.registry.types import DeploymentFacts, ModelFacts
from apps.routing import selection
from apps.routing.types import NoSuchModel, Option, Pool, Skip, Strategy

_CAPS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is able to run. `parameters` carry OpenAI's names without the output cap, which
    is `output_cap` tokens for each of `n` choices."""

    spec: CallSpec
    caller: Caller
    pin: Pin | None
    version: VersionFacts | None
    messages: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    pool: Pool  # who is able and allowed to answer, in the route's own order
    input_bound: int
    output_cap: int
    cap_name: str  # the parameter that the caller used for the cap, "" when it gave none
    repeat_unknown: bool  # whether the prompt's owner lets a request of unknown outcome go again
    sizes: Sizes
    fit: FitReport | None = None

    @property
    def candidates(self) -> tuple[DeploymentFacts, ...]:
        return self.pool.deployments

    @property
    def model(self) -> ModelFacts:
        return self.candidates[0].model

    @property
    def output_bound(self) -> int:
        return self.output_cap * int(self.parameters.get("n", 1))

    @property
    def asked_tier(self) -> str:
        """The service tier as the caller named it, "" when it named none."""
        return str(self.parameters.get("service_tier") or "")

    def fitted(self, deployment: DeploymentFacts) -> "Prepared":
        """With the output cap that the deployment's own model has, when the caller gave none."""
        if self.cap_name or self.spec.kind is CallKind.EMBEDDING or deployment.model == self.model:
            return self
        return replace(self, output_cap=self.sizes.output_cap(deployment))


def prepare(
    spec: CallSpec,
    *,
    config: Config,
    caller: Caller,
    request_id: str,
    pin: Pin | None = None,
    draft: VersionFacts | None = None,
    may_count: bool = True,
) -> Prepared:
    """Validate and resolve `spec`. Raises `CallRefused` with every fault that can be known, or
    `apps.prompts.types.VersionNotLoaded` (load it, then call again). `draft` stands in for the
    prompt that `spec` names; it has no pin, as nothing serves it. `may_count` False, on an event
    loop: `MustCount` when many tokens are to be counted (call again in a thread)."""
    version, pin = (draft, None) if draft else _version(spec, config, request_id, pin)
    faults = tool_faults(spec.parameters, version)
    spec = _with_prompt_defaults(spec, version)
    faults += _shape_faults(spec, version)
    messages, values = spec.messages, spec.variables
    if version is not None:
        messages, values, variable_faults = _render(version, spec)
        faults += variable_faults
    pool, model_faults = _candidates(spec, config, caller)
    faults += model_faults
    if faults:
        raise _invalid(faults)
    repeat_unknown = pin is None or pin.prompt not in config.prompts.unrepeatable
    sent, cap = _sent(spec), _cap(spec.parameters)[1]
    field = "/variables" if version else "/input" if spec.inputs else "/messages"
    cap = 0 if spec.kind is CallKind.EMBEDDING else cap
    sizes = Sizes(messages, spec.inputs, sent, cap, field, may_count)
    fitted = _fitted(version, values, pool, sizes)
    if fitted is not None:
        sizes = replace(sizes, messages=fitted.messages)
    pool = with_room(pool, sizes)
    return Prepared(
        spec=spec,
        caller=caller,
        pin=pin,
        version=version,
        messages=tuple(sizes.messages),
        parameters=sent,
        pool=pool,
        input_bound=sizes.bound,
        output_cap=sizes.output_cap(pool.deployments[0]) if cap is None else cap,
        cap_name=_cap(spec.parameters)[0],
        repeat_unknown=repeat_unknown,
        sizes=sizes,
        fit=report_of(fitted),
    )


def _version(
    spec: CallSpec, config: Config, request_id: str, pin: Pin | None
) -> tuple[VersionFacts | None, Pin | None]:
    if pin is not None:
        return config.prompts.version(pin.version_id), pin
    if not spec.prompt:
        return None, None
    try:
        resolved = resolve(
            config.prompts,
            prompt=spec.prompt,
            channel=spec.channel,
            version=spec.version,
            subject=spec.subject,
            request_id=request_id,
        )
    except PromptNotFound as error:
        raise CallRefused(
            code="prompt_not_found",
            status=404,
            message=str(error),
            faults=[Fault("/prompt", str(error), "not_found")],
        ) from error
    version = resolved.version
    subject = subject_key(spec.subject) if resolved.counts else ""
    return version, Pin(
        version.id,
        version.prompt,
        version.number,
        resolved.arm,
        resolved.channel,
        resolved.phase,
        subject,
    )


def _with_prompt_defaults(spec: CallSpec, version: VersionFacts | None) -> CallSpec:
    """The caller's own choices win over the prompt version's, but for its tools. `auto` means the
    prompt's model."""
    if version is None:
        return spec
    own = dict(spec.parameters)
    if version.tools:
        own["tools"] = list(version.tools)
    defaults = {name: value for name, value in version.parameters.items() if name not in own}
    if any(name in own for name in _CAPS):
        defaults = {name: value for name, value in defaults.items() if name not in _CAPS}
    return replace(
        spec,
        model=version.model if spec.model in {"", "auto"} else spec.model,
        parameters={**defaults, **own},
        response_schema=spec.response_schema or version.response_schema,
    )


def _shape_faults(spec: CallSpec, version: VersionFacts | None) -> list[Fault]:
    if spec.kind is CallKind.EMBEDDING:
        return rules.input_faults(spec.inputs) + rules.embedding_faults(spec.parameters)
    faults = rules.chat_faults(spec.parameters)
    if version is not None and spec.messages:
        faults.append(Fault("/messages", "Give either a prompt or messages, not both."))
    if version is None:
        if not spec.messages:
            faults.append(Fault("/messages", "Give a prompt with variables, or messages."))
        else:
            faults += rules.message_faults(spec.messages)
        if spec.variables:
            faults.append(Fault("/variables", "Variables belong to a prompt; none was given."))
    if spec.response_schema is not None:
        faults += rules.schema_faults(spec.response_schema)
    return faults


def _render(
    version: VersionFacts, spec: CallSpec
) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, Any], list[Fault]]:
    try:
        values = check_variables(version, spec.variables)
        return render(version, values), values, []
    except VariableFaults as error:
        return (), {}, list(error.faults)


def _candidates(spec: CallSpec, config: Config, caller: Caller) -> tuple[Pool, list[Fault]]:
    """Who may answer. What a model cannot do is a fault of the request; that nobody is there or
    allowed is a refusal."""
    empty = Pool(spec.model, Strategy.PRIORITY, ())
    if not spec.model:
        return empty, [Fault("/model", "Name a route or a model.", "required")]
    try:
        pool = selection.pool_of(spec.model, registry=config.registry, routes=config.routes)
    except NoSuchModel as error:
        raise CallRefused(
            code="model_not_found",
            status=404,
            message=str(error),
            faults=[Fault("/model", str(error), "not_found")],
        ) from error
    allowed = pool
    for condition in conditions(spec, caller):
        allowed = selection.keep(allowed, condition)
    if not allowed.options:
        raise refusals.nobody_may_answer(allowed)
    able = selection.keep(allowed, partial(_unable, spec))
    if not able.options:
        return empty, _inabilities(spec, allowed.options[0].deployment)
    return able, []


def conditions(spec: CallSpec, caller: Caller) -> tuple[selection.Condition, ...]:
    """Where a call may go, for whomever it is sent: also a copy of it must keep them."""
    return (
        selection.drained,
        selection.outside((caller.regions, (spec.region,) if spec.region else ())),
        selection.without_tag(spec.context),
    )


def is_able(spec: CallSpec, deployment: DeploymentFacts) -> bool:
    return not _inabilities(spec, deployment)


def _unable(spec: CallSpec, option: Option) -> Skip | None:
    faults = _inabilities(spec, option.deployment)
    if not faults:
        return None
    detail = " ".join(fault.detail for fault in faults)
    return Skip(option.deployment.slug, "capability", detail.rstrip("."))


def _inabilities(spec: CallSpec, deployment: DeploymentFacts) -> list[Fault]:
    """What the request needs and the model, or the server, can't do."""
    model = deployment.model
    known = rules.EMBEDDING_NAMES if spec.kind is CallKind.EMBEDDING else rules.CHAT_NAMES
    faults = rules.extra_faults(spec.parameters, known, deployment.extra_parameters)
    faults += image_faults(spec.messages, deployment)
    if model.kind != spec.kind:
        faults.append(
            Fault("/model", f"“{model.slug}” is a model for {model.kind}, not for {spec.kind}.")
        )
    wants_schema = spec.response_schema is not None or (
        isinstance(spec.parameters.get("response_format"), Mapping)
        and spec.parameters["response_format"].get("type") == "json_schema"
    )
    if wants_schema and not model.supports_json_schema:
        faults.append(Fault("/response_schema", f"“{model.slug}” cannot keep to a JSON Schema."))
    if spec.parameters.get("tools") and not model.supports_tools:
        faults.append(Fault("/parameters/tools", f"“{model.slug}” cannot call tools."))
    cap = _cap(spec.parameters)[1]
    if cap is not None and model.max_output_tokens and cap > model.max_output_tokens:
        text = f"“{model.slug}” answers with at most {model.max_output_tokens} tokens."
        faults.append(Fault(f"/parameters/{_cap(spec.parameters)[0]}", text))
    return faults


def _cap(parameters: Mapping[str, Any]) -> tuple[str, int | None]:
    for name in _CAPS:
        value = parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return name, int(value)  # 5.0 is an integer in JSON
    return "", None


def _fitted(
    version: VersionFacts | None, values: Mapping[str, Any], pool: Pool, sizes: Sizes
) -> Fitted | None:
    if version is None or not version.fit:
        return None
    try:
        return fit_into(version, values, pool, sizes)
    except VariableFaults as error:
        raise _invalid(list(error.faults)) from error


def _sent(spec: CallSpec) -> dict[str, Any]:
    """The parameters as they go to the provider, without the output cap."""
    sent = {name: value for name, value in spec.parameters.items() if name not in _CAPS}
    if spec.response_schema is not None:
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(spec.response_schema)},
        }
    return sent


def _invalid(faults: list[Fault]) -> CallRefused:
    count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''} in the request"
    return CallRefused(
        code="invalid_request",
        status=400,
        message=f"{count}: {'; '.join(fault.detail for fault in faults[:3])}",
        faults=faults,
    )
