"""Where the manifests are: the `copilot/` folder, its services and environments, and the names that follow from it.

Source of the layout: Copilot's `internal/pkg/workspace`. Source of the selection rules: decision 15 of the design.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.errors import FindingsError, InputError, Position, UsageError
from emulator.files import lines_of, read_text
from emulator.settings_files import refuse_dangling
from emulator.spelling import did_you_mean

COPILOT_FOLDER = "copilot"
WORKSPACE_FILE = ".workspace"
MANIFEST_FILE = "manifest.yml"
_OLD_PIPELINE = "pipeline.yml"
"""A workspace's only pipeline, before Copilot gave each a folder of its own. It still reads it."""
DEFAULT_ENVIRONMENT = "test"
VARIABLES_FILE = ".env"
SECRETS_FILE = ".copilot-local/secrets.env"
NOT_SERVICES = ("environments", "pipelines")
"""Folders of `copilot/` that hold no workload."""
NOT_ENVIRONMENTS = ("addons", "overrides")
"""Folders of `copilot/environments/` that apply to every environment."""

_NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,254}\Z")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a `copilot/` folder in it, or, for a manifest that stands elsewhere, that manifest alone.

    `root` is what paths in a manifest (`image.build`, `env_file`) are relative to. `application` is what `.workspace`
    says, None where it says nothing. `manifests` has the manifest of every service, in order of the names;
    `environments` the names of the environments that have a folder, in order.
    """

    root: Path
    application: str | None
    manifests: Mapping[str, Path]
    environments: tuple[str, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services, in order."""
        return tuple(self.manifests)

    @property
    def environment_addons(self) -> Path:
        """The folder of the addon templates of environments, be it there or not."""
        return self.root / COPILOT_FOLDER / "environments" / "addons"

    @property
    def environment_overrides(self) -> Path:
        """The folder of the overrides of environments, be it there or not."""
        return self.root / COPILOT_FOLDER / "environments" / "overrides"

    @property
    def pipelines(self) -> tuple[Path, ...]:
        """The manifests of the pipelines, in order, the one without a folder of its own first."""
        copilot = self.root / COPILOT_FOLDER
        old = copilot / _OLD_PIPELINE
        return (*((old,) if old.is_file() else ()), *sorted((copilot / "pipelines").glob(f"*/{MANIFEST_FILE}")))

    def manifest_path(self, service: str) -> Path:
        """The manifest of a service. Raises UsageError, which names the services there are."""
        try:
            return self.manifests[service]
        except KeyError:
            message = f"there is no service {service} in {self.root / COPILOT_FOLDER}"
            raise UsageError(message, hint=self._hint(service)) from None

    def _hint(self, service: str) -> str:
        """What was meant by the name of a service that is not there: perhaps a container."""
        for name, file in self.manifests.items():
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if re.search(rf"^\s+[\"']?{re.escape(service)}[\"']?\s*:", read_text(file), re.MULTILINE):
                    return f"{service} looks like a container of {name}; services: {', '.join(self.services)}"
        return did_you_mean(service, self.services, "services")

    def environment_manifest_path(self, environment: str) -> Path | None:
        """The manifest of an environment, None where it has none (Copilot made them only from version 1.20)."""
        path = self.root / COPILOT_FOLDER / "environments" / environment / MANIFEST_FILE
        return path if path.is_file() else None


def find_workspace(start: Path, *, services: bool = True) -> Workspace:
    """The workspace that `start` is in, or is.

    `start` is a folder, from which we look upwards for one that holds `copilot/` with at least one manifest or a
    `.workspace` file in it, or the path of a manifest. Without `services`, manifests of environments or pipelines will
    do. Raises InputError, which says where we looked.
    """
    start = Path(os.path.abspath(start))
    if start.is_file():
        return _workspace_of_manifest(start)
    if not start.is_dir():
        raise InputError(f"there is no file or folder {start}", hint="give a manifest, or a folder in a workspace")
    for folder in (start, *start.parents):
        if _is_workspace(folder) or (not services and _holds_other_manifests(folder)):
            return _read_workspace(folder)
    empty = next((folder for folder in (start, *start.parents) if (folder / COPILOT_FOLDER).is_dir()), None)
    if empty is not None:
        raise without_services(empty)
    raise InputError(
        f"no Copilot manifest: looked for {COPILOT_FOLDER}/<service>/{MANIFEST_FILE} in {start} and every folder above",
        hint="run this inside a folder that holds `copilot/`, or give the path of a manifest",
    )


def without_services(root: Path) -> InputError:
    """What is wrong with a workspace that has no service where one is needed."""
    return InputError(
        f"{root / COPILOT_FOLDER} holds no manifest of a service",
        hint=f"a service's manifest is {COPILOT_FOLDER}/<service>/{MANIFEST_FILE}",
    )


def resolve_app(workspace: Workspace, chosen: str | None = None) -> str:
    """The application: `-a`, `.workspace`, else the root folder's name, changed to what a name may be."""
    if chosen is not None:
        return _checked("application", chosen)
    if workspace.application is not None:
        return workspace.application
    name = re.sub(r"[^a-z0-9]+", "-", workspace.root.name.lower()).strip("-")
    return name if _NAME.match(name) else f"app-{name}".rstrip("-")


def resolve_environment(workspace: Workspace, chosen: str | None = None) -> str:
    """The environment: `-e`, the only one declared, else `test`."""
    if chosen is not None:
        return _checked("environment", chosen)
    if len(workspace.environments) == 1:
        return workspace.environments[0]
    return DEFAULT_ENVIRONMENT


def interpolation_variables(
    root: Path, env_file: Path | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What `${NAME}` in a manifest may stand for: the file's variables, and the shell's, which win.

    The file is `env_file`, else `.env` in the root if there is one. Raises InputError where `env_file` is not there or
    a line cannot be read.
    """
    variables = _read_variables(env_file) if env_file is not None else own_variables(root)
    return {**variables, **(os.environ if environ is None else environ)}


def own_variables(root: Path) -> dict[str, str]:
    """The variables of `.env` in the root, if there is one: a virtual environment of Python's may have that name.

    Raises InputError where it cannot be read.
    """
    file = root / VARIABLES_FILE
    refuse_dangling(file)
    if not file.exists() or (file / "pyvenv.cfg").exists():
        return {}
    if file.is_dir():
        raise InputError(
            f"{file} is a folder, not a file of variables",
            hint="remove it: Docker makes one where a file that is to be mounted is not there",
        )
    return _read_variables(file)


def read_secrets(root: Path) -> dict[str, str]:
    """What `.copilot-local/secrets.env` says, if it is there: names of variables, and names and ARNs of secrets. A name
    without a value is not filled in yet and does not count.

    Raises InputError where it cannot be read or a line is none.
    """
    return {name: value for name, value in _secrets(root).items() if value}


def secret_names(root: Path) -> list[str]:
    """The names in `.copilot-local/secrets.env`, those that are not filled in yet too. Raises InputError."""
    return list(_secrets(root))


def _secrets(root: Path) -> dict[str, str]:
    file = root / SECRETS_FILE
    refuse_dangling(file)
    return _read_variables(file, _SECRET_LINE) if file.exists() else {}


def copilot_files(workspace: Workspace) -> list[Path]:
    """The files of `copilot/` that are read for the workspace's services and environments, those that are there."""
    copilot = workspace.root / COPILOT_FOLDER
    files = [copilot / WORKSPACE_FILE, *workspace.manifests.values()]
    files += [copilot / "environments" / name / MANIFEST_FILE for name in workspace.environments]
    folders = [manifest.parent / name for manifest in workspace.manifests.values() for name in NOT_ENVIRONMENTS]
    for folder in (*folders, workspace.environment_addons, workspace.environment_overrides):
        files += sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []
    return [file for file in files if file.exists()]


def secrets_are_exposed(root: Path) -> bool:
    """Whether `.copilot-local/secrets.env` is in a git repository that does not ignore it."""
    if not (root / SECRETS_FILE).is_file():
        return False
    try:
        # The repository's own configuration could name programs to run, also where a folder poses as a repository.
        asked = subprocess.run(
            ["git", *_NO_PROGRAMS, "-C", str(root), "check-ignore", "--quiet", SECRETS_FILE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 1  # 0: ignored, 128: no repository


def _is_workspace(folder: Path) -> bool:
    copilot = folder / COPILOT_FOLDER
    return copilot.is_dir() and ((copilot / WORKSPACE_FILE).is_file() or bool(_manifests(copilot)))


def _holds_other_manifests(folder: Path) -> bool:
    """Whether there are manifests of environments or pipelines."""
    copilot = folder / COPILOT_FOLDER
    others = (any((copilot / kind).glob(f"*/{MANIFEST_FILE}")) for kind in NOT_SERVICES)
    return any(others) or (copilot / _OLD_PIPELINE).is_file()


def _read_workspace(root: Path) -> Workspace:
    copilot = root / COPILOT_FOLDER
    environments = copilot / "environments"
    names = sorted(f.name for f in environments.iterdir() if f.is_dir()) if environments.is_dir() else []
    return Workspace(
        root=root,
        application=_application(copilot / WORKSPACE_FILE),
        manifests=_manifests(copilot),
        environments=tuple(name for name in names if name not in NOT_ENVIRONMENTS),
    )


def _workspace_of_manifest(manifest: Path) -> Workspace:
    """For a manifest that is given by its path: its own workspace with that service only.

    Outside of a `copilot/` folder its paths are relative to the folder it is in; where that folder is in one whose name
    holds `copilot` (`_copilot/api/manifest.yml`), to the folder above, as in a workspace.
    """
    holder = manifest.parent.parent
    if manifest.name == MANIFEST_FILE and holder.name == COPILOT_FOLDER:
        return replace(_read_workspace(holder.parent), manifests={manifest.parent.name: manifest})
    root = holder.parent if COPILOT_FOLDER in holder.name else manifest.parent
    return Workspace(root=root, application=None, manifests={manifest.parent.name: manifest})


def _manifests(copilot: Path) -> dict[str, Path]:
    try:
        folders = sorted(folder for folder in copilot.iterdir() if folder.name not in NOT_SERVICES)
    except OSError as error:
        raise InputError(f"cannot read {copilot}: {error.strerror}") from None
    # A link in a circle or a folder of that name is a manifest that cannot be read, not a folder without one.
    return {folder.name: folder / MANIFEST_FILE for folder in folders if os.path.lexists(folder / MANIFEST_FILE)}


def _application(file: Path) -> str | None:
    """`application:` of a `.workspace` file; None where there is no file."""
    if not file.is_file():
        return None
    if name := _plain_application(file):
        return name
    from emulator.manifest.yaml.nodes import Mapping as Map
    from emulator.manifest.yaml.nodes import Scalar
    from emulator.manifest.yaml.reader import parse_node, read

    try:
        root = parse_node(read(file), str(file))
    except FindingsError as error:
        first = error.findings[0]
        message = f"not readable YAML: {first.message}"
        raise InputError(message, position=first.position, hint=_WORKSPACE_HINT) from None
    node = root.get("application") if isinstance(root, Map) else None
    if node is None:
        raise InputError("no `application` in this file", position=Position(str(file), 1), hint=_WORKSPACE_HINT)
    if not isinstance(node, Scalar) or not _NAME.match(node.text):
        what = repr(node.text) if isinstance(node, Scalar) else "this"
        position = Position(str(file), node.line, node.column)
        raise InputError(f"{what} cannot be the name of an application", position=position, hint=_NAME_HINT)
    return node.text


def _plain_application(file: Path) -> str:
    """The name in a file as Copilot writes it, one line, which needs no YAML parser; empty for any other file."""
    with contextlib.suppress(OSError), file.open("rb") as opened:
        found = _PLAIN_WORKSPACE.fullmatch(opened.read(_LONGEST_LINE))
        return found[1].decode() if found is not None and found[1] != b"null" else ""
    return ""


_LONGEST_LINE = 512
_PLAIN_WORKSPACE = re.compile(rb"application: ([a-z][a-z0-9-]{0,254})\n?")
_WORKSPACE_HINT = "it holds one line: `application: <name>`"
_NAME_HINT = "a name has lower-case letters, digits and hyphens, and starts with a letter"


def _checked(what: str, name: str) -> str:
    if not _NAME.match(name):
        raise UsageError(f"{name!r} cannot be the name of an {what}", hint=_NAME_HINT)
    return name


_VARIABLES_HINT = "it is a regular file of NAME=value lines, in UTF-8"
_LINE = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?P<value>.*?)\s*\Z")
_SECRET_LINE = re.compile(r"\s*(?:export\s+)?(?P<key>[^\s=]+)\s*=\s*(?P<value>.*?)\s*\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def _read_variables(file: Path, form: re.Pattern[str] = _LINE) -> dict[str, str]:
    """`NAME=value` lines, as Compose reads them: `#` comments, `export`, single quotes as they are, double quotes with
    escapes. Values are not interpolated."""
    try:
        text = read_text(file)
    except FileNotFoundError:
        raise InputError(f"there is no file {file}", hint="`--env-file` names a file of NAME=value lines") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", hint=_VARIABLES_HINT) from None
    variables: dict[str, str] = {}
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = form.match(line)
        value = _value(match["value"]) if match else None
        if match is None or value is None:
            problem = "this is not a NAME=value line" if match is None else "the quote is not closed on this line"
            # Without a position, whose line would be shown: it may hold a secret.
            raise InputError(f"{file}:{number}: {problem}", hint="write NAME=value, comments after #")
        variables[match["key"]] = value
    return variables


def _value(text: str) -> str | None:
    """The value that is written as `text`; None where a quote is not closed."""
    if text[:1] not in ("'", '"'):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()
    pattern = r"'([^']*)'" if text[0] == "'" else r'"((?:[^"\\]|\\.)*)"'
    match = re.match(pattern + r"\s*(?:#.*)?\Z", text)
    if match is None:
        return None
    if text[0] == "'":
        return match[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), match[1])
