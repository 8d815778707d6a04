"""Functions of the verbs of Copilot's that are lines of the AWS command line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_names, find_one, find_target
from emulator.cli.leave.delivery import Run, Yes, deliver
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
Since = Annotated[str, typer.Option("--since", metavar="DURATION", help="How far back, such as 5m, 2h or 1d.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Follow the output.")]
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def named(app: str | None, env: str | None, name: str | None) -> Names:
    """The names of one workload. Outside of a workspace all three must be given. Raises UsageError, InputError."""
    if app and env and name and re.fullmatch(r"[a-z][a-z0-9-]*", name):
        found_app, found_env = find_names(Selection(app, env))
        return Names(found_app, found_env, name)
    target, service = find_one(Selection(app, env, services_of(name)))
    return Names(target.app, target.environment, service)


def loaded(app: str | None, env: str | None, name: str | None) -> tuple[Names, Service]:
    """The same, with the workload itself."""
    from emulator.app.deployment import Deployment
    from emulator.app.load import load_services

    selection = Selection(app, env, services_of(name))
    find_one(selection)
    with rendering.display() as emit:
        [found] = load_services(selection, emit, given=Deployment())
    service = found.service
    return Names(service.app, service.environment, service.name), service


def _app(app: str | None) -> Names:
    return Names(find_names(Selection(app, "test") if app else Selection(any_manifest=True))[0])


def app_ls(run: Run = False, yes: Yes = False) -> None:
    """List the applications of the account and region."""
    deliver(lines.under("/copilot/applications/"), run=run, yes=yes)


def app_show(app: App = None, run: Run = False, yes: Yes = False) -> None:
    """Show what Copilot stored of an application: its domain, and its bucket."""
    deliver(lines.application(_app(app).app), run=run, yes=yes)


def env_ls(app: App = None, run: Run = False, yes: Yes = False) -> None:
    """List the environments of an application."""
    deliver(lines.under(f"/copilot/applications/{_app(app).app}/environments/"), run=run, yes=yes)


def env_show(app: App = None, env: Env = None, run: Run = False, yes: Yes = False) -> None:
    """Show an environment's version, parameters, outputs and exports."""
    names = Names(*find_names(Selection(app, env)))
    deliver(lines.environment(names), run=run, yes=yes)


def svc_ls(app: App = None, run: Run = False, yes: Yes = False) -> None:
    """List the services of an application."""
    deliver(lines.workloads(_app(app), jobs=False), run=run, yes=yes)


def job_ls(app: App = None, run: Run = False, yes: Yes = False) -> None:
    """List the jobs of an application."""
    deliver(lines.workloads(_app(app), jobs=True), run=run, yes=yes)


def svc_show(app: App = None, env: Env = None, name: Name = None, run: Run = False, yes: Yes = False) -> None:
    """Show the resources of a service's stack."""
    deliver(lines.stack_resources(named(app, env, name).stack), run=run, yes=yes)


def svc_status(app: App = None, env: Env = None, name: Name = None, run: Run = False, yes: Yes = False) -> None:
    """Show tasks, deployments, health of targets and alarms of a service."""
    deliver(lines.svc_status(_of_service(app, env, name)), run=run, yes=yes)


def svc_logs(
    app: App = None,
    env: Env = None,
    name: Name = None,
    container: Container = None,
    task_id: TaskId = None,
    since: Since = "1h",
    follow: Follow = False,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Show the logs of a service, as CloudWatch has them."""
    _logs(named(app, env, name), container, task_id, since, follow, run, yes)


def job_logs(
    app: App = None,
    env: Env = None,
    name: Name = None,
    container: Container = None,
    task_id: TaskId = None,
    since: Since = "1h",
    follow: Follow = False,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Show the logs of a job, those of its state machine too."""
    _logs(named(app, env, name), container, task_id, since, follow, run, yes)


def _logs(
    names: Names, container: str | None, task_id: str | None, since: str, follow: bool, run: bool, yes: bool
) -> None:
    if not re.fullmatch(r"\d+[smhdw]", since):
        raise UsageError(f"--since {since} is no duration", hint="write 30s, 5m, 2h, 1d or 1w")
    at = container or (names.workload if task_id else "")
    found = lines.logs(names, container=at, task_id=_task_id(task_id), since=since, follow=follow)
    deliver(found, run=run, yes=yes)


def svc_exec(
    app: App = None,
    env: Env = None,
    name: Name = None,
    container: Container = None,
    task_id: TaskId = None,
    command: Annotated[str, typer.Option("--command", "-c", metavar="COMMAND", help="What runs.")] = "/bin/sh",
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Run a command in a container of a service. Its manifest needs `exec: true`."""
    names = named(app, env, name)
    found = lines.svc_exec(names, container or names.workload, command, _task_id(task_id))
    deliver(found, run=run, yes=yes, programs=("session-manager-plugin",))


def svc_pause(app: App = None, env: Env = None, name: Name = None, run: Run = False, yes: Yes = False) -> None:
    """Stop every task of a service, until it is resumed or deployed."""
    names, service = _service(app, env, name)
    deliver(lines.set_count(names, service, 0), run=run, yes=yes)


def svc_resume(app: App = None, env: Env = None, name: Name = None, run: Run = False, yes: Yes = False) -> None:
    """Run as many tasks of a service as its manifest says."""
    names, service = _service(app, env, name)
    deliver(lines.set_count(names, service, max(service.desired_count, 1)), run=run, yes=yes)


def job_run(app: App = None, env: Env = None, name: Name = None, run: Run = False, yes: Yes = False) -> None:
    """Run a job now."""
    names = named(app, env, name)
    type = _type(names)
    if type not in (JOB, ""):
        raise UsageError(f"{names.workload} is a {type}", hint=f"`task run -n {names.workload}` runs a task of it once")
    deliver(lines.job_run(names), run=run, yes=yes)


def task_run(
    app: App = None,
    env: Env = None,
    name: Name = None,
    command: Annotated[str, typer.Option("--command", "-c", metavar="COMMAND", help="What runs, in a shell.")] = "",
    container: Container = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10, help="How many tasks.")] = 1,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Run a task of a workload once, with its own image, variables and rights, and another command."""
    if not command:
        raise UsageError("--command is missing", hint="such as `--command 'python manage.py migrate'`")
    names, service = loaded(app, env, name)
    found = lines.task_run(names, service, ["sh", "-c", command], count=count, container=container or "")
    deliver(found, run=run, yes=yes)


def secret_init(
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="The secret's name.")] = "",
    app: App = None,
    env: Env = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a value that is there.")] = False,
    run: Run = False,
    yes: Yes = False,
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
    if run and not sys.stdin.isatty():
        raise UsageError("the value is asked for, and there is no terminal", hint="run the printed lines in one")
    deliver(lines.secret_init(found_app, environments, name, overwrite=overwrite), run=run, yes=yes)


def pipeline_ls(app: App = None, run: Run = False, yes: Yes = False) -> None:
    """List the pipelines of an application."""
    deliver(lines.pipelines(_app(app).app), run=run, yes=yes)


def pipeline_status(
    name: Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="The pipeline.")] = "",
    app: App = None,
    run: Run = False,
    yes: Yes = False,
) -> None:
    """Show the stages of a pipeline that Copilot made."""
    if not re.fullmatch(r"[A-Za-z0-9.@_-]+", name):
        raise UsageError(f"--name {name!r} is no name of a pipeline", hint="`aws pipeline ls` lists them")
    deliver(lines.pipeline_state(_app(app).app, name), run=run, yes=yes)


def _service(app: str | None, env: str | None, name: str | None) -> tuple[Names, Service]:
    names, service = loaded(app, env, name)
    if service.type == JOB:
        raise UsageError(f"{service.name} is a job", hint="`job run` and `job logs` are for jobs")
    return names, service


def _of_service(app: str | None, env: str | None, name: str | None) -> Names:
    """The names of a service, whose manifest is not needed."""
    names = named(app, env, name)
    if _type(names) == JOB:
        raise UsageError(f"{names.workload} is a job", hint="`job run` and `job logs` are for jobs")
    return names


def _type(names: Names) -> str:
    """The type of a workload as its manifest has it, empty where there is no manifest."""
    from emulator.cli.manifest.proposals.untyped_manifest import read_untyped

    try:
        path = find_target(Selection(names.app, names.environment, any_manifest=True)).workspace.manifest_path(
            names.workload
        )
        return read_untyped(path).type if path.is_file() else ""
    except CopilotLocalError:
        return ""


def _task_id(given: str | None) -> str:
    if given is not None and not re.fullmatch(r"[0-9a-f]{4,32}", given):
        raise UsageError(f"--task-id {given} is no id of a task", hint="it has up to 32 of 0-9 and a-f; 4 at least")
    return given or ""
