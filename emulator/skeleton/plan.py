"""Which names go into which file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.missing import Kind, Missing
from emulator.skeleton.toml_text import Entry, comment

TABLES = {
    Kind.VARIABLE: "variables",
    Kind.VALUE: "values",
    Kind.DOCKERFILE: "images",
    Kind.IMAGE: "images",
}
LOGIN_FORM = '{"username": "…", "password": "…"}'


@dataclass(slots=True)
class Plan:
    """Names for the settings file by table, for the secrets file in order, and environment files to make."""

    settings: dict[str, list[Entry]] = field(default_factory=dict)
    secrets: list[Entry] = field(default_factory=list)
    env_files: list[Missing] = field(default_factory=list)


def plan_of(missing: Iterable[Missing], root: Path) -> Plan:
    """Where each missing thing of a workspace gets its place. A secret has the name of its variable, unless several
    secrets have: then its own name in AWS."""
    found = Plan()
    everything = list(missing)
    contents: dict[str, set[str]] = {}
    for one in everything:
        if one.kind is Kind.SECRET:
            contents.setdefault(one.name, set()).add(one.also)
    for one in everything:
        if one.kind in TABLES:
            name = one.also if one.kind is Kind.DOCKERFILE else one.name
            _add(found.settings.setdefault(TABLES[one.kind], []), Entry(name, _settings_comment(one, root)))
        elif one.kind is Kind.SECRET:
            ambiguous = len(contents[one.name]) > 1 and one.also and not any(c in " \t=" for c in one.also)
            _add(found.secrets, Entry(one.also if ambiguous else one.name, _place(one, one.what, root), one.also))
        elif one.kind is Kind.LOGIN:
            _add(found.secrets, Entry(one.name, _place(one, f"{one.what}; {LOGIN_FORM}", root)))
        elif one.kind is Kind.ENV_FILE and one not in found.env_files:
            found.env_files.append(one)
    return found


def secret_lines(entries: Sequence[Entry], present: Iterable[str]) -> tuple[list[str], list[str]]:
    """The lines to add to a secrets file that has the names in `present`, and the names that are new."""
    known = set(present)
    new = [entry for entry in entries if not known & {entry.key, entry.also}]
    return [line for entry in new for line in (comment(entry.comment), f"{entry.key}=")], [one.key for one in new]


def _add(entries: list[Entry], entry: Entry) -> None:
    if entry.key not in [known.key for known in entries]:
        entries.append(entry)


def _settings_comment(one: Missing, root: Path) -> str:
    match one.kind:
        case Kind.DOCKERFILE:
            what = f"{one.name} is not there: put it there, or name an image, a folder or a Dockerfile here"
        case Kind.IMAGE:
            what = f"{one.what}: name another image, or a folder with a Dockerfile"
        case _:
            what = one.what
    return _place(one, what, root)


def _place(one: Missing, what: str, root: Path) -> str:
    where = ""
    if one.position is not None:
        # Relative to the workspace: others read the file too.
        where = f"{os.path.relpath(os.path.abspath(one.position.file), root)}:{one.position.line}"
    return " ".join(part for part in (where, f"({one.service})" if one.service else "", what) if part)
