"""Traces a running environment: one request, or live traffic, with diagnoses.

For the command line and for tests alike.
"""

from __future__ import annotations

import contextlib
import math
import secrets as random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from emulator.app.tracing.crashes import Crashes
from emulator.engine.interface import Container, ContainerSpec, ContainerState, Engine
from emulator.errors import CopilotLocalError, EngineError, InputError, TaskError
from emulator.events import discard
from emulator.model import from_json
from emulator.runtime.control.client import no_agent
from emulator.runtime.control.forward import forwarding
from emulator.runtime.health.asked import why_unanswered
from emulator.runtime.health.reasons import Reason
from emulator.runtime.listeners.front_ports import published
from emulator.runtime.specs.agent import STATE_FILE, STATE_FOLDER
from emulator.runtime.specs.connect.endpoints import endpoints_of
from emulator.runtime.specs.load_balancer import balancer_for
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import CONNECT_PORT, ROLE, Names, Role, sealed
from emulator.runtime.state.observed import Task, observe
from emulator.trace.access_log import ARRIVAL, Writer, with_access_logs
from emulator.trace.container import capture_spec
from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.made_by_proxy import said_of
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.output.text import block, verdict
from emulator.trace.printed import printed
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import TRACE_HEADER, Hop, Identity, Place, Trace, assemble, identity, trace_root
from emulator.trace.sending import Answer, prepare, send
from emulator.trace.session import Account, CaptureSession

REQUEST_TIMEOUT = 65.0
"""Seconds for an answer: longer than the load balancer's idle timeout, so that its own answer is seen."""
_NGINX_TIMEOUT = 10.0
_LOOK = 1.0
"""Seconds between looks at which tasks run."""
_SETTLE = 0.25
"""Seconds for what a request led to and what goes on after its answer."""
_MOST_PLACES = 1000
"""How many namespaces are remembered, those that are gone too: what was seen in them is still to be told."""
_OUTLIVES = 2.0
"""Seconds after its answer at which a request is told although what it led to goes on: that may be a stream."""
_REMEMBER = 5.0
"""Seconds that a request is kept which was told: the account of its other end may come late."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A request with its hops and what is wrong with it: `assert not traced.faults, str(traced)` prints it all."""

    trace: Trace
    """What was captured."""
    diagnoses: tuple[Diagnosis, ...]
    """The faults that were found, then what is perhaps one: each with `message`, `hint`, `hop` (its place in `hops`),
    `position` in nginx's configuration, and `certain`."""
    answer: Answer | None = None
    """What the client was answered, where the request was sent by us: `status`, or why there is none in `fault`."""

    @property
    def hops(self) -> tuple[Hop, ...]:
        """In the order in which they began; the first is the client's request to the load balancer."""
        return self.trace.hops

    @property
    def faults(self) -> tuple[Diagnosis, ...]:
        """What is certainly wrong: `trace` prints it as `fault` and exits with 1. Without what is `perhaps` wrong."""
        return tuple(one for one in self.diagnoses if one.certain)

    @property
    def trace_id(self) -> str:
        """The root of its X-Amzn-Trace-Id."""
        return self.trace.trace_id

    @property
    def status(self) -> int | None:
        """The status that the client received."""
        return self.answer.status if self.answer is not None else self.trace.asked.status

    def __str__(self) -> str:
        """As `copilot-local trace` prints it."""
        client = [f"the client: {self.answer.fault}"] if self.answer is not None and self.answer.fault else []
        return "\n".join([*block(self.trace), *client, *(line for one in self.diagnoses for line in verdict(one))])


class Tracer:
    """Captures in an environment while it is open. Raises `InputError` where the environment does not run."""

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        *,
        secrets: bool = False,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        """`secrets`: values of headers that hold some are shown. `trust`: what an HTTPS request of ours checks the load
        balancer's certificate with."""
        self._engine = engine
        self._names = environment
        self._secrets = secrets
        self._trust = trust
        self._shown_with_requests: set[Identity] = set()
        """TLS connections to the front."""
        self.places, self._image = find_places(engine, environment)
        self._session = CaptureSession(engine, self._spec)
        self._crashes: Crashes | None = None
        self.account = Account()
        """What was not seen, once the captures have ended."""
        self._read_nginx = lru_cache(maxsize=None)(self._nginx)

    def __enter__(self) -> Tracer:
        try:
            self._crashes = Crashes(self._engine, self._names)
            self._session.watch(self.places)
        except BaseException:
            self.__exit__()
            raise
        # What passed before all captures had begun was seen in part: a request without its first hop would mislead.
        self._session.forget({identity(*pair) for pair in self._session.seen()})
        return self

    def __exit__(self, *ending: object) -> None:
        self._session.close()
        if self._crashes is not None:
            self._crashes.close()

    def request(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        data: bytes | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Traced:
        """Sends a request to the load balancer and follows it. It carries an X-Amzn-Trace-Id to know it by.

        `url` is a path or a URL, whose host is the request's `Host`. Ends the captures. Raises `InputError` where the
        environment has no load balancer, `UsageError` for what cannot be sent.
        """
        root, sent = self.identified(headers)
        outgoing = prepare(method, url, sent, data)
        answer = self.deliver(method, url, sent, data, timeout=timeout)
        # Nothing says that a request leads to nothing more: what runs on after the answer has a moment to be seen.
        time.sleep(_SETTLE)
        self.account = self._session.end()
        traces = assemble(self._session.seen(), self.places, secrets=self._secrets)
        for trace in traces:
            if trace.trace_id == root:
                return self._traced(trace, answer)
        for trace in reversed(traces):
            if outgoing.tls_name and _only_tls(trace, outgoing.tls_name):
                return self._traced(trace, answer)
        raise TaskError(
            f"the request was not seen on its way: {answer.fault or f'it was answered {answer.status}'}",
            hint="is the load balancer's port published by this environment? `copilot-local ps`"
            if self.account.complete
            else f"{self.account}: try again",
        )

    def identified(self, headers: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
        """The root of the X-Amzn-Trace-Id that a request with these headers is known by, and the headers with it."""
        root = trace_root(tuple(headers))
        if root:
            return root, list(headers)
        root = f"1-{int(time.time()):08x}-{random.token_hex(12)}"
        others = [pair for pair in headers if pair[0].lower() != TRACE_HEADER]
        return root, [*others, ("X-Amzn-Trace-Id", f"Root={root}")]

    def deliver(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        data: bytes | None,
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Answer:
        """Sends a request to the load balancer as it is; the captures go on. Raises what `request` does."""
        outgoing = prepare(method, url, headers, data)
        port = self._front_port("HTTPS" if outgoing.tls_name else "HTTP", url)
        with forwarding(self._engine, self._names, discard):
            return send(port, outgoing, timeout, self._trust() if outgoing.tls_name else None)

    def live(self, stop: threading.Event, *, health_checks: bool = False) -> Iterator[Traced]:
        """Yields each request when it is complete, until `stop` or the end of the environment; then those in progress.

        Ends the captures; `account` then says what they did not see.
        """
        told: dict[Identity, float] = {}
        looked = time.monotonic()
        while not stop.is_set():
            stop.wait(_SETTLE)
            if time.monotonic() - looked > _LOOK:
                if not self._follow_tasks():
                    break
                looked = time.monotonic()
            until = self._session.until()
            yield from self._new(told, health_checks, until)
            self._session.forget({key for key, last in told.items() if last < until - _REMEMBER})
            told = {key: last for key, last in told.items() if last > until - 10 * _REMEMBER}
        self.account = self._session.end()
        yield from self._new(told, health_checks, None)

    def _new(self, told: dict[Identity, float], health_checks: bool, before: float | None) -> Iterator[Traced]:
        """Requests that are not told yet and were over at `before`, so that all of their hops have been seen."""
        seen = self._session.seen()
        if before is not None:
            seen = [pair for pair in seen if pair[1].began <= before]
        for trace in assemble(seen, self.places, secrets=self._secrets):
            last = max(hop.exchange.ended or hop.exchange.began for hop in trace.hops)
            over = trace.asked.exchange.ended
            going_on = [hop for hop in trace.hops if hop.exchange.ended is None and hop.exchange.request is not None]
            if before is not None and (over is None or over > before):
                continue
            if before is not None and (last > before or going_on) and over is not None and over > before - _OUTLIVES:
                continue
            known = _identity(trace.asked) in told
            first = trace.hops[0]
            if first.exchange.outcome is Outcome.TLS and len(trace.hops) > 1:
                self._shown_with_requests.add(_identity(first))
            elif _identity(first) in self._shown_with_requests:
                known = True  # the connection alone, once its requests are forgotten
            for hop in trace.hops:
                if hop.exchange.ended is not None:
                    told[_identity(hop)] = last
                elif hop in going_on:
                    told[_identity(hop)] = math.inf
            if not known and (health_checks or not trace.is_health_check):
                yield self._traced(trace)

    def _traced(self, trace: Trace, answer: Answer | None = None) -> Traced:
        within = ARRIVAL if answer is not None else _SETTLE  # of live traffic others wait behind it
        with contextlib.suppress(CopilotLocalError):
            trace = self._with_access_logs(trace, within)
        status = answer.status if answer else None

        def read_lines(hop: Hop) -> list[str]:
            return printed(self._engine, hop, lambda lines: said_of(lines, hop), within)

        found = diagnose(trace, self._read_nginx, status, lambda _: self._why(trace), read_lines)
        if found and self._crashes is not None and (agent := observe(self._engine, self._names).agent) is not None:
            with contextlib.suppress(CopilotLocalError):
                state = desired_state(self._engine, agent)
                found = self._crashes.explain(trace, found, state, status, wait=answer is not None)
        if answer is not None and answer.certificate_for:
            found.append(_other_names(trace, answer.certificate_for))
        return Traced(trace, tuple(found), answer)

    def _with_access_logs(self, trace: Trace, seconds: float) -> Trace:
        """The trace with what proxies of Service Connect wrote of it within that time. Lines of TCP have no ids."""
        observed = observe(self._engine, self._names)
        if observed.agent is None or all(task.proxy is None for task in observed.tasks.values()):
            return trace
        state = desired_state(self._engine, observed.agent)
        services = state.services
        if all(one.protocol == "tcp" for one in endpoints_of(state)):
            return trace
        writers = [
            Writer(task.proxy.name, task.service, task.short_id)
            for task in observed.tasks.values()
            if task.proxy is not None and task.service in services and services[task.service].access_log is not None
        ]
        return with_access_logs(self._engine, writers, trace, seconds)

    def _follow_tasks(self) -> bool:
        """Captures where tasks are new, and no longer where they are gone. False where nothing is left."""
        with contextlib.suppress(CopilotLocalError):  # tasks and the agent come and go; the next look finds them
            places, _ = find_places(self._engine, self._names)
            self._session.leave(places)
            now = {place.container for place in places}
            self.places = [*places, *(place for place in self.places if place.container not in now)][:_MOST_PLACES]
            self._session.watch(places)
            return True
        return bool(observe(self._engine, self._names).tasks)

    def _spec(self, place: Place) -> ContainerSpec:
        name = f"{self._names.prefix}-trace-{random.token_hex(4)}"
        return capture_spec(name, self._image, sealed(self._names.labels(Role.TRACE)), place.container)

    def _why(self, trace: Trace) -> list[Reason]:
        """Why the targets of a request are not healthy."""
        agent = observe(self._engine, self._names).agent
        request = trace.asked.exchange.request
        if agent is None or request is None:
            return []
        state = desired_state(self._engine, agent)
        return why_unanswered(self._engine, self._names, state, request.method, request.target, request.headers)

    def _nginx(self, container: str) -> Sequence[nginx.Directive]:
        """nginx's configuration in a container. It is asked to print it, which changes nothing."""
        with contextlib.suppress(EngineError):
            result = self._engine.exec(container, nginx.COMMAND, timeout=_NGINX_TIMEOUT)
            if result.exit_code == 0:
                return nginx.parse(result.stdout.decode(errors="replace"))
        return ()

    def _front_port(self, protocol: str, url: str) -> int:
        """The port of the listener that a request for a URL goes to."""
        observed = observe(self._engine, self._names)
        listeners = published(observed)
        if observed.agent is None:
            raise no_agent(self._names, observed)
        balancer = balancer_for(desired_state(self._engine, observed.agent), url)
        for listener in listeners:
            if not listener.service and listener.load_balancer == balancer and listener.protocol == protocol:
                return listener.host_port
        there = ", ".join(listener.name for listener in listeners) or "none"
        raise InputError(
            f"{self._names.app}/{self._names.environment} has no load balancer with a listener for {protocol}",
            hint=f"listeners: {there}; `copilot-local trace` without a URL shows what passes between containers",
        )


def _only_tls(trace: Trace, name: str) -> bool:
    """Whether this is a TLS connection to the front for that name, behind which nothing was asked."""
    first = trace.hops[0].exchange
    return len(trace.hops) == 1 and first.outcome is Outcome.TLS and first.server_name in (name, "")


def _other_names(trace: Trace, names: tuple[str, ...]) -> Diagnosis:
    asked = trace.hops[0].exchange.server_name or trace.asked.host
    return Diagnosis(
        f"the load balancer's certificate is not for {asked}, and browsers refuse it: it is for {', '.join(names)}",
        "`http.alias` in the manifest gives the service a name; trace went on without it",
        0,
        certain=False,
    )


def _identity(hop: Hop) -> Identity:
    return identity(hop.place, hop.exchange)


def find_places(engine: Engine, environment: Names) -> tuple[list[Place], str]:
    """The places where requests pass in an environment (load balancers and tasks), and the image for captures.

    Raises `InputError` where the environment does not run.
    """
    observed = observe(engine, environment)
    agent = observed.agent
    if agent is None or agent.state is not ContainerState.RUNNING:
        raise no_agent(environment, observed)
    state = desired_state(engine, agent)
    places = [
        Place(front.name, front.labels[ROLE], front.addresses[environment.network])
        for front in observed.fronts
        if front.state is ContainerState.RUNNING and environment.network in front.addresses
    ]
    places += [place for task in observed.tasks.values() if (place := _place(task, environment, state)) is not None]
    return places, agent.image


def desired_state(engine: Engine, agent: Container) -> DesiredState:
    """The desired state as the agent has stored it."""
    return from_json(DesiredState, engine.read_file(agent.name, f"{STATE_FOLDER}/{STATE_FILE}"))


def _place(task: Task, environment: Names, state: DesiredState) -> Place | None:
    pause = task.pause
    if pause is None or pause.state is not ContainerState.RUNNING or environment.network not in pause.addresses:
        return None
    desired = state.services.get(task.service)
    definitions = desired.service.task_definition.container_definitions if desired else ()
    served = pause.labels.get(CONNECT_PORT, "")
    return Place(
        container=pause.name,
        name=task.service,
        address=pause.addresses[environment.network],
        task=task.short_id,
        ports={
            mapping.container_port: one.name
            for one in definitions
            for mapping in one.port_mappings
            if mapping.container_port is not None
        },
        members={member.name: member.container.name for member in task.members.values() if member.running},
        proxied_port=int(served) if task.proxy is not None and served.isdecimal() else 0,
    )
