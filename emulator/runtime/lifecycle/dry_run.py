"""The plan of an `up` that changes nothing, with the cause of every step."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import count

from emulator.ecs.service import Service
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import discard
from emulator.runtime.images.resolver import UNBUILT, ImageResolver, resolver_of
from emulator.runtime.images.sources import shown
from emulator.runtime.lifecycle.prepare import databases_of, desired_state, refuse_unresolved, refuse_unsupported_in
from emulator.runtime.lifecycle.provide import with_placeholders
from emulator.runtime.listeners.endpoint_way import way_of
from emulator.runtime.listeners.port_choice import with_ports
from emulator.runtime.listeners.remembered_ports import remembered
from emulator.runtime.planning.causes import changes, images_changed, in_words
from emulator.runtime.planning.reconcile import reconcile
from emulator.runtime.planning.up_request import UpRequest, asked_ports
from emulator.runtime.reports.stored_state import stored_state
from emulator.runtime.specs.load_balancer import front_specs
from emulator.runtime.specs.task import task_factory
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.runtime.state.observed import Observed, observe
from emulator.runtime.state.operations import Plan

_CHANGED, _BUILT = _REPLACED = ("its definition changed", "its image is built anew")


def dry_run(engine: Engine, request: UpRequest) -> Plan:
    """The plan that `up` would carry out, without building, pulling or making anything. New tasks are numbered: their
    ids are drawn when they start."""
    refuse_unsupported_in(request, discard)
    refuse_unresolved(request)
    observed = observe(engine, request.environment)
    resolver = resolver_of(engine, request, discard)
    resolver.sources.check_names(request.services)
    images = {
        service.name: {c.name: resolver.known(service, c) for c in service.task_definition.container_definitions}
        for service in request.services
    }
    built, reasons = _builds(resolver, request.services, images)
    before = stored_state(engine, request.environment) if observed.agent is not None else None
    state, forced = _state(engine, request, resolver, images, observed, before)
    factory = task_factory(state, request.private, engine)
    network = request.environment.network in engine.list_networks(request.environment.labels())
    numbers = count(1)
    why = {
        name: _why(was, state.services[name], built.get(name, {}), forced.get(name, []))
        for name, was in (before.services if before is not None else {}).items()
    }
    result = reconcile(
        factory,
        observed,
        front_specs(state),
        network_exists=network,
        before=True,
        new_id=lambda: f"new-{next(numbers)}",
        causes={name: short for name, (short, _) in why.items()},
    )
    stopped = [observed.tasks[task] for task, reason in result.stopped.items() if reason in _REPLACED]
    lines = [f"replace {one.service} {one.short_id}: {why[one.service][1]}" for one in stopped if one.service in why]
    result.plan.before = [*(f"build {dockerfile}: {reason}" for dockerfile, reason in reasons.items()), *lines]
    return result.plan


def _state(
    engine: Engine,
    request: UpRequest,
    resolver: ImageResolver,
    images: Mapping[str, dict[str, str]],
    observed: Observed,
    before: DesiredState | None,
) -> tuple[DesiredState, dict[str, list[str]]]:
    """What should run then, and by service the private variables that are to have other values."""
    pause, front = (resolver.known_local(image) for image in (request.support.pause, request.support.front))
    desired = desired_state(request, dict(images), {}, pause, front, "copilot-local/agent")
    ports = remembered(request.environment)
    state = with_ports(desired, asked_ports(request), observed, frozenset(), before=ports)
    state.aws_image = "copilot-local/aws"
    state.aws_way = way_of(engine, request.settings.aws.endpoint, request.workspace)
    state.databases = databases_of(request, discard)
    state = with_placeholders(state)
    if before is None:
        return state, {}
    names = (service.name for service in request.services)
    forced = {name: found for name in names if (found := _private(engine, request, observed, name))}
    return before.merged_with(state, forced=forced), forced


def _private(engine: Engine, request: UpRequest, observed: Observed, service: str) -> list[str]:
    """The private variables of a service whose values in its oldest task are others, or that it has not."""
    found: list[str] = []
    for task in observed.tasks_of(service)[:1]:
        for container, member in task.members.items():
            wanted = request.private.of(service, container)
            with contextlib.suppress(CopilotLocalError):
                has = engine.variables(member.container.name) if wanted and member.running else wanted
                found += [f"variable {name} of {container}" for name in wanted if has.get(name) != wanted[name]]
    return found


def _why(
    before: DesiredService, desired: DesiredService, built: Mapping[str, str], private: list[str]
) -> tuple[str, str]:
    """Why tasks of a service are replaced, if they are: in short, and with what differs."""
    images = images_changed(before, desired)
    found = changes(before, desired) + [f"the private value of {one} changed" for one in private]
    found += [f"the image of {name} changed" for name in images if name not in built]
    files = sorted({built[name] for name in images if name in built})
    anew = f"{', '.join(files)} {'is' if len(files) == 1 else 'are'} built anew" if files else ""
    if found and anew:
        return _CHANGED, f"{in_words(found)}; {anew}"
    if found:
        return _CHANGED, in_words(found)
    if anew:
        return _BUILT, f"{anew}; where the image comes out the same, the task stays"
    return _CHANGED, "another version of copilot-local started it"


def _builds(
    resolver: ImageResolver, services: Sequence[Service], images: Mapping[str, dict[str, str]]
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The Dockerfiles of images that are built anew, by service and container; by Dockerfile, the reason."""
    built: dict[str, dict[str, str]] = {}
    reasons: dict[str, str] = {}
    for service in services:
        for container in service.task_definition.container_definitions:
            build = resolver.sources.of(service, container).build
            if build is not None and images[service.name][container.name].startswith(UNBUILT):
                dockerfile = shown(build.dockerfile, resolver.sources.workspace)
                built.setdefault(service.name, {})[container.name] = dockerfile
                with contextlib.suppress(CopilotLocalError):  # what a build lacks, the build says
                    reasons.setdefault(dockerfile, resolver.engine.why_build(build))
    return built, reasons
