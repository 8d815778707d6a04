"""`copilot-local validate`: check manifests, without Docker."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.loading import Selection, Target, find_target, load_manifest
from emulator.cli.options import App, Env, EnvFile, Format, Name, OutputFormat
from emulator.errors import ExitCode, Finding, FindingsError, Severity, UsageError


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|FOLDER]...", help="Manifests, or folders that hold some. Else the workspace."),
    ] = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    env_file: EnvFile = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="What Copilot would accept is a warning, as it is for up and render.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="The default: the opposite of --lenient.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Check manifests: unknown keys, wrong values, and what Copilot would ignore without a word."""
    if lenient and strict:
        raise UsageError("--lenient cannot be combined with --strict")
    if paths and name:
        raise UsageError("-n cannot be combined with paths")
    checked: list[str] = []
    findings: list[Finding] = []
    for target in _targets(paths or [], app, env, name, env_file):
        for service in target.services:
            checked.append(str(target.workspace.manifest_path(service)))
            findings += _check(target, service, strict=not lenient)
    if format is OutputFormat.JSON:
        typer.echo(json.dumps([_as_json(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        _print(checked, findings)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(ExitCode.FAILURE)


def _targets(
    paths: list[Path], app: str | None, env: str | None, name: str | None, env_file: Path | None
) -> list[Target]:
    if not paths:
        return [find_target(Selection(app, env, (name,) if name else (), env_file))]
    return [find_target(Selection(app, env, (), env_file), start=file) for path in paths for file in _manifests(path)]


def _manifests(path: Path) -> list[Path]:
    """A file as it is; of a folder its own workspace, else every manifest below it, else the workspace it is in."""
    if not path.is_dir() or (path / "copilot").is_dir():
        return [path]
    below = sorted(path.rglob("copilot/*/manifest.yml"))
    return [file for file in below if file.parent.name not in ("environments", "pipelines")] or [path]


def _check(target: Target, service: str, *, strict: bool) -> list[Finding]:
    try:
        return list(load_manifest(target, service, strict=strict).findings)
    except FindingsError as error:
        return error.findings


def _print(checked: list[str], findings: list[Finding]) -> None:
    from emulator.display.colours import wants_colour
    from emulator.display.failure import render_findings, shown_path

    if findings:
        typer.echo(render_findings(findings, colour=wants_colour(sys.stdout)))
    else:
        for file in checked:
            typer.echo(f"✓ {shown_path(file)}")


def _as_json(finding: Finding) -> dict[str, object]:
    position = finding.position
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "path": finding.path,
        "hint": finding.hint,
        "copilot_accepts": finding.copilot_accepts,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
    }
