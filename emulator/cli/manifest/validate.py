"""`copilot-local validate`: check manifests, without Docker."""

from __future__ import annotations

import contextlib
import enum
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from emulator import __version__
from emulator.app.compile import ignored, patched_volumes
from emulator.app.selection import Selection, Target, environments_of, find_target
from emulator.cli.shell.options import ChosenServices
from emulator.errors import CopilotLocalError, ExitCode, Finding, Severity, UsageError
from emulator.files import read_text
from emulator.settings_files import has_settings
from emulator.workspace import COPILOT_FOLDER, without_services

if TYPE_CHECKING:
    from emulator.manifest import Checked, Options


class FindingsFormat(enum.StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|FOLDER]...", help="Manifests, or folders of them. Default: the workspace."),
    ] = None,
    chosen: ChosenServices = ChosenServices(),
    all_envs: Annotated[
        bool, typer.Option("--all-envs", help="In every environment that a manifest names, not in one.")
    ] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="What Copilot would accept is a warning, as it is for up and render.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="The default: the opposite of --lenient.")] = False,
    copilot: Annotated[
        bool, typer.Option("--copilot", help="What works here and not with the Copilot command is an error too.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="CODE", help="Say what a code means, with an example, and check nothing."),
    ] = None,
    format: Annotated[
        FindingsFormat, typer.Option("--format", help="How to print findings: sarif is for code scanning.")
    ] = FindingsFormat.TEXT,
) -> None:
    """Check manifests: unknown keys, wrong values, and what Copilot would ignore without a word."""
    if explain is not None:
        from emulator.cli.manifest.reference_findings import explanation

        typer.echo(explanation(explain))
        return
    from emulator.manifest import Options

    if lenient and strict:
        raise UsageError("--lenient cannot be combined with --strict")
    if all_envs and chosen.env:
        raise UsageError("--all-envs cannot be combined with -e")
    if paths and chosen.name:
        raise UsageError("-n cannot be combined with paths")
    targets = list(_targets(paths or [], chosen.selection(any_manifest=True)))
    options = Options(strict=not lenient, copilot=copilot)
    checked = [one for target, whole in targets for one in _of_target(target, whole, options, all_envs=all_envs)]
    findings = [finding for one in checked for finding in one.findings]
    findings += _between([target for target, _ in targets], findings, all_envs=all_envs)
    _print(checked, findings, format)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(ExitCode.FAILURE)


def _of_target(target: Target, whole: bool, options: Options, *, all_envs: bool) -> Iterator[Checked]:
    """Everything of a target that is checked; of a `whole` workspace what belongs to no service too.

    Raises InputError where there is nothing to check, or the settings are wrong.
    """
    options = replace(options, ignore=ignored(target.workspace))
    files = _files(target, only_services=not whole)
    if not files:
        raise without_services(target.workspace.root)
    for file in files:
        checked = _check(target, file, options, all_envs=all_envs)
        yield checked
        yield from _deployed(target, file, checked, all_envs=all_envs, strict=options.strict)
    if whole:
        yield from _beside_environments(target, all_envs=all_envs)
    if has_settings(target.workspace.root):
        from emulator.app.named_services import check_settings

        check_settings(target)


def _targets(paths: list[Path], selection: Selection) -> Iterator[tuple[Target, bool]]:
    """What is meant, and whether it is a whole workspace."""
    if not paths:
        yield find_target(selection), not selection.services
    for path in paths:
        for file in _manifests(path):
            yield find_target(replace(selection, start=file)), file.is_dir() and (file / "copilot").is_dir()


def _manifests(path: Path) -> list[Path]:
    """A file as it is; of a folder its own workspace, else the manifests of the workspaces below it, else every file
    below it that is named like a manifest, else the workspace it is in."""
    if not path.is_dir() or (path / "copilot").is_dir():
        return [path]
    below: list[Path] = []
    named: list[Path] = []
    # Unlike `Path.rglob` this goes on where a folder goes away meanwhile.
    for name, folders, files in os.walk(path):
        folder = Path(name)
        if "copilot" in folders:
            with contextlib.suppress(OSError):
                below += (folder / "copilot").glob("*/manifest.yml")
        named += (folder / file for file in files if "manifest" in file and file.endswith((".yml", ".yaml")))
    return sorted(below) or sorted(named) or [path]


def _files(target: Target, *, only_services: bool) -> list[Path]:
    """The manifests of the services that are meant, and those of environments and pipelines where all are."""
    files = [target.workspace.manifest_path(name) for name in target.services]
    if only_services:
        return files
    environments = sorted((target.workspace.root / "copilot" / "environments").glob("*/manifest.yml"))
    return [*files, *environments, *target.workspace.pipelines]


def _check(target: Target, file: Path, options: Options, *, all_envs: bool) -> Checked:
    from emulator.display.failure import shown_path
    from emulator.manifest import check

    root, name = target.workspace.root, _service_of(target, file)
    volumes = patched_volumes(target.workspace, name) if name is not None else ()
    # Where the files are that a manifest names is not known of one that stands alone.
    in_copilot = file.is_relative_to(root / COPILOT_FOLDER)
    return check(
        Path(shown_path(file)),
        environments=None if all_envs else [target.environment],
        variables=target.variables,
        app=target.app,
        options=replace(options, volumes=volumes, root=root if in_copilot else None),
    )


def _has_several_rules(target: Target) -> bool:
    """Whether a rule of a load balancer could hide another one, judged without compiling anything."""
    manifests = list(target.workspace.manifests.values())
    if len(manifests) != 1:
        return bool(manifests)
    try:
        return "additional_rules" in read_text(manifests[0])
    except (OSError, UnicodeDecodeError):
        return False


def _has_workers(target: Target) -> bool:
    """Whether a service may subscribe to topics, judged without compiling anything."""
    for manifest in target.workspace.manifests.values():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if "subscribe" in read_text(manifest):
                return True
    return False


def _has_protocols(target: Target) -> bool:
    """Whether a service may have a name of Service Connect that is no TCP, judged without compiling anything."""
    for manifest in target.workspace.manifests.values():
        for file in (manifest, *(manifest.parent / "overrides").glob("*.yml")):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if "appprotocol" in read_text(file).lower():
                    return True
    return False


def _connect_findings(target: Target) -> list[Finding]:
    """What does not work through the proxies of Service Connect."""
    from emulator.app.load import load_services
    from emulator.app.service_dependencies import connect_findings
    from emulator.events import discard

    with contextlib.suppress(CopilotLocalError):  # what is missing is said where services run
        return connect_findings(target, load_services(target.selection(), discard))
    return []


def _between(targets: list[Target], findings: list[Finding], *, all_envs: bool) -> list[Finding]:
    """What is wrong between services, as far as what was found in each lets it be seen."""
    found: list[Finding] = []
    if any(finding.severity is Severity.ERROR for finding in findings):
        return found
    if any(_has_several_rules(target) for target in targets):
        from emulator.app.hidden_rules import hidden_rules

        found += _each_once(hidden_rules, targets, all_envs=all_envs)
    if not any(finding.severity is Severity.ERROR for finding in found):
        own = [it for it in targets if (it.workspace.root / "copilot" / "environments").is_dir()]
        if own:
            from emulator.app.findings.of_environments import environment_findings

            found += _each_once(environment_findings, own, all_envs=all_envs)
        if subscribing := [target for target in targets if _has_workers(target)]:
            from emulator.app.findings.of_topics import unpublished_topics

            found += _each_once(unpublished_topics, subscribing, all_envs=all_envs)
        found += [one for target in targets if _has_protocols(target) for one in _connect_findings(target)]
    return found


def _environments(target: Target, *, all_envs: bool) -> list[str]:
    """Those in which a target is checked."""
    return (environments_of(target) if all_envs else []) or [target.environment]


def _each_once(find: Callable[[Target], list[Finding]], targets: list[Target], *, all_envs: bool) -> list[Finding]:
    """What is wrong with targets in their environments, each once."""
    found: dict[tuple[object, str], Finding] = {}
    for target in targets:
        for environment in _environments(target, all_envs=all_envs):
            for finding in find(replace(target, environment=environment)):
                found.setdefault((finding.position, finding.message), finding)
    return list(found.values())


def _service_of(target: Target, file: Path) -> str | None:
    """The service whose manifest this is."""
    return next((name for name in target.services if target.workspace.manifest_path(name) == file), None)


def _deployed(target: Target, file: Path, manifest: Checked, *, all_envs: bool, strict: bool) -> list[Checked]:
    """What overrides, patches and addons of a service bring, as files of their own; nothing where it has none."""
    name = _service_of(target, file)
    folders = (file.parent / "overrides", file.parent / "addons")
    if name is None or not (any(it.is_dir() for it in folders) or "taskdef_overrides" in "\n".join(manifest.lines)):
        return []
    from emulator.cli.manifest.validate_deployment import deployment_findings, grouped

    found: list[Finding] = []
    for environment in _environments(replace(target, services=(name,)), all_envs=all_envs):
        found += [it for it in deployment_findings(target, name, environment) if it not in found]
    if not strict:
        found = [replace(it, severity=Severity.WARNING) if it.copilot_accepts else it for it in found]
    return grouped(found, ignored(target.workspace))


def _beside_environments(target: Target, *, all_envs: bool) -> list[Checked]:
    """What is wrong with addons and overrides of environments, with overrides of pipelines, and with names in these;
    nothing where there are none."""
    from emulator.cli.manifest.environments.validation import (
        environment_findings,
        pipeline_findings,
        pipeline_overrides,
    )

    workspace, found = target.workspace, []
    if workspace.environment_addons.is_dir() or workspace.environment_overrides.is_dir():
        found += environment_findings(target, _environments(target, all_envs=all_envs))
    if pipeline_overrides(workspace):
        found += pipeline_findings(workspace)
    if workspace.pipelines:
        from emulator.cli.manifest.pipeline.names import stage_findings

        found += stage_findings(target)
    if not found:
        return []
    from emulator.cli.manifest.validate_deployment import grouped

    return grouped(found, ignored(workspace))


def _reference(file: str) -> str:
    """A file as SARIF names it: a URI reference, relative to the repository, which is where it is scanned, else to the
    workspace, else to this folder; a file outside of them by its whole URI.

    Source: SARIF 2.1.0, 3.4.3 and 3.4.4.
    """
    path = Path(os.path.abspath(file))
    repository = [folder for folder in path.parents if (folder / ".git").exists()]
    workspace = [folder for folder in path.parents if (folder / COPILOT_FOLDER).is_dir()]
    for root in (*repository[:1], *workspace[:1], Path.cwd()):
        if path.is_relative_to(root):
            return quote(path.relative_to(root).as_posix())
    return path.as_uri()


def _print(checked: list[Checked], findings: list[Finding], format: FindingsFormat) -> None:
    if format is not FindingsFormat.TEXT:
        from emulator.manifest.findings.formats import as_json, as_sarif

        if format is FindingsFormat.SARIF:
            findings = [
                replace(one, position=replace(one.position, file=_reference(one.position.file)))
                if one.position
                else one
                for one in findings
            ]
            typer.echo(as_sarif(findings, version=__version__))
        else:
            typer.echo(as_json(findings))
    elif findings:
        from emulator.display.colours import wants_colour
        from emulator.display.failure import render_findings

        typer.echo(render_findings(findings, colour=wants_colour(sys.stdout)))
        typer.echo(
            f"`copilot-local validate --explain {findings[0].code}` says what a code means, with an example", err=True
        )
    else:
        for one in checked:
            typer.echo(f"✓ {one.path} ({one.kind})")
