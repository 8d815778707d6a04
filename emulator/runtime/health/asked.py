"""Why the load balancer has no healthy target for a request."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import discard
from emulator.frontdoor.routing.explain import explain
from emulator.runtime.control.client import Agent
from emulator.runtime.health.early import judged
from emulator.runtime.health.reasons import Code, Reason
from emulator.runtime.health.watch import HealthWatch, known_from
from emulator.runtime.specs.load_balancer import all_options, balancer_for
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe


def asked_services(state: DesiredState, method: str, url: str, headers: Sequence[tuple[str, str]]) -> list[str]:
    """The services that a request is forwarded to, each once; none where no rule forwards it.

    `url` is a path or a URL.
    """
    services = [desired.service for desired in state.services.values()]
    explanation = explain(services, method, url, tuple(headers), options=all_options(state)[balancer_for(state, url)])
    return list(dict.fromkeys(destination.service for destination in explanation.destinations))


def why_unanswered(
    engine: Engine, environment: Names, state: DesiredState, method: str, url: str, headers: Sequence[tuple[str, str]]
) -> list[Reason]:
    """Why the tasks that a request is forwarded to are not healthy; empty where they are, or where no rule forwards it.

    `url` is a path or a URL. Raises nothing: what cannot be found out is left out.
    """
    with contextlib.suppress(CopilotLocalError):
        known = known_from(state, Agent(engine, environment).status())
        observed = judged(observe(engine, environment), known.checks)
        watch = HealthWatch(engine, discard, at_once=True)
        found: list[Reason] = []
        for name in asked_services(state, method, url, headers):
            tasks = observed.tasks_of(name)
            found += watch.reasons(tasks, known)
            if not tasks:
                found.append(Reason(Code.MISSING, f"no task of {name} runs", name))
        return found
    return []
