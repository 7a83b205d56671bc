"""Stages 2 and 3: from what was asked to what will be sent. Pure: no I/O, nothing is spent.

The same function serves the gateway, the worker and, at acceptance of a job, the web process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.access.types import Caller
from apps.core.problems import Fault
from apps.gateway import bounds
from apps.gateway import parameters as rules
from apps.gateway.config import Config
from apps.gateway.images import image_faults
from apps.gateway.types import CallKind, CallRefused, CallSpec, Pin
from apps.prompts.rendering import check_variables, render
from apps.prompts.resolve import resolve
from apps.prompts.types import PromptNotFound, VariableFaults, VersionFacts
from apps.registry.types import DeploymentFacts, ModelFacts
from apps.routing.selection import candidates
from apps.routing.types import NoSuchModel, NothingHealthy

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
    candidates: tuple[DeploymentFacts, ...]
    input_bound: int
    output_cap: int
    cap_name: str  # the parameter that the caller used for the cap, "" when it gave none

    @property
    def model(self) -> ModelFacts:
        return self.candidates[0].model

    @property
    def output_bound(self) -> int:
        return self.output_cap * int(self.parameters.get("n", 1))


def prepare(
    spec: CallSpec, *, config: Config, caller: Caller, request_id: str, pin: Pin | None = None
) -> Prepared:
    """Validate and resolve `spec`. Raises `CallRefused` with every fault that can be known, or
    `apps.prompts.types.VersionNotLoaded` (load it, then call again)."""
    version, pin = _version(spec, config, request_id, pin)
    spec = _with_prompt_defaults(spec, version)
    faults = _shape_faults(spec, version)
    messages = spec.messages
    if version is not None:
        messages, variable_faults = _render(version, spec)
        faults += variable_faults
    found, model_faults = _candidates(spec, config)
    faults += model_faults
    if faults:
        raise _invalid(faults)
    return _bounded(spec, caller, pin, version, messages, found)


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
    return version, Pin(version.id, version.prompt, version.number, resolved.arm)


def _with_prompt_defaults(spec: CallSpec, version: VersionFacts | None) -> CallSpec:
    """The caller's own choices win over the prompt version's. `auto` means the prompt's model."""
    if version is None:
        return spec
    own = dict(spec.parameters)
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
) -> tuple[tuple[Mapping[str, Any], ...], list[Fault]]:
    try:
        return tuple(render(version, check_variables(version, spec.variables))), []
    except VariableFaults as error:
        return (), list(error.faults)


def _candidates(spec: CallSpec, config: Config) -> tuple[tuple[DeploymentFacts, ...], list[Fault]]:
    if not spec.model:
        return (), [Fault("/model", "Name a route or a model.", "required")]
    try:
        found = candidates(spec.model, registry=config.registry, routes=config.routes)
    except NoSuchModel as error:
        raise CallRefused(
            code="model_not_found",
            status=404,
            message=str(error),
            faults=[Fault("/model", str(error), "not_found")],
        ) from error
    except NothingHealthy as error:
        raise CallRefused(
            code="no_deployment", status=503, message=str(error), retry_after=5
        ) from error
    able = tuple(deployment for deployment in found if not _inabilities(spec, deployment))
    if not able:
        return (), _inabilities(spec, found[0])
    return able, []


def _inabilities(spec: CallSpec, deployment: DeploymentFacts) -> list[Fault]:
    """What the request needs and the model, or the server, can't do."""
    model = deployment.model
    known = rules.EMBEDDING_NAMES if spec.kind is CallKind.EMBEDDING else rules.CHAT_NAMES
    faults = rules.extra_faults(spec.parameters, known, deployment.extra_parameters)
    faults += image_faults(spec.messages, deployment)
    if model.kind != spec.kind:
        faults.append(
            Fault("/model", f"“{model.slug}” is a {model.kind} model, not for {spec.kind}.")
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
        if isinstance(value, int) and not isinstance(value, bool):
            return name, value
    return "", None


def _bounded(
    spec: CallSpec,
    caller: Caller,
    pin: Pin | None,
    version: VersionFacts | None,
    messages: tuple[Mapping[str, Any], ...],
    found: tuple[DeploymentFacts, ...],
) -> Prepared:
    sent = {name: value for name, value in spec.parameters.items() if name not in _CAPS}
    if spec.response_schema is not None:
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(spec.response_schema)},
        }
    model = found[0].model
    bound = bounds.input_bound(messages=messages, inputs=spec.inputs, parameters=sent)
    cap_name, cap = _cap(spec.parameters)
    if spec.kind is CallKind.EMBEDDING:
        cap = 0
    elif cap is None:
        cap = bounds.default_output_cap(bound, model)
    return Prepared(
        spec=spec,
        caller=caller,
        pin=pin,
        version=version,
        messages=messages,
        parameters=sent,
        candidates=found,
        input_bound=bound,
        output_cap=cap,
        cap_name=cap_name,
    )


def _invalid(faults: list[Fault]) -> CallRefused:
    count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''} in the request"
    return CallRefused(
        code="invalid_request",
        status=400,
        message=f"{count}: {'; '.join(fault.detail for fault in faults[:3])}",
        faults=faults,
    )
