"""Operations that make the local AWS endpoint answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.engine.interface import ContainerState
from emulator.runtime.planning.stop_plan import stop_endpoint
from emulator.runtime.specs.aws.endpoint import START_TIMEOUT, aws_spec
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.aws.way import way_spec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan, Verb


def plan_endpoint(
    plan: Plan,
    state: DesiredState,
    observed: Observed,
    network: int | None,
    *,
    prepare: bool = False,
    secrets: Mapping[str, object] | None = None,
) -> int | None:
    """Adds operations that make the endpoint run and answer; the id of the last one, None where there is none. One that
    is not needed any more stays until `down`: it holds what it was sent.

    With `prepare` everything that services need is made there, whether it runs already or not, and one whose image,
    port or region changed is replaced. Without it one that runs stays as it is: the agent acts for the state that it
    was given, and must not undo what a command has just done for the next one. What was made before is still there when
    an endpoint that has ended starts again. `secrets` is what is asked of it besides: see
    `runtime.secrets.endpoint_secrets`.
    """
    spec = aws_spec(state)
    if spec is None:
        return None
    present = observed.aws
    led = _plan_way(plan, state, observed, prepare=prepare)
    ready: list[int | None] = [network, led]
    running = present is not None and present.state is ContainerState.RUNNING
    if running and not prepare:
        return led
    if present is not None and present.labels.get(names.CONFIG_HASH) != spec.labels.get(names.CONFIG_HASH):
        ready.append(stop_endpoint(plan, present, "its image, port, region or URL changed"))
        present, running = None, False
    if present is None:
        environment = Names(state.app, state.environment)
        cause = "services need local AWS"
        labels = environment.labels(Role.VOLUME)
        for volume in (environment.aws_volume, environment.aws_key_volume):
            ready.append(plan.add(Verb.CREATE_VOLUME, volume, cause, labels=labels))
        kept = {**labels, names.DATA: "local AWS"}
        ready.append(plan.add(Verb.CREATE_VOLUME, environment.aws_data_volume, cause, labels=kept))
        ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, cause, ready, spec=spec)]
    if not running:
        ready = [plan.add(Verb.START_CONTAINER, spec.name, "local AWS", ready, timeout=START_TIMEOUT)]
    wanted = {**aws_request(state), **(secrets or {})}
    title = "make the local AWS endpoint ready"
    return plan.add(Verb.PREPARE_AWS, spec.name, _listed(wanted), ready, aws_request=wanted, title=title)


def _plan_way(plan: Plan, state: DesiredState, observed: Observed, *, prepare: bool) -> int | None:
    """Adds operations that make the relay to another endpoint on this machine run; the id of the last one."""
    spec, present = way_spec(state), observed.aws_way
    ready: list[int | None] = []
    changed = present is not None and (
        spec is None or present.labels.get(names.CONFIG_HASH) != spec.labels.get(names.CONFIG_HASH)
    )
    if present is not None and changed and prepare:
        ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, "the URL of the endpoint changed"))
        present = None
    if spec is None or (present is not None and present.state is ContainerState.RUNNING):
        return None
    if present is None:
        cause = "the endpoint is on this machine"
        labels = Names(state.app, state.environment).labels(Role.VOLUME)
        ready.append(plan.add(Verb.CREATE_VOLUME, spec.name, cause, labels=labels))
        ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, cause, ready, spec=spec)]
    return plan.add(Verb.START_CONTAINER, spec.name, "local AWS", ready, timeout=START_TIMEOUT)


def _listed(request: Mapping[str, Any]) -> str:
    """What is made there, in a line for each stack."""
    messaging = [f"{kind} {one['name']}" for kind in ("topic", "queue") for one in request.get(f"{kind}s", ())]
    lines = [", ".join(messaging)] if messaging else []
    for stack in request.get("stacks", ()):
        resources = stack["template"].get("Resources", {})
        types = [f"{name} ({one.get('Type')})" for name, one in resources.items() if isinstance(one, dict)]
        lines.append(f"{stack['name']}: {', '.join(types)}")
    return "\n   ".join(["what the stacks make", *lines])
