"""`copilot-local doctor`: is everything there that services need."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emulator.cli.observe import checks
from emulator.cli.observe.checks import Check, Status
from emulator.cli.shell.options import App, Env, Format, Name, OutputFormat
from emulator.errors import CopilotLocalError, EngineError, EngineUnavailable, ExitCode, Unsupported

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.settings import Settings


_REMOVAL_TIMEOUT = 20.0


def doctor(app: App = None, env: Env = None, name: Name = None, format: Format = OutputFormat.TEXT) -> None:
    """Check Docker, builds, images, ports and settings. Exits with 1 if something is broken, 125 without Docker."""
    del app, env, name  # every verb takes them; here they change nothing
    found, code = _examine()
    if format is OutputFormat.JSON:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2, ensure_ascii=False))
    else:
        _print(found)
    if code == ExitCode.OK and any(check.status is Status.BROKEN for check in found):
        code = ExitCode.FAILURE
    raise typer.Exit(code)


def _examine() -> tuple[list[Check], ExitCode]:
    import yaml

    from emulator.engine import connect

    here = [checks.check_yaml(yaml.__with_libyaml__), *checks.check_workspace(Path.cwd())]
    try:
        with closing(connect.connect()) as engine:
            return [*_with_engine(engine), *here], ExitCode.OK
    except EngineUnavailable as error:
        code = ExitCode.NO_DOCKER
        docker = Check("docker", Status.BROKEN, error.message, error.hint)
    except (EngineError, Unsupported) as error:  # it does not answer in time; an address or version we do not know
        code = ExitCode.FAILURE
        docker = Check("docker", Status.BROKEN, error.message, error.hint)
    return [docker, *here], code


def _with_engine(engine: Engine) -> list[Check]:
    from emulator.runtime.listeners.front_probe import is_local
    from emulator.setup import docker_cli, images, substitutes

    settings, app = _settings_and_app()
    references = {
        "pause": images.PAUSE_IMAGE,
        "front": images.FRONT_IMAGE,
        "log router": images.ROUTER_IMAGE,
        "agent base": images.AGENT_BASE_IMAGE,
    }
    containers = engine.list_containers({"copilot-local.app": ""})
    port = settings.front.port or checks.FIRST_PORT
    return [
        checks.check_engine(engine),
        checks.check_log_driver(engine),
        _check_build(engine),
        checks.check_stand_ins(engine, substitutes.read()),
        *checks.check_images(engine, references, settings, docker_cli.why_not_pullable),
        *_check_kernel(engine),
        checks.check_port(port, checks.front_on(containers, port), checks.port_is_free),
        *checks.check_environments(containers, app),
        *checks.check_listeners(containers, is_local(engine), app),
    ]


def _check_kernel(engine: Engine) -> list[Check]:
    """What tasks lack on this kernel. Nothing before the agent's image is there, which has the programs to try it."""
    from emulator.runtime.machine.netem import netem_problem
    from emulator.runtime.machine.open_files import gives_fargates_limit
    from emulator.setup.images import present_agent_image

    image = present_agent_image(engine)
    if not image:
        return []
    return [
        checks.check_faults(netem_problem(engine, image)),
        checks.check_open_files(gives_fargates_limit(engine, image)),
    ]


def _check_build(engine: Engine) -> Check:
    """Builds something tiny, and removes it again."""
    from emulator.setup import process

    with tempfile.TemporaryDirectory(prefix="copilot-local-doctor-") as folder:
        found = checks.check_build(engine.build, Path(folder))
    process.run(["docker", "image", "rm", "--force", checks.BUILD_TAG], timeout=_REMOVAL_TIMEOUT)
    return found


def _settings_and_app() -> tuple[Settings, str | None]:
    """The settings and the app of this folder; none where they are broken, which is a check of its own."""
    from emulator.settings import Settings, load_settings
    from emulator.workspace import find_workspace, resolve_app

    root = app = None
    with suppress(CopilotLocalError):
        workspace = find_workspace(Path.cwd())
        root, app = workspace.root, resolve_app(workspace)
    try:
        return load_settings(root), app
    except CopilotLocalError:
        return Settings(), app


def _print(found: list[Check]) -> None:
    from emulator.display.colours import GREEN, RED, YELLOW, paint, wants_colour

    colour = wants_colour(sys.stdout)
    marks = {
        Status.OK: paint("✓", GREEN, colour),
        Status.NOTE: paint("•", YELLOW, colour),
        Status.BROKEN: paint("✗", RED, colour),
    }
    for check in found:
        typer.echo(f" {marks[check.status]} {check.name}: {check.message}")
        if check.hint:
            typer.echo(f"     hint: {check.hint}")
