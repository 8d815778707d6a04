"""What `copilot-local doctor` looks at. Each check looks only; it changes nothing."""

from __future__ import annotations

import enum
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.engine.interface import BuildSpec
from emulator.errors import CopilotLocalError, InputError

if TYPE_CHECKING:
    from emulator.engine.interface import Container, Engine
    from emulator.settings import Settings

FIRST_PORT = 8080
FRONT_ROLES = ("front", "internal-front")
"""Of the containers that are load balancers."""
BUILD_TAG = "copilot-local-build/doctor:check"
MOST_LINES = 5
_PORTS_TRIED = 50


class Status(enum.StrEnum):
    """How a check came out. Only BROKEN stops services from running."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    status: Status
    message: str
    hint: str = ""


def check_engine(engine: Engine) -> Check:
    """The daemon's version, API and address. Raises EngineUnavailable where none answers."""
    info = engine.info()
    where = f"{info.os}/{info.architecture}, cgroup v{info.cgroup_version}{', rootless' if info.rootless else ''}"
    message = f"Docker {info.version}, API {info.api_version}, {where}, at {info.host}"
    if info.os != "linux":
        return Check("docker", Status.BROKEN, message, "switch Docker to Linux containers")
    return Check("docker", Status.OK, message)


def check_build(build: Callable[[BuildSpec], str], folder: Path) -> Check:
    """Whether an image can be built, the way `up` builds: one of a single small file, in a folder that may be used."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n", encoding="utf-8")
    spec = BuildSpec(folder, folder / "Dockerfile", BUILD_TAG)
    try:
        build(spec)
    except CopilotLocalError as error:
        last = "\n".join(["the last lines of the build:", *error.output[-MOST_LINES:]])
        return Check("build", Status.BROKEN, str(error), f"{error.hint}\n{last}" if error.hint else last)
    return Check("build", Status.OK, "a small image was built")


def check_log_driver(engine: Engine) -> Check:
    """FireLens needs the daemon's fluentd driver, which Podman has not."""
    if "fluentd" in engine.info().log_drivers:
        return Check("fluentd", Status.OK, "the daemon has the fluentd log driver")
    return Check(
        "fluentd",
        Status.BROKEN,
        "the daemon has no fluentd log driver: services with `logging:` cannot run",
        "use Docker Engine or Docker Desktop; Podman has no such driver",
    )


def check_faults(problem: str) -> Check:
    """What fault injection of tasks can do here; `problem` is why the kernel cannot delay packets."""
    if not problem:
        return Check("faults", Status.OK, "tasks can inject black holes, loss of packets and latency")
    why = problem.removeprefix("Error: ").rstrip(".")
    return Check(
        "faults",
        Status.NOTE,
        f"tasks can inject black holes and loss of packets, but no latency: {why}",
        "the kernel that Docker runs on needs sch_prio and sch_netem: `modprobe sch_netem`, where it has modules",
    )


def check_open_files(given: bool) -> Check:
    """Whether tasks get the open-file limit of Fargate."""
    from emulator.runtime.state.conventions import FARGATE_NO_FILE, NO_FILE

    if given:
        return Check("open files", Status.OK, f"tasks get Fargate's limit of {FARGATE_NO_FILE.hard} open files")
    return Check(
        "open files",
        Status.NOTE,
        f"the daemon cannot give tasks Fargate's limit of {FARGATE_NO_FILE.hard} open files; they get {NO_FILE.hard}",
        "raise the limit that the daemon itself runs with, such as LimitNOFILE of its systemd unit",
    )


def set_up() -> str:
    """The command that builds images: in a checkout by its name there, else by the module of the installed package."""
    package = Path(__file__).parents[2]
    return "make setup" if (package.parent / "Makefile").is_file() else f"{sys.executable} -m {package.name}.setup"


def check_stand_ins(engine: Engine, stand_ins: Mapping[str, str]) -> Check:
    """The images that the set-up built because there was no container registry."""
    if not stand_ins:
        return Check("stand-ins", Status.OK, "no image is replaced by a stand-in")
    missing = sorted({image for image in stand_ins.values() if engine.image(image) is None})
    if missing:
        return Check("stand-ins", Status.BROKEN, f"stand-ins are gone: {', '.join(missing)}", f"run `{set_up()}`")
    names = ", ".join(sorted(stand_ins))
    return Check("stand-ins", Status.NOTE, f"stand-ins built from packages take the place of {names}")


def check_images(
    engine: Engine, references: Mapping[str, str], settings: Settings, pullable: Callable[[str], str]
) -> list[Check]:
    """The images that are ours, by what they are for. `pullable` says why one cannot be pulled, empty if it can."""
    checks = []
    for purpose, reference in references.items():
        actual = settings.references.get(reference, reference)
        name = f"image {purpose}"
        shown = reference if actual == reference else f"{reference} (here {actual})"
        if actual == reference and reference in settings.substitute:
            hint = "give an image reference in its place under [substitute] in copilot-local.toml"
            message = f"{reference} is replaced by a folder, which nothing builds here"
            checks.append(Check(name, Status.BROKEN, message, hint))
        elif engine.image(actual) is not None:
            checks.append(Check(name, Status.OK, f"{shown} is here"))
        elif reason := pullable(actual):
            hint = f"run `{set_up()}`, which builds what cannot be pulled"
            checks.append(Check(name, Status.BROKEN, f"{shown} is not here and cannot be pulled: {reason}", hint))
        else:
            checks.append(Check(name, Status.NOTE, f"{shown} is not here yet; `up` pulls it"))
    return checks


def check_port(port: int, holder: str | None, is_free: Callable[[int], bool]) -> Check:
    """The load balancer's port. `holder` names the environment whose front has it."""
    if holder is not None:
        return Check("port", Status.OK, f"127.0.0.1:{port} is the front of {holder}")
    if is_free(port):
        return Check("port", Status.OK, f"127.0.0.1:{port} is free")
    following = next((p for p in range(port + 1, min(port + _PORTS_TRIED, 65536)) if is_free(p)), None)
    if following is None:
        return Check(
            "port", Status.BROKEN, f"127.0.0.1:{port} and those after it are taken", "choose one: `up --port PORT`"
        )
    return Check("port", Status.NOTE, f"127.0.0.1:{port} is taken by another program; `up` takes {following}")


def check_listeners(containers: list[Container], local: bool, app: str | None) -> list[Check]:
    """Whether the load balancers that run answer at their published ports; `local`: those are of this machine.

    What is broken of another app than `app` is a note: services of this one run all the same.
    """
    from emulator.runtime.listeners.front_ports import listeners_on
    from emulator.runtime.listeners.probe import silent

    checks = []
    for container in containers if local else ():
        if container.labels.get("copilot-local.role") in FRONT_ROLES and container.state == "running":
            for port, why in silent(listeners_on(container)).items():
                message = f"127.0.0.1:{port} of {_environment_of(container)} does not answer: {why}"
                hint = "`copilot-local up -d` there starts the load balancer anew"
                checks.append(Check("load balancer", _broken_here(container, app), message, hint))
    return checks


def _broken_here(container: Container, app: str | None) -> Status:
    return Status.BROKEN if container.labels["copilot-local.app"] == app else Status.NOTE


def check_environments(containers: list[Container], app: str | None) -> list[Check]:
    """The environments that run, and what is left of others: a note where it is of another app than `app`."""
    found: dict[tuple[str, str], list[Container]] = {}
    for container in containers:
        key = (container.labels["copilot-local.app"], container.labels.get("copilot-local.env", ""))
        found.setdefault(key, []).append(container)
    if not found:
        return [Check("environments", Status.OK, "no environment runs")]
    checks = []
    for (name, environment), members in sorted(found.items()):
        running = sum(container.state == "running" for container in members)
        agent = any(c.labels.get("copilot-local.role") == "agent" and c.state == "running" for c in members)
        message = f"{name}/{environment}: {running} of {len(members)} containers run"
        if agent:
            checks.append(Check("environments", Status.OK, message))
        else:
            hint = f"`copilot-local down -a {name} -e {environment}` removes them; `up` starts anew"
            status = _broken_here(members[0], app)
            checks.append(Check("environments", status, f"{message}, and no agent looks after them", hint))
    return checks


def check_yaml(with_c_parser: bool) -> Check:
    """Whether PyYAML came with its C parser, without which manifests are read ten times as slowly."""
    if with_c_parser:
        return Check("yaml", Status.OK, "PyYAML has its C parser")
    return Check(
        "yaml",
        Status.BROKEN,
        "PyYAML has no C parser: manifests are read ten times as slowly",
        "install the PyYAML wheel of this platform, or install libyaml's headers and build PyYAML anew",
    )


def check_workspace(start: Path) -> list[Check]:
    """The workspace that this folder is in, and the settings files."""
    from emulator.workspace import find_workspace, resolve_app, resolve_environment

    try:
        workspace = find_workspace(start)
    except InputError as error:
        status = Status.BROKEN if error.position else Status.NOTE
        return [Check("workspace", status, str(error), error.hint), *_check_settings(None)]
    names = f"app {resolve_app(workspace)}, environment {resolve_environment(workspace)}"
    services = ", ".join(workspace.services) or "none"
    found = Check("workspace", Status.OK, f"{workspace.root}: {names}, services {services}")
    return [found, *_check_settings(workspace.root)]


def _check_settings(root: Path | None) -> list[Check]:
    from emulator.settings import load_settings

    try:
        load_settings(root)
    except CopilotLocalError as error:
        return [Check("settings", Status.BROKEN, str(error), error.hint)]
    return []


def port_is_free(port: int) -> bool:
    """Whether something could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Docker's proxy listens without SO_REUSEADDR's help; a port in TIME_WAIT is free for it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def front_on(containers: list[Container], port: int) -> str | None:
    """The environment whose front is published on that host port."""
    for container in containers:
        if container.labels.get("copilot-local.role") in FRONT_ROLES and any(
            published.host_port == port for published in container.ports
        ):
            return _environment_of(container)
    return None


def _environment_of(container: Container) -> str:
    return f"{container.labels['copilot-local.app']}/{container.labels.get('copilot-local.env', '')}"
