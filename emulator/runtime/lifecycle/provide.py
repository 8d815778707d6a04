"""Makes what services live with before their tasks start, and gives the tasks what only that tells: addon outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from emulator.ecs.references import AddonReference, ImportReference, references_in
from emulator.engine.interface import Engine
from emulator.events import Emit, Event, EventKind
from emulator.runtime.execution.executor import Executor
from emulator.runtime.lifecycle.databases import remove_new_databases
from emulator.runtime.lifecycle.seeding import plant
from emulator.runtime.lifecycle.sql import run_sql
from emulator.runtime.listeners.endpoint_way import changed_url, checked_position
from emulator.runtime.planning.databases import plan_databases
from emulator.runtime.planning.local_aws import plan_endpoint
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.aws.stacks import stack_name
from emulator.runtime.specs.load_balancer import FrontControl
from emulator.runtime.state.desired import DesiredService, DesiredState, Private
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan

Json = Mapping[str, Any]


def provide(
    engine: Engine,
    request: UpRequest,
    state: DesiredState,
    observed: Observed,
    emit: Emit,
    cancelled: threading.Event,
    *,
    adds: bool = False,
) -> tuple[DesiredState, Private]:
    """Starts the local AWS endpoint where services need it and makes what they need there, and the databases of their
    addons beside it; what is there stays. Returns the state with the values of addon outputs, and the private values
    with those that are secret. With `adds` the state is of a task beside the services that the endpoint is for.

    Raises `InputError`, with the place in the template, for what cannot be made; `ContainerFailed` where the endpoint
    or a database does not come up: databases that were not there before are gone then, unless `retain`.
    """
    private = request.private
    if aws_spec(state) is None:
        if request.seed is not None:
            text = 'no service needs the local AWS endpoint, so it is left out; `[aws] endpoint = "always"` starts one'
            emit(Event(EventKind.WARNING, "[seed]", text))
        return state, private
    plan = Plan()
    if before := changed_url(request.workspace, state.aws_way, observed, state.services):
        text = f"what services had in the endpoint before, {before}, is not in this one"
        emit(Event(EventKind.WARNING, "[aws] endpoint", text))
    secrets = request.endpoint_secrets
    asked = {**secrets.request(), **({"adds": True} if adds else {})}
    if state.aws_way is not None:
        asked["other_position"] = checked_position(request.workspace, state.aws_way, state.aws_port)
    ready = plan_endpoint(plan, state, observed, None, prepare=True, secrets=asked)
    plan_databases(plan, state, observed, None, endpoint=ready)
    volumes = engine.list_volumes(request.environment.labels()) if state.databases else {}
    executor = Executor(
        engine,
        request.environment,
        FrontControl(request.environment),
        emit,
        cancelled=cancelled,
        drain_image=state.agent_image,
    )
    try:
        executor.run(plan)
        if request.seed is not None:
            run_sql(engine, request.environment, state, request.seed.databases, executor.aws_answer, emit)
            plant(engine, request.environment, request.seed, executor.aws_answer.get("seeded", ()), emit)
    except BaseException:
        if not request.retain:
            remove_new_databases(engine, request.environment, state, observed, volumes)
        raise
    secrets.warn(emit)
    private = secrets.received(private, executor.aws_answer.get("looked_up", ()))
    return with_answer(state, private, executor.aws_answer, emit)


def beside_of(request: UpRequest) -> Callable[..., AbstractContextManager[None]]:
    """`runtime.lifecycle.beside.beside`, imported where the request has Compose services only."""
    if request.beside is None:
        return lambda *_: nullcontext()
    from emulator.runtime.lifecycle.beside import beside

    return beside


def with_placeholders(state: DesiredState) -> DesiredState:
    """The state for a plan that is only printed: the value of an addon output or export that is still to be made is its
    name in angle brackets."""
    services = dict(state.services)
    for name, desired in state.services.items():
        addons = desired.service.addons
        made_up = {one: f"<{one}>" for one in desired.options.imports}
        if addons is not None and desired.needs_addons:
            made_up |= {output: f"<{output}>" for output in addons.section("Outputs")}
        if made_up:
            services[name] = desired.with_options(outputs={**desired.options.outputs, **made_up})
    return state.model_copy(update={"services": services})


def with_answer(state: DesiredState, private: Private, answer: Json, emit: Emit) -> tuple[DesiredState, Private]:
    """The state and the private values with what the endpoint answered. What `[values]` gives wins."""
    stacks = answer.get("stacks", {})
    for warning in answer.get("warnings", ()):
        where = f" ({warning['position']})" if warning["position"] else ""
        emit(Event(EventKind.WARNING, "local AWS", f"{warning['text']}{where}"))
    exports = _exports(stacks)
    services = dict(state.services)
    all_private = {name: {one: dict(values) for one, values in by.items()} for name, by in private.services.items()}
    for name, desired in state.services.items():
        outputs = stacks.get(stack_name(desired.service), {}).get("outputs", {})
        secret = {key for key, one in outputs.items() if one["secret"]}
        texts = {key: str(one["value"]) for key, one in outputs.items()}
        imported = {key: exports[key] for key in desired.options.imports if key in exports}
        secret |= {key for key, one in imported.items() if one["secret"]}
        texts = {**{key: str(one["value"]) for key, one in imported.items()}, **texts}
        open_values = {key: value for key, value in texts.items() if key not in secret}
        names = _give(desired, texts, secret, answer.get("secret_values", {}), all_private.setdefault(name, {}))
        services[name] = desired.with_options(outputs={**desired.options.outputs, **open_values})
        services[name].private_names = names
    new = private.model_copy(update={"services": all_private})
    return state.model_copy(update={"services": services}), new


def _exports(stacks: Json) -> dict[str, Json]:
    """By export, the output that it is: its value and whether that is secret."""
    found: dict[str, Json] = {}
    for stack in stacks.values():
        hidden = {one["value"] for one in stack["outputs"].values() if one["secret"]}
        for name, value in stack["exports"].items():
            found[name] = {"value": value, "secret": value in hidden}
    return found


def _give(
    desired: DesiredService,
    outputs: Mapping[str, str],
    secret: set[str],
    secret_values: Mapping[str, str],
    private: dict[str, dict[str, str]],
) -> dict[str, list[str]]:
    """Puts outputs that are secret with the private values of the containers that get them; returns the names of all
    of a service's private variables. A secret's text is what its ARN stands for."""
    for container in desired.service.task_definition.container_definitions:
        mine = private.setdefault(container.name, {})
        pairs = [(one.name, one.value) for one in container.environment]
        pairs += [(one.name, one.value_from) for one in container.secrets]
        secrets = {one.name for one in container.secrets}
        for name, value in pairs:
            for reference in references_in(value):
                given = reference.name if isinstance(reference, AddonReference | ImportReference) else ""
                if given not in outputs or given in desired.options.values:
                    continue
                text = outputs[given]
                if name in secrets and text in secret_values:
                    mine.setdefault(name, secret_values[text])
                elif given in secret:
                    mine.setdefault(name, text)
    return {container: sorted(values) for container, values in private.items()}
