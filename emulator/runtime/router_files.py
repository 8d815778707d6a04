"""Reads a user's own log router configuration out of the router's image: its outputs must not send anything off."""

from __future__ import annotations

import contextlib
import re
import secrets

from msgspec import Struct, field

from emulator.ecs.identity import task_identity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import InputError, NotFound, Position, Unsupported
from emulator.firelens.local import local_router_configuration
from emulator.firelens.local_aws import CORE_PLUGINS
from emulator.firelens.routing import find_router
from emulator.runtime.names import Names
from emulator.runtime.observed import observe

ENTRYPOINT = "/entrypoint.sh"
"""The start script of AWS's image, which names the plugins that it loads."""


class RouterImage(Struct, frozen=True):
    """What a log router's image holds. `files`: absolute path to text, the user's own configuration files."""

    files: dict[str, str] = field(default_factory=dict)
    go_plugins: tuple[str, ...] = ()


def read_router_image(
    engine: Engine,
    environment: Names,
    definition: TaskDefinition,
    image: str,
    *,
    plugins: bool = False,
    position: Position | None = None,
) -> RouterImage:
    """The configuration file that the router includes, and those that it includes itself; with `plugins` also which of
    AWS's output plugins in Go it loads.

    No files where the router has none of the user's. `image` is the router's image here, which must be local already; a
    container of it is made, read and removed, never started. Raises InputError, with the `position` of what names the
    file, where one is missing.
    """
    router = find_router(definition)
    if router is None or (router.include_path is None and not plugins):
        return RouterImage()
    container = engine.create_container(
        ContainerSpec(
            name=f"{environment.prefix}-read-{secrets.token_hex(4)}", image=image, labels=environment.labels()
        )
    )
    found: dict[str, str] = {}
    go_plugins: tuple[str, ...] = ()

    def read(path: str) -> str | None:
        try:
            found[path] = engine.read_file(container, path).decode()
        except NotFound:
            return None
        except UnicodeDecodeError:
            raise InputError(f"the log router's configuration file {path} is not UTF-8 text") from None
        return found[path]

    try:
        # Whatever the configuration is made for, it asks for the same files.
        identity = task_identity(cluster="any", family=definition.family)
        local_router_configuration(definition, identity, service="any", read=read)
        if plugins:
            with contextlib.suppress(NotFound):
                script = engine.read_file(container, ENTRYPOINT).decode(errors="replace")
                go_plugins = tuple(name for name in CORE_PLUGINS if f"{name}.so" in script)
    except (InputError, Unsupported) as error:
        error.position = error.position or position
        raise
    finally:
        engine.remove(container)
    return RouterImage(found, go_plugins)


def own_filters(engine: Engine, environment: Names) -> dict[str, list[str]]:
    """Service to the plugins of the [FILTER] sections in the user's own file, as its running log routers have it."""
    found: dict[str, list[str]] = {}
    for task in observe(engine, environment).tasks.values():
        if task.router is None or task.service in found:
            continue
        found[task.service] = []
        with contextlib.suppress(NotFound):
            name = task.router.container.name
            main = engine.read_file(name, "/fluent-bit/etc/fluent-bit.conf").decode(errors="replace")
            for path in re.findall(r"(?m)^@INCLUDE (\S+)$", main):
                text = engine.read_file(name, path).decode(errors="replace")
                found[task.service] += re.findall(r"(?mi)^\[FILTER\][^\[]*?^\s+Name\s+(\S+)", text)
    return found
