"""Writes the skeleton: adds what is new to files, makes those that are not there, and touches nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from emulator.engine.docker_ignore import ignore_file, read_ignore
from emulator.errors import InputError
from emulator.files import read_bytes
from emulator.missing import Missing
from emulator.settings_files import FILE_NAME
from emulator.skeleton.editor import MANIFESTS, SCHEMA_FILE, SETTINGS_FILE, with_schema
from emulator.skeleton.plan import Plan, secret_lines
from emulator.skeleton.toml_text import with_entries
from emulator.workspace import SECRETS_FILE, secret_names

FOLDER = ".copilot-local"
IGNORED = f"{FOLDER}/.gitignore"
_SETTINGS_HEADER = """\
# What this machine or this team wants of copilot-local, and the manifests should not know.
# Empty text means: not filled in yet. `copilot-local reference settings` explains every key.
"""
_SECRETS_HEADER = """\
# Values of secrets, for this machine only: NAME=value. Keep this file out of git.
"""
_EXAMPLES = (".example", ".sample", ".template", ".dist", ".tmpl")


@dataclass(slots=True)
class Written:
    """What was written: file to what is new in it; files to fill in; what could not be written, and why."""

    files: dict[str, str] = field(default_factory=dict)
    fill_in: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Writer:
    """Writes into one workspace. Raises InputError for a file that cannot be written, or that is broken."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.written = Written()

    def settings(self, plan: Plan) -> None:
        """Names for `copilot-local.toml`, by table."""
        before = self._read(FILE_NAME)
        text = before or _SETTINGS_HEADER
        new = []
        for table, entries in plan.settings.items():
            text, keys = with_entries(text, table, entries, FILE_NAME)
            new += [f"[{table}] {', '.join(keys)}"] if keys else []
        if new:
            self.written.fill_in.append(FILE_NAME)
        if text != before:
            self._write(FILE_NAME, text, "; ".join(new) or "to start with")

    def secrets(self, plan: Plan) -> None:
        """Names for the secrets file, which its owner alone may read and git ignores."""
        if not (self._root / IGNORED).is_file():
            self._write(IGNORED, "*\n", "git ignores the folder")
        before = self._read(SECRETS_FILE)
        lines, names = secret_lines(plan.secrets, secret_names(self._root) if before else ())
        if names:
            self.written.fill_in.append(SECRETS_FILE)
        if names or not before:
            gap = "\n" if before and not before.endswith("\n") else ""
            text = (before or _SECRETS_HEADER) + gap + "".join(f"{line}\n" for line in lines)
            self._write(SECRETS_FILE, text, ", ".join(names) or "to start with", private=True)

    def env_file(self, missing: Missing) -> None:
        """An environment file that a manifest names: a copy of an example beside it, or an empty one."""
        path = self._root / missing.name
        if missing.what or not _is_below(path.parent, self._root):
            self.written.notes.append(
                f"{missing.name} ({missing.service}) is not below the workspace: write it yourself"
            )
            return
        example = next((one for one in _examples(path) if one.is_file()), None)
        if example is None:
            text = f"# Environment file of {missing.service}: NAME=value lines, taken as they stand\n"
        else:
            text = self._read(str(example.relative_to(self._root)))
        what = f"a copy of {example.name}" if example is not None else f"the environment file of {missing.service}"
        self._write(missing.name, text, what)
        self.written.fill_in.append(missing.name)
        if _ignored_by_git(self._root, missing.name) is False:
            self._append_line(".gitignore", f"/{Path(missing.name).as_posix()}", f"git ignores {missing.name}")

    def docker_ignore(self, builds: Iterable[tuple[Path, Path]], env_files: Iterable[str]) -> None:
        """Keeps the folder and private environment files out of images that are built from a folder that holds them.
        `builds`: contexts and Dockerfiles."""
        names = [FOLDER, *dict.fromkeys(env_files)]
        for context, dockerfile in sorted(set(builds)):
            if not context.is_dir():
                continue
            ignored, file = read_ignore(context, dockerfile), ignore_file(context, dockerfile)
            for name in names:
                path = (self._root / name).resolve()
                if not path.is_relative_to(context.resolve()) or path.relative_to(context.resolve()) in ignored:
                    continue
                line = path.relative_to(context.resolve()).as_posix()
                if _is_below(file.parent, self._root):
                    self._append_line(os.path.relpath(file, self._root), line, f"images are built without {name}")
                else:
                    self.written.notes.append(f"{file} is not in the workspace; add to it: {line}")

    def editor(self, schema: Callable[[], str]) -> None:
        """The schema of manifests, and the editor's setting that names it."""
        text = schema()
        if self._read(SCHEMA_FILE) != text:
            self._write(SCHEMA_FILE, text, "schema of manifests for editors")
        before = self._read(SETTINGS_FILE)
        after = with_schema(before)
        if after is None:
            self.written.notes.append(
                f'{SETTINGS_FILE} is left alone; add to it: "yaml.schemas": {{"{SCHEMA_FILE}": ["{MANIFESTS}"]}}'
            )
        elif after != before:
            self._write(SETTINGS_FILE, after, "the editor checks manifests against the schema")

    def _append_line(self, name: str, line: str, what: str) -> None:
        before = self._read(name)
        if line in [one.strip() for one in before.splitlines()]:
            return
        gap = "\n" if before and not before.endswith("\n") else ""
        self._write(name, f"{before}{gap}{line}\n", what)

    def _read(self, name: str) -> str:
        try:
            return read_bytes(self._root / name).decode()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name} cannot be read: {error}", hint="nothing was changed in it") from None

    def _write(self, name: str, text: str, what: str, *, private: bool = False) -> None:
        path = self._root / name
        if not _is_below(path.parent, self._root):
            raise InputError(
                f"{name} is not written: {path.parent} leads outside of the workspace",
                hint="replace the link by a folder of the workspace's own",
            )
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, flags, 0o600 if private else 0o644), "wb") as file:
                file.write(text.encode())
        except OSError as error:
            raise InputError(f"{name} cannot be written: {error.strerror}", hint="mend that and run it again") from None
        self.written.files[name] = what


def _is_below(folder: Path, root: Path) -> bool:
    """Whether a folder, links followed, is the root or below it; parts of it may not be there yet."""
    return folder.resolve().is_relative_to(root.resolve())


def _examples(path: Path) -> Iterable[Path]:
    """Where people keep an example of an environment file: `web.env.example`, `example.env`, `.env.example`."""
    yield from (path.with_name(path.name + ending) for ending in _EXAMPLES)
    yield from (path.with_name(path.stem + ending + path.suffix) for ending in _EXAMPLES)
    yield path.with_name(f"example{path.suffix}")
    yield from (path.with_name(f".env{ending}") for ending in _EXAMPLES)


def git_ignores(root: Path, name: str) -> bool:
    """Whether a file is in a git repository that ignores it."""
    return _ignored_by_git(root, name) is True


def _ignored_by_git(root: Path, name: str) -> bool | None:
    """Whether git ignores a file; None where there is no repository, or no git."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(root), "check-ignore", "--quiet", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {0: True, 1: False}.get(asked.returncode)
