"""Reads a user's own log router configuration out of the router's image: its outputs must not send anything off."""

from __future__ import annotations

import contextlib
import posixpath
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.ecs.identity import task_identity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import ContainerSpec, Engine, Image
from emulator.errors import EngineError, InputError, NotFound, Position, Unsupported
from emulator.firelens.classic import read_sections, section_kind
from emulator.firelens.command import router_commands
from emulator.firelens.destinations import EVERY, Destinations
from emulator.firelens.local import local_router_configuration
from emulator.firelens.local_aws import CORE_PLUGINS
from emulator.firelens.option_check import BadOption
from emulator.firelens.routing import Router, find_router
from emulator.firelens.users_files import glob_expression, plain_path
from emulator.runtime.state.names import Names, sealed
from emulator.runtime.state.observed import observe

ENTRYPOINT = "/entrypoint.sh"
"""The start script of AWS's image, which names the plugins that it loads."""


SHADOWED = (
    "the log router's image has a configuration of its own at /fluent-bit/etc/fluent-bit.conf; it is not used, here or "
    "on ECS: FireLens puts its file in that place"
)
SHADOWED_HINT = "build it into the image under another path, and name that by `logging.configFilePath`"


@dataclass(frozen=True, slots=True)
class RouterImage:
    """What a log router's image holds. `files`: absolute path to text, the user's own configuration files."""

    files: dict[str, str] = field(default_factory=dict)
    go_plugins: tuple[str, ...] | None = None
    """None where it was not asked for."""
    working_directory: str = "/"
    """Where its program starts."""
    shadowed: bool = False
    """It has a configuration of its own where FireLens puts its file."""


def read_router_image(
    engine: Engine,
    environment: Names,
    definition: TaskDefinition,
    image: str,
    *,
    plugins: bool = False,
    position: Position | None = None,
    image_position: Position | None = None,
    everything_leaves: bool = False,
) -> RouterImage:
    """The configuration file that the router includes, and those that it includes itself; with `plugins` also which of
    AWS's output plugins in Go it loads.

    No files where the router has none of the user's. `image` is the router's image here, which must be local already; a
    container of it is made, read and removed, never started. Raises InputError, with the `position` of what names the
    file, where one is missing; with `image_position` where the image's command gives Fluent Bit another main file than
    FireLens's, unless `everything_leaves` by the user's own choice.
    """
    router = find_router(definition)
    if router is None:
        return RouterImage()
    found = engine.image(image)
    working = router.container.working_directory or (found.working_directory if found else "") or "/"
    if router.include_path is None and not plugins and found is not None and _is_stock(router, found):
        return RouterImage(working_directory=working)
    container = engine.create_container(
        ContainerSpec(
            name=f"{environment.prefix}-read-{secrets.token_hex(4)}", image=image, labels=sealed(environment.labels())
        )
    )
    try:
        reader = _Reader(engine, container)
        if found is not None and not everything_leaves:
            _refuse_other_main_file(router, found, reader, image_position)
        with _at(position):
            # Whatever the configuration is made for, it asks for the same files.
            identity = task_identity(cluster="any", family=definition.family)
            local_router_configuration(
                definition,
                identity,
                service="any",
                destinations=Destinations({EVERY: "live"} if everything_leaves else {}),
                read=reader.read,
                find=reader.find,
                working_directory=working,
            )
        files = dict(reader.texts)
        go_plugins: tuple[str, ...] | None = None
        if plugins:
            script = reader.look(ENTRYPOINT) or ""
            go_plugins = tuple(name for name in CORE_PLUGINS if f"{name}.so" in script)
        return RouterImage(files, go_plugins, working, is_own_main_file(reader.look(router.config_path)))
    finally:
        engine.remove(container)


class _Reader:
    """Reads files of a container that was only created."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self.texts: dict[str, str] = {}
        """What `read` found."""

    def read(self, path: str) -> str | None:
        """A configuration file; None where it is not there. Raises InputError where it is no text."""
        if path in self.texts:
            return self.texts[path]
        try:
            self.texts[path] = self._engine.read_file(self._container, path).decode()
        except NotFound:
            return None
        except UnicodeDecodeError:
            raise InputError(f"the log router's configuration file {path} is not UTF-8 text") from None
        return self.texts[path]

    def find(self, pattern: str) -> list[str]:
        """The files that a pattern matches."""
        folder = posixpath.dirname(re.split(r"[*?\[]", pattern, maxsplit=1)[0]) or "/"
        if folder == "/":
            raise Unsupported(
                f"the log router's configuration includes {pattern}, a pattern over the whole image",
                hint="include files of one folder",
            )
        expression = glob_expression(pattern)
        return [path for path in self._engine.list_files(self._container, folder) if expression.fullmatch(path)]

    def look(self, path: str) -> str | None:
        """Any file; what is no text in it is replaced."""
        with contextlib.suppress(EngineError):
            return self._engine.read_file(self._container, path).decode(errors="replace")
        return None


@contextlib.contextmanager
def _at(position: Position | None) -> Iterator[None]:
    try:
        yield
    except (InputError, Unsupported) as error:
        if not isinstance(error, BadOption):  # that one knows better
            error.position = error.position or position
        raise


def _is_stock(router: Router, image: Image) -> bool:
    """Whether the router is AWS's image (or what stands in for it), with the image's own command."""
    own = router.container.entry_point or router.container.command
    known = all("aws-for-fluent-bit:" in tag or tag.startswith("copilot-local/fluent-bit:") for tag in image.tags)
    return not own and bool(image.tags) and known and (*image.entrypoint, *image.command) == (ENTRYPOINT,)


def _refuse_other_main_file(router: Router, image: Image, reader: _Reader, position: Position | None) -> None:
    """Raises InputError where Fluent Bit is seen to run on another main file than FireLens's, or to get outputs from
    the command line."""
    container = router.container
    entry = tuple(container.entry_point or ()) or image.entrypoint
    command = tuple(container.command or ()) or (() if container.entry_point else image.command)
    variables = dict(pair.partition("=")[::2] for pair in image.environment)
    variables |= {pair.name: pair.value for pair in container.environment if isinstance(pair.value, str)}
    commands = router_commands((*entry, *command), reader.look, variables)
    shown = " ".join((*entry, *command))
    hint = (
        f"let the command give {router.config_path}, and name your file by `logging.configFilePath`; or send every "
        'record for real: [logs.destinations] "*" = "live"'
    )
    for one in commands:
        if one.outputs:
            message = f"the log router's command adds the output {one.outputs[0]}, which nothing here captures: {shown}"
            raise InputError(message, position=position, hint=hint)
    seen = [one.config for one in commands]
    if seen and all(path is not None and plain_path(path) != router.config_path for path in seen):
        runs_on = f"on {seen[0]}" if seen[0] else "without a configuration file"
        raise InputError(
            f"the log router's command starts Fluent Bit {runs_on}, not on {router.config_path}, which FireLens "
            f"generates: its outputs would not be captured ({shown})",
            position=position,
            hint=hint,
        )


def is_own_main_file(text: str | None) -> bool:
    """Whether an image's file at FireLens's place is more than what AWS's image has there: a forward input, and an
    output for all that comes."""
    if text is None:
        return False
    try:
        sections = read_sections(text, "", lambda _: "")
    except InputError:
        return True
    shapes = [(section_kind(section.name), section.first("name").lower()) for section in sections]
    return shapes not in ([("input", "forward"), ("output", name)] for name in ("cloudwatch", "stdout"))


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
