"""An environment for a test: up when the block begins, gone when it ends.

    with Environment("examples/nginx-sidecar") as environment:
        assert environment.http.get("/api/orders").status_code == 200
        environment.wait_for_log("GET /api/orders")

Needs httpx (the extra `testing`) for `http` alone, and boto3 (the extra `aws`) for `aws`.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from emulator.app.tracing.tracer import REQUEST_TIMEOUT, Traced, Tracer
from emulator.errors import InputError, NotFound, TaskError
from emulator.frontdoor.routing.explain import Explanation, explain
from emulator.runtime.health.early import judged
from emulator.runtime.health.watch import HealthWatch, known_from
from emulator.runtime.specs.load_balancer import all_options, balancer_for
from emulator.runtime.state import names
from emulator.runtime.state.observed import Member, observe
from emulator.testing.choice import chooser
from emulator.testing.failures import in_vain
from emulator.testing.faults.disk import fill_disk
from emulator.testing.faults.network import partition, slow
from emulator.testing.jobs import run_once
from emulator.testing.observation.journal import LogLine, Mark
from emulator.testing.observation.records import RoutedRecord, matcher, record_from
from emulator.testing.readiness import missing
from emulator.testing.results import CommandResult, JobResult, JobRun, job_run_from
from emulator.testing.service import ServiceHandle
from emulator.testing.traces import Traces

POLL = 0.1
ROUTED_POLL = 0.3
WAIT_FOR_LOG = 30.0
WAIT_FOR_JOB = 120.0
GONE = 10.0
"""Seconds until a container that was killed must be seen as ended."""


class Environment(Traces):
    """A Copilot environment of its own, isolated from every other one on the machine.

    `workspace` is a folder in a workspace (or a manifest); `services` those to run (none: all). `app` and
    `environment` are Copilot's names, which containers see; `instance` is the name that Docker's objects carry in the
    application's place, a new one each time, so that copies run side by side. `variables` win over the shell's, for
    `${NAME}` in manifests and for secrets; `images` replace those of containers, as `up --image`; `time` overrides keys
    of `[time]`. `stop_timeout` shortens the stop of every container, in seconds. `jobs` runs Scheduled Jobs on their
    schedules (None: as the settings say).

    `reuse` joins the environment of that name that runs already, as it is (else it starts it), and leaves it running;
    with `update` it is brought to what the other arguments say.

    Every wait ends with `ContainerFailed` as soon as an essential container dies, unless within `expect_exit`.
    """

    def service(self, name: str | None = None) -> ServiceHandle:
        """A handle for one service; without `name` the only one. Raises `InputError` for an unknown or missing one."""
        if name is None and len(self.services) == 1:
            name = self.services[0]
        if name not in self.services:
            what = f"no service {name} runs here" if name else "several services run here"
            raise InputError(what, hint=f"say which: {', '.join(self.services)}")
        return ServiceHandle(self, name)

    # what it printed

    def mark(self) -> Mark:
        """The present moment. As `since` it excludes lines and records that came before."""
        return Mark(self._journal.count)

    def logs(self, container: str | None = None, *, since: int = 0) -> list[LogLine]:
        """The lines that containers printed, in order of arrival, including those of tasks that are gone.

        `container` is a name in the manifest or `service/container`; None is all. `since` is a line number or a `Mark`.
        """
        if self._watcher is not None:
            self._watcher.drain()
        wanted = chooser(container)
        return [line for line in self._journal.lines(since) if wanted(line.service, line.container)]

    def wait_for_log(
        self,
        pattern: str | re.Pattern[str],
        timeout: float = WAIT_FOR_LOG,
        *,
        container: str | None = None,
        since: int = 0,
    ) -> LogLine:
        """Returns the first line in which `pattern`, a regular expression, is found; waits up to `timeout` seconds.

        `container` and `since` as for `logs`. Raises `TaskError` with the last lines after the timeout, and
        `ContainerFailed` as soon as an essential container dies.
        """
        expression, wanted = re.compile(pattern), chooser(container)
        found = self._journal.wait(
            lambda line: wanted(line.service, line.container) and expression.search(line.text) is not None,
            since,
            time.monotonic() + timeout,
        )
        if found is not None:
            return found
        self.check()
        lines = [line for line in self._journal.lines(since) if wanted(line.service, line.container)]
        printed = [str(line) for line in lines if container is not None or not line.chatter]
        raise in_vain(f"no line of {container or 'any container'} matches {expression.pattern!r}", timeout, printed)

    def routed_logs(
        self, service: str | None = None, *, join: bool = False, since: Mark | None = None
    ) -> list[RoutedRecord]:
        """The records that left the log routers, oldest first, as their destinations get them.

        A line longer than 16 KB is several records; `join` makes it one. `since` excludes records of lines printed
        before that mark. `service` None is all.
        """
        found = self.agent.records(follow=False, services=[service] if service else [], join=join)
        records = [record_from(message) for message in found]
        return [record for record in records if since is None or record.time >= since.moment]

    def wait_for_routed_log(
        self,
        pattern: str | re.Pattern[str],
        timeout: float = WAIT_FOR_LOG,
        *,
        service: str | None = None,
        join: bool = False,
        since: Mark | None = None,
    ) -> RoutedRecord:
        """Returns the first record whose `log` field, or whose JSON, matches `pattern`; waits up to `timeout` seconds.

        Raises `TaskError` with the last records after the timeout, and `ContainerFailed` as soon as an essential
        container dies.
        """
        matches = matcher(pattern)
        deadline = time.monotonic() + timeout
        while True:
            records = self.routed_logs(service, join=join, since=since)
            for record in records:
                if matches(record):
                    return record
            self.check()
            if time.monotonic() > deadline:
                raise in_vain(f"no record matches {pattern!r}", timeout, [str(record) for record in records])
            time.sleep(ROUTED_POLL)

    # waiting

    def wait_healthy(self, timeout: float | None = None) -> None:
        """Waits until every service runs its desired number of healthy tasks, with healthy targets.

        `timeout` is in seconds; None is `[time] wait_timeout`. Raises `ContainerFailed` as soon as an essential
        container dies, and `NotHealthy` after the timeout, with reasons, output of health checks and the last lines of
        each container.
        """
        seconds = self._wait_timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        services = {name: desired.service for name, desired in self._up.state.services.items()}
        watch = HealthWatch(self.engine, self._emit)
        while True:
            self.check()
            dead = {death.task_id for death in self._journal.deaths()}
            status = self.agent.status()
            known = known_from(self._up.state, status)
            observed = judged(observe(self.engine, self.names), known.checks)
            lacking = missing(services, observed, status, dead)
            if not lacking:
                return
            tasks = observed.service_tasks
            reasons = watch.reasons(tasks, known)
            if time.monotonic() > deadline:
                error = watch.error(reasons, tasks, seconds, given_up=False)
                if not reasons:
                    error.message = f"not healthy after {seconds:g} s: {'; '.join(lacking)}"
                raise error
            time.sleep(POLL)

    @contextlib.contextmanager
    def expect_exit(self, container: str, timeout: float = 30) -> Iterator[None]:
        """A block in which the end of a container is expected, and fails no test.

        Leaving the block waits up to `timeout` seconds for it. Raises `InputError` where no such container runs, and
        `TaskError` where it keeps running.
        """
        member = self._find(container)
        name, service = member.name, member.container.labels.get(names.SERVICE, "")
        watcher = self._watcher
        assert watcher is not None
        before = len(self._journal.deaths())
        with watcher.expecting(service, name):
            yield
            died = self._journal.wait_for_death(
                before, lambda death: (death.service, death.container) == (service, name), time.monotonic() + timeout
            )
        if died is None:
            raise TaskError(f"container {name} of {service} did not exit within {timeout:g} s")

    # what tests do to it

    def run_job(self, job: str, *, timeout: float = WAIT_FOR_JOB) -> JobResult:
        """Runs a Scheduled Job of the workspace once, beside the services; returns its exit code and lines.

        Raises `InputError` where `job` is no job, and `TaskError` where it does not end within `timeout` seconds.
        """
        return run_once(self.engine, self._make_request(self.engine, job), self._emit, timeout)

    def job_runs(self, job: str) -> list[JobRun]:
        """The last runs of a Scheduled Job on its schedule, oldest first; the environment was made with `jobs=True`.

        Raises `InputError` where no job of that name is part of the environment.
        """
        jobs = self.agent.status()["jobs"]
        if job not in jobs:
            raise InputError(f"no job {job} is part of this environment", hint="`jobs=True` makes jobs part of it")
        return [job_run_from(run) for run in jobs[job]["runs"]]

    def set_clock(self, to: datetime) -> None:
        """Moves the clock by which jobs run: one that would have been due on the way is started, once.

        `to` has a time zone. What containers see of the time does not change. Raises `InputError` where it has none.
        """
        if to.tzinfo is None:
            raise InputError("set_clock: the time has no time zone", hint="datetime(…, tzinfo=UTC)")
        self.agent.set_clock(to)

    def wait_for_job_run(self, job: str, *, timeout: float = WAIT_FOR_JOB) -> JobRun:
        """Waits until the last run of a Scheduled Job on its schedule has ended, and returns it.

        Raises `TaskError` where none has within `timeout` seconds, and what `job_runs` raises.
        """
        deadline = time.monotonic() + timeout
        while True:
            runs = self.job_runs(job)
            if runs and runs[-1].status != "RUNNING":
                return runs[-1]
            if time.monotonic() > deadline:
                state = "runs still" if runs else "was not started"
                raise TaskError(f"job {job} {state} after {timeout:g} s")
            time.sleep(POLL)

    def exec(self, container: str, command: str | Sequence[str], *, timeout: float = 30) -> CommandResult:
        """Runs a command in a running container; returns exit code and output.

        A text is run by `sh -c`, a sequence as it is. Raises `InputError` where no such container runs, and
        `EngineTimeout` where the command does not end within `timeout` seconds.
        """
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        result = self.engine.exec(self._find(container).container.name, words, timeout=timeout)
        return CommandResult(
            result.exit_code, result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")
        )

    def route(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Explanation:
        """Explains which listener rule a request would hit and why, without sending it.

        `url` is a path or a whole URL. Raises `InputError` for a URL that cannot be parsed.
        """
        state = self._up.state
        services = [desired.service for desired in state.services.values()]
        options = all_options(state)[balancer_for(state, url)]
        return explain(services, method, url, tuple((headers or {}).items()), options=options)

    def trace(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        secrets: bool = False,
    ) -> Traced:
        """Sends a request to the load balancer; returns its hops between the containers, and what is wrong with them.

        Works as `copilot-local trace`. `timeout` is in seconds; `secrets` shows the values of Authorization, cookies
        and the like. Raises `TaskError` where the request was not seen.
        """
        with Tracer(self.engine, self.names, secrets=secrets, trust=lambda: self.trust) as tracer:
            return tracer.request(method, url, tuple((headers or {}).items()), data, timeout=timeout)

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Sends a signal to a container; after SIGKILL waits until it has ended.

        Raises `InputError` where no such container runs, and `TaskError` where it survives SIGKILL.
        """
        member = self._find(container)
        self.engine.kill(member.container.name, signal)
        if signal in ("SIGKILL", "KILL", "9"):
            self._until_ended(member)

    @contextlib.contextmanager
    def pause_container(self, container: str) -> Iterator[None]:
        """A block in which every process of a container is frozen: connections stay open, nothing answers.

        Raises `InputError` where no such container runs.
        """
        name = self._find(container).container.name
        self.engine.pause(name)
        try:
            yield
        finally:
            with contextlib.suppress(NotFound):  # its task was given up as unhealthy, and replaced
                self.engine.unpause(name)

    def partition(self, service: str, other: str | None = None) -> contextlib.AbstractContextManager[None]:
        """A block in which packets between the tasks of two services are dropped; without `other`, all of the first.

        Applies to tasks that run when the block begins, not to their replacements. Raises `InputError` where none runs.
        """
        return partition(self.engine, self.names, service, other)

    def slow(
        self, service: str, *, delay: float | None = None, rate: int | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """A block in which the tasks of a service send with `delay` (seconds) or at most `rate` (bytes per second).

        Raises `InputError` where neither is given, no task runs, or the kernel that Docker runs on cannot delay
        packets.
        """
        return slow(self.engine, self.names, self._up.state.agent_image, service, delay, rate)

    def fill_disk(self, container: str, path: str) -> contextlib.AbstractContextManager[None]:
        """A block in which the file system of a folder of a container is full.

        Raises `InputError` where that is the disk of Docker's host.
        """
        return fill_disk(self.engine, self._find(container).container.name, path)

    def restart(self, *services: str) -> None:
        """Replaces the tasks of services (default: all), and waits until they are healthy. Raises as `wait_healthy`."""
        self.agent.restart(list(services), self._emit)
        self.wait_healthy()

    def scale(self, service: str, count: int) -> None:
        """Sets the number of tasks of a service, and waits until they are healthy. Raises as `wait_healthy`."""
        self.agent.scale({service: count}, self._emit)
        self.wait_healthy()

    def _until_ended(self, member: Member) -> None:
        deadline = time.monotonic() + GONE
        while time.monotonic() < deadline:
            rows = [c for c in observe(self.engine, self.names).containers if c.id == member.container.id]
            if not rows or not Member(rows[0]).running:
                return
            time.sleep(POLL / 2)
        raise TaskError(f"container {member.name} was killed and still runs after {GONE:g} s")

    def _find(self, container: str) -> Member:
        """A running container by name, or `service/name`, in the oldest task. Raises `InputError`."""
        wanted = chooser(container)
        observed = observe(self.engine, self.names)
        tasks = [task for service in self.services for task in observed.tasks_of(service)]
        found = [
            (task.service, member)
            for task in tasks
            for member in task.members.values()
            if member.running and wanted(task.service, member.name)
        ]
        services = {service for service, _ in found}
        if len(services) == 1:
            return found[0][1]
        if services:
            choice = ", ".join(sorted(f"{service}/{found[0][1].name}" for service in services))
            raise InputError(f"{container} runs in several services", hint=f"say which: {choice}")
        running = sorted({f"{t.service}/{m.name}" for t in tasks for m in t.members.values() if m.running})
        raise InputError(f"no container {container} is running", hint=f"running: {', '.join(running) or 'none'}")
