"""`copilot-local firelens`: what the log router is told."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.loading import Selection, load_one, region
from emulator.cli.options import App, Env, EnvFile, Name, Strict
from emulator.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.firelens.local import Difference


class Which(enum.StrEnum):
    """Which of the two files to print."""

    BOTH = "both"
    ECS = "ecs"
    LOCAL = "local"


def config(
    service: Annotated[str | None, typer.Argument(help="The service, where the workspace has several.")] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    env_file: EnvFile = None,
    strict: Strict = False,
    only: Annotated[Which, typer.Option("--only", help="Print one of the two files alone.")] = Which.BOTH,
) -> None:
    """Print the router's configuration as ECS would generate it, the one in use here, and why they differ."""
    from emulator.display import make_display
    from emulator.ecs.identity import task_identity
    from emulator.firelens.ecs_config import ecs_router_configuration
    from emulator.firelens.local import local_router_configuration

    display = make_display()
    services = tuple(dict.fromkeys(filter(None, (name, service))))
    loaded = load_one(Selection(app, env, services, env_file), display.emit, strict=strict)
    task = loaded.service.task_definition
    if task.log_router is None:
        raise InputError(
            f"service {loaded.service.name} has no log router",
            hint="`logging:` with a `destination:` in its manifest adds one",
        )
    identity = task_identity(
        cluster=f"{loaded.service.app}-{loaded.service.environment}",
        family=task.family,
        task_id="0" * 32,
        region=region(),
    )
    ecs = ecs_router_configuration(task, identity)
    local = local_router_configuration(
        task, identity, service=loaded.service.name, fidelity=loaded.settings.logs.fidelity
    )
    if only is Which.ECS:
        sys.stdout.write(ecs)
    elif only is Which.LOCAL:
        sys.stdout.write(local.text)
    else:
        sys.stdout.write(_both(ecs, local.path, local.text, local.differences))


def _both(ecs: str, path: str, local: str, differences: Iterable[Difference]) -> str:
    lines = ["# ---- what ECS generates ----", ecs.rstrip(), "", f"# ---- in use here: {path} ----", local.rstrip(), ""]
    lines.append("# ---- the differences ----")
    for number, difference in enumerate(differences, start=1):
        lines.append(f"# {number}. {difference.reason}")
        lines += [f"#    - {line}" for line in difference.ecs]
        lines += [f"#    + {line}" for line in difference.local]
    return "\n".join(lines) + "\n"
