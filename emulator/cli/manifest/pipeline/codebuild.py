"""Reads a buildspec of CodeBuild: its commands in order, and what has no place outside of CodeBuild.

Source: AWS CodeBuild user guide, "Build specification reference for CodeBuild", version 0.2.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emulator.errors import InputError, Position
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar
from emulator.manifest.yaml.nodes import Sequence as List
from emulator.render.pipeline.model import Script

PHASES = ("install", "pre_build", "build", "post_build")
_ELSEWHERE = ("artifacts", "batch", "cache", "proxy", "reports")
_KNOWN = ("version", "run-as", "env", "phases", *_ELSEWHERE)
_PHASE_KEYS = ("commands", "finally", "runtime-versions", "run-as", "on-failure")
_COPILOT = re.compile(r"(?:^|[\s;&|(/])copilot(?:-linux)?\s+(?:app|deploy|env|job|pipeline|secret|storage|svc|task)\b")
_PLACEHOLDER = 'echo "Run your tests"'
"""What Copilot's own buildspec has where a test could be."""


@dataclass(slots=True)
class Reading:
    """What a buildspec says, and what the user must know of it: a text and a place each."""

    script: Script
    notes: list[tuple[str, Position]] = field(default_factory=list)


def read_buildspec(root: Node | None, file: str, phases: Sequence[str] = PHASES) -> Reading:
    """The commands of these phases. Raises InputError with file and line where it is no buildspec of version 0.2."""
    if not isinstance(root, Mapping):
        raise InputError(f"{file} is no buildspec", hint="it is a map with `version: 0.2` and `phases`")
    reader = _Reader(file)
    return reader.read(root, phases)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.notes: list[tuple[str, Position]] = []

    def at(self, node: Node) -> Position:
        return Position(self.file, node.line, node.column)

    def read(self, root: Mapping, phases: Sequence[str]) -> Reading:
        version = root.get("version")
        if not isinstance(version, Scalar) or version.text not in ("0.2", "0.1"):
            raise InputError(
                "a buildspec has `version: 0.2`", position=self.at(version or root), hint="CodeBuild refuses another"
            )
        for name, entry in root.entries.items():
            if name in _ELSEWHERE:
                self.note(f"`{name}` is CodeBuild's own and is left out", entry.key)
            elif name not in _KNOWN:
                raise InputError(
                    f"{name!r} is no key of a buildspec",
                    position=self.at(entry.key),
                    hint=f"one of {', '.join(_KNOWN)}",
                )
        variables, before = self.environment(root.get("env"))
        lines: list[str] = []
        last: list[str] = []
        found = root.get("phases")
        if not isinstance(found, Mapping):
            raise InputError("a buildspec has `phases`", position=self.at(found or root), hint="a map of its phases")
        for name, entry in found.entries.items():
            if name not in PHASES:
                raise InputError(
                    f"{name!r} is no phase", position=self.at(entry.key), hint=f"one of {', '.join(PHASES)}"
                )
        for name in phases:
            commands, finally_ = self.phase(found.get(name), name)
            lines += commands
            last += finally_
        return Reading(Script((*before, *lines) if lines else (), variables, tuple(last)), self.notes)

    def note(self, text: str, node: Node) -> None:
        self.notes.append((text, self.at(node)))

    def phase(self, node: Node | None, name: str) -> tuple[list[str], list[str]]:
        if node is None or (isinstance(node, Scalar) and not node.text):
            return [], []
        if not isinstance(node, Mapping):
            raise InputError(f"the phase {name} is a map", position=self.at(node), hint="with `commands`")
        for key, entry in node.entries.items():
            if key not in _PHASE_KEYS:
                raise InputError(
                    f"{key!r} is no key of a phase",
                    position=self.at(entry.key),
                    hint=f"one of {', '.join(_PHASE_KEYS)}",
                )
            if key == "runtime-versions":
                self.note("`runtime-versions` is left out: programs are those of the runner", entry.key)
            elif key in ("run-as", "on-failure"):
                self.note(f"`{key}` is left out: a command that fails ends the step", entry.key)
        return list(self.commands(node.get("commands"))), list(self.commands(node.get("finally")))

    def commands(self, node: Node | None) -> Iterator[str]:
        items = node.items if isinstance(node, List) else [] if node is None else [node]
        for item in items:
            if not isinstance(item, Scalar):
                raise InputError("a command is text", position=self.at(item), hint="quote it: a colon makes it a map")
            if item.text.strip() in ("", _PLACEHOLDER):
                continue
            if _COPILOT.search(item.text):
                self.note("calls Copilot; `copilot-local aws …` prints what takes its place", item)
            yield item.text.rstrip("\n")

    def environment(self, node: Node | None) -> tuple[dict[str, str], list[str]]:
        """Variables that are plain, and lines that fetch the others."""
        if not isinstance(node, Mapping):
            return {}, []
        plain: dict[str, str] = {}
        lines: list[str] = []
        for key, entry in node.entries.items():
            if key == "variables":
                plain = dict(self.pairs(entry.value))
            elif key == "parameter-store":
                lines += [_parameter(name, value) for name, value in self.pairs(entry.value)]
            elif key == "secrets-manager":
                lines += [_secret(name, value) for name, value in self.pairs(entry.value)]
            elif key == "shell" and isinstance(entry.value, Scalar) and entry.value.text in ("bash", "sh", "/bin/sh"):
                continue
            elif key in ("exported-variables", "git-credential-helper"):
                self.note(f"`env.{key}` is CodeBuild's own and is left out", entry.key)
            else:
                raise InputError(
                    f"`env.{key}` cannot be carried over", position=self.at(entry.key), hint="commands run in bash"
                )
        return plain, lines

    def pairs(self, node: Node) -> Iterator[tuple[str, str]]:
        if not isinstance(node, Mapping):
            raise InputError("this is a map of names to values", position=self.at(node), hint="write `NAME: VALUE`")
        for name, entry in node.entries.items():
            if not isinstance(entry.value, Scalar) or not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise InputError(f"{name!r} is no variable with a text", position=self.at(entry.key))
            yield name, entry.value.text


def _parameter(name: str, parameter: str) -> str:
    return (
        f"{name}=$(aws ssm get-parameter --with-decryption --name {shlex.quote(parameter)}"
        f" --query Parameter.Value --output text)\nexport {name}"
    )


def _secret(name: str, reference: str) -> str:
    """`secret-id:json-key:version-stage:version-id`; an ARN has six colons before the key."""
    parts = reference.split(":")
    whole = 7 if parts[0] == "arn" else 1
    id = ":".join(parts[:whole])
    key, stage, version = (*parts[whole:], "", "", "")[:3]
    words = [f"aws secretsmanager get-secret-value --secret-id {shlex.quote(id)}"]
    words += [f"--version-stage {shlex.quote(stage)}"] if stage else []
    words += [f"--version-id {shlex.quote(version)}"] if version else []
    words.append("--query SecretString --output text")
    words += [f"| jq -r {shlex.quote(f'.[{_json(key)}]')}"] if key else []
    return f"{name}=$({' '.join(words)})\nexport {name}"


def _json(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
