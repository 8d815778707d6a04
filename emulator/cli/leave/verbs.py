"""Functions of the verbs of Copilot's that are lines of the AWS command line."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_names, find_one, find_target
from emulator.cli.leave.delivery import Delivery
from emulator.cli.manifest import rendering
from emulator.cli.shell.options import App, Env, Name, services_of
from emulator.errors import CopilotLocalError, UsageError
from emulator.leave.verbs import lines
from emulator.leave.verbs.lines import JOB, Names

if TYPE_CHECKING:
    from emulator.ecs.service import Service

Container = Annotated[
    str | None, typer.Option("--container", metavar="NAME", help="The container. Default: the main one.")
]
TaskId = Annotated[
    str | None, typer.Option("--task-id", metavar="ID", help="The task, or the beginning of its id. Default: any.")
]
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Workload:
    """A service or a job."""

    app: App = None
    env: Env = None
    name: Name = None

    @property
    def selection(self) -> Selection:
        return Selection(self.app, self.env, services_of(self.name))

    def named(self) -> Names:
        """Its names. Outside of a workspace all three must be given. Raises UsageError, InputError."""
        if self.app and self.env and self.name and re.fullmatch(r"[a-z][a-z0-9-]*", self.name):
            return Names(*find_names(Selection(self.app, self.env)), self.name)
        target, service = find_one(self.selection)
        return Names(target.app, target.environment, service)

    def loaded(self) -> tuple[Names, Service]:
        """The same, with the workload itself."""
        from emulator.app.deployment import Deployment
        from emulator.app.load import load_services

        find_one(self.selection)
        with rendering.display() as emit:
            [found] = load_services(self.selection, emit, given=Deployment())
        service = found.service
        return Names(service.app, service.environment, service.name), service


@dataclass(frozen=True, slots=True)
class Logs:
    """Which of the logs of a workload."""

    container: Container = None
    task_id: TaskId = None
    since: Annotated[str, typer.Option("--since", metavar="DURATION", help="How far back, such as 5m, 2h or 1d.")] = (
        "1h"
    )
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the output.")] = False

    def lines(self, names: Names) -> list[str]:
        """Lines that show them. Raises UsageError."""
        if not re.fullmatch(r"\d+[smhdw]", self.since):
            raise UsageError(f"--since {self.since} is no duration", hint="write 30s, 5m, 2h, 1d or 1w")
        at = self.container or (names.workload if self.task_id else "")
        return lines.logs(names, container=at, task_id=_task_id(self.task_id), since=self.since, follow=self.follow)


def _app(app: str | None) -> Names:
    return Names(find_names(Selection(app, "test") if app else Selection(any_manifest=True))[0])


def app_ls(how: Delivery = Delivery()) -> None:
    """List the applications of the account and region."""
    how.deliver(lines.under("/copilot/applications/"))


def app_show(app: App = None, how: Delivery = Delivery()) -> None:
    """Show what Copilot stored of an application: its domain, and its bucket."""
    how.deliver(lines.application(_app(app).app))


def env_ls(app: App = None, how: Delivery = Delivery()) -> None:
    """List the environments of an application."""
    how.deliver(lines.under(f"/copilot/applications/{_app(app).app}/environments/"))


def env_show(app: App = None, env: Env = None, how: Delivery = Delivery()) -> None:
    """Show an environment's version, parameters, outputs and exports."""
    names = Names(*find_names(Selection(app, env)))
    how.deliver(lines.environment(names))


def svc_ls(app: App = None, how: Delivery = Delivery()) -> None:
    """List the services of an application."""
    how.deliver(lines.workloads(_app(app), jobs=False))


def job_ls(app: App = None, how: Delivery = Delivery()) -> None:
    """List the jobs of an application."""
    how.deliver(lines.workloads(_app(app), jobs=True))


def svc_show(of: Workload = Workload(), how: Delivery = Delivery()) -> None:
    """Show the resources of a service's stack."""
    how.deliver(lines.stack_resources(of.named().stack))


def svc_status(of: Workload = Workload(), how: Delivery = Delivery()) -> None:
    """Show tasks, deployments, health of targets and alarms of a service."""
    names = of.named()
    _refuse_job(names.workload, _type(names))  # its manifest is not needed
    how.deliver(lines.svc_status(names))


def svc_logs(of: Workload = Workload(), logs: Logs = Logs(), how: Delivery = Delivery()) -> None:
    """Show the logs of a service, as CloudWatch has them."""
    how.deliver(logs.lines(of.named()))


def job_logs(of: Workload = Workload(), logs: Logs = Logs(), how: Delivery = Delivery()) -> None:
    """Show the logs of a job, those of its state machine too."""
    how.deliver(logs.lines(of.named()))


def svc_exec(
    of: Workload = Workload(),
    container: Container = None,
    task_id: TaskId = None,
    command: Annotated[str, typer.Option("--command", "-c", metavar="COMMAND", help="What runs.")] = "/bin/sh",
    how: Delivery = Delivery(),
) -> None:
    """Run a command in a container of a service. Its manifest needs `exec: true`."""
    names = of.named()
    found = lines.svc_exec(names, container or names.workload, command, _task_id(task_id))
    how.deliver(found, ("session-manager-plugin",))


def svc_pause(of: Workload = Workload(), how: Delivery = Delivery()) -> None:
    """Stop every task of a service, until it is resumed or deployed."""
    how.deliver(lines.set_count(*_service(of), 0))


def svc_resume(of: Workload = Workload(), how: Delivery = Delivery()) -> None:
    """Run as many tasks of a service as its manifest says."""
    names, service = _service(of)
    how.deliver(lines.set_count(names, service, max(service.desired_count, 1)))


def job_run(of: Workload = Workload(), how: Delivery = Delivery()) -> None:
    """Run a job now."""
    names = of.named()
    type = _type(names)
    if type not in (JOB, ""):
        raise UsageError(f"{names.workload} is a {type}", hint=f"`task run -n {names.workload}` runs a task of it once")
    how.deliver(lines.job_run(names))


def task_run(
    of: Workload = Workload(),
    command: Annotated[str, typer.Option("--command", "-c", metavar="COMMAND", help="What runs, in a shell.")] = "",
    container: Container = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10, help="How many tasks.")] = 1,
    how: Delivery = Delivery(),
) -> None:
    """Run a task of a workload once, with its own image, variables and rights, and another command."""
    if not command:
        raise UsageError("--command is missing", hint="such as `--command 'python manage.py migrate'`")
    names, service = of.loaded()
    how.deliver(lines.task_run(names, service, ["sh", "-c", command], count=count, container=container or ""))


def secret_init(
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="The secret's name.")] = "",
    app: App = None,
    env: Env = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a value that is there.")] = False,
    how: Delivery = Delivery(),
) -> None:
    """Store a secret for an environment, or for each of the workspace. Its value is asked for."""
    if not _SECRET.fullmatch(name):
        raise UsageError(f"--name {name!r} is no name of a secret", hint="letters, digits, `_`, `.` and `-`")
    if env is not None:
        found_app, environment = find_names(Selection(app, env))
        environments: tuple[str, ...] = (environment,)
    else:
        target = find_target(Selection(app, any_manifest=True))
        found_app, environments = target.app, target.workspace.environments or (target.environment,)
    if how.run and not sys.stdin.isatty():
        raise UsageError("the value is asked for, and there is no terminal", hint="run the printed lines in one")
    how.deliver(lines.secret_init(found_app, environments, name, overwrite=overwrite))


def pipeline_ls(app: App = None, how: Delivery = Delivery()) -> None:
    """List the pipelines of an application."""
    how.deliver(lines.pipelines(_app(app).app))


def pipeline_status(
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="The pipeline.")] = "",
    app: App = None,
    how: Delivery = Delivery(),
) -> None:
    """Show the stages of a pipeline that Copilot made."""
    if not re.fullmatch(r"[A-Za-z0-9.@_-]+", name):
        raise UsageError(f"--name {name!r} is no name of a pipeline", hint="`aws pipeline ls` lists them")
    how.deliver(lines.pipeline_state(_app(app).app, name))


def _service(of: Workload) -> tuple[Names, Service]:
    names, service = of.loaded()
    _refuse_job(service.name, service.type)
    return names, service


def _refuse_job(name: str, type: str) -> None:
    if type == JOB:
        raise UsageError(f"{name} is a job", hint="`job run` and `job logs` are for jobs")


def _type(names: Names) -> str:
    """The type of a workload as its manifest has it, empty where there is no manifest."""
    from emulator.cli.manifest.proposals.untyped_manifest import read_untyped

    try:
        workspace = find_target(Selection(names.app, names.environment, any_manifest=True)).workspace
        path = workspace.manifest_path(names.workload)
        return read_untyped(path).type if path.is_file() else ""
    except CopilotLocalError:
        return ""


def _task_id(given: str | None) -> str:
    if given is not None and not re.fullmatch(r"[0-9a-f]{4,32}", given):
        raise UsageError(f"--task-id {given} is no id of a task", hint="it has up to 32 of 0-9 and a-f; 4 at least")
    return given or ""
