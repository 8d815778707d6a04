"""From a file to the typed manifest of one environment: parse, interpolate, check, merge, decode, validate."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Variables
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from emulator.errors import Finding, FindingsError, InputError, NotOnEcs, Position, Severity
from emulator.manifest.findings.report import split_path
from emulator.manifest.load.interpolate import Gaps
from emulator.manifest.load.source import (
    ENVIRONMENT,
    PIPELINE,
    REFUSED_TYPES,
    WORKLOAD_TYPES,
    Options,
    Source,
    in_file_order,
)
from emulator.manifest.yaml.nodes import Entry, Mapping, Node, Sequence

if TYPE_CHECKING:
    from emulator.manifest.schema.environment import EnvironmentManifest
    from emulator.manifest.schema.pipeline import PipelineManifest
    from emulator.manifest.schema.workload import Workload


class _Loaded:
    """What all that is loaded has."""

    __slots__ = ()
    path: Path
    tree: Mapping

    def position(self, path: str) -> Position | None:
        """Where a manifest path (`http.path`, `sidecars.nginx.port`, `publish.topics[0].name`) stands in the file: the
        line of its key, or of the list item. None where the file does not have it."""
        found = find(self.tree, path)
        if found is None:
            return None
        node = found.key if isinstance(found, Entry) else found
        return Position(str(self.path), node.line, node.column)


@dataclass(frozen=True, slots=True)
class LoadedManifest(_Loaded):
    """A manifest, typed and merged for one environment, with the warnings that are left.

    `tree` is the merged document with the place of every value; `environments` are the names that the file overrides.
    """

    manifest: Workload
    path: Path
    tree: Mapping
    environment: str | None
    environments: list[str]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoadedEnvironment(_Loaded):
    """An environment's manifest, with the warnings that are left. `tree` has the place of every value, `text` is the
    file as it stands."""

    manifest: EnvironmentManifest
    path: Path
    tree: Mapping
    text: str
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoadedPipeline(_Loaded):
    """A pipeline's manifest, with the warnings that are left."""

    manifest: PipelineManifest
    path: Path
    tree: Mapping
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of checking one file: what kind of manifest it is, and every finding. `lines` is the file's text."""

    path: Path
    kind: str
    findings: list[Finding]
    lines: list[str]


def find(tree: Mapping, path: str) -> Entry | Node | None:
    """The entry of a key, or the list item, at `path`; None where there is none or `path` is no path."""
    try:
        steps = split_path(path)
    except ValueError:
        return None
    here: Node | None = tree
    found: Entry | Node | None = None
    for step in steps:
        if isinstance(step, int):
            if not isinstance(here, Sequence) or step >= len(here.items):
                return None
            found = here = here.items[step]
        else:
            entry = here.entries.get(step) if isinstance(here, Mapping) else None
            if entry is None:
                return None
            found, here = entry, entry.value
    return found


def load(
    path: Path,
    *,
    environment: str | None,
    variables: Variables[str, str],
    app: str,
    strict: bool = True,
    copilot: bool = False,
    ignore: Iterable[str] = (),
    volumes: Iterable[str] = (),
) -> LoadedManifest:
    """Reads the workload manifest at `path` for `environment` (None: without overrides).

    `variables` fill `${NAME}`; `app` is the application's name; the rest is in `Options`. Without `strict` the manifest
    means what Copilot would have made of it.

    Raises InputError where the file cannot be read, FindingsError with every finding where one is an error, NotOnEcs
    for workload types that do not run on ECS.
    """
    source = Source.read(path, Options(strict, copilot, tuple(ignore), tuple(volumes)))
    source.interpolate(variables, app, environment)
    loaded = _typed(source, environment)
    if loaded is None or source.failed():
        raise FindingsError(path, source.findings())
    return loaded


def load_with_gaps(
    path: Path,
    gaps: Gaps,
    *,
    environment: str | None,
    variables: Variables[str, str],
    app: str,
    strict: bool = True,
    ignore: Iterable[str] = (),
    volumes: Iterable[str] = (),
) -> LoadedManifest | None:
    """As `load`, though variables are not defined: `gaps` has those, also where this raises. A value that names one
    keeps its text where that fits, else a stand-in takes its place. None where nothing can be made of the manifest
    without them.

    Raises what `load` raises, for what is wrong whatever the variables' values are.
    """
    while True:
        source = Source.read(path, Options(strict, ignore=tuple(ignore), volumes=tuple(volumes)))
        source.interpolate(variables, app, environment, gaps)
        loaded = _typed(source, environment)
        unfit = source.report.followed - set(gaps.filled)
        if unfit:
            gaps.filled = {*gaps.filled, *unfit}
            continue
        if source.failed() or (loaded is None and not gaps.found):
            raise FindingsError(path, source.findings())
        return loaded


def _typed(source: Source, environment: str | None) -> LoadedManifest | None:
    """The typed manifest; None where something that it needs is missing, which the source reports."""
    path = source.path
    kind = source.kind()
    if kind in REFUSED_TYPES:
        message, hint = REFUSED_TYPES[kind]
        raise NotOnEcs(message, hint=hint, position=source.position_of("type"))
    if kind in (ENVIRONMENT, PIPELINE):
        raise InputError(
            f"this is the manifest of {'an environment' if kind == ENVIRONMENT else 'a pipeline'}, not of a workload",
            hint="give the manifest of a service or a job", position=Position(str(path), 1),
        )  # fmt: skip
    loaded = source.workload(kind, environment) if kind else None
    if loaded is None:
        return None
    manifest, tree, environments = loaded
    return LoadedManifest(manifest, path, tree, environment, environments, source.findings())


def load_environment(
    path: Path,
    *,
    variables: Variables[str, str],
    app: str,
    strict: bool = True,
    ignore: Iterable[str] = (),
    gaps: Gaps | None = None,
) -> LoadedEnvironment:
    """Reads the environment manifest at `path`. `gaps` takes the variables that are not defined, which are findings
    without it. Raises InputError, and FindingsError with every finding."""
    source = Source.read(path, Options(strict, ignore=tuple(ignore)))
    source.interpolate(variables, app, path.parent.name, gaps)
    if source.kind() != ENVIRONMENT:
        raise InputError(f"{path} is not the manifest of an environment", hint="it has `type: Environment`")
    manifest = source.other(ENVIRONMENT)
    if manifest is None or source.failed():
        raise FindingsError(path, source.findings())
    text = "".join(f"{line}\n" for line in source.lines)
    return LoadedEnvironment(cast("EnvironmentManifest", manifest), path, source.root, text, source.findings())


def load_pipeline(path: Path, *, variables: Variables[str, str], app: str, strict: bool = True) -> LoadedPipeline:
    """Reads the pipeline manifest at `path`. Raises InputError, and FindingsError with every finding."""
    source = Source.read(path, Options(strict))
    source.interpolate(variables, app, None)
    if source.kind(report=False) != PIPELINE:
        raise InputError(
            f"{path} is not the manifest of a pipeline", hint="it has `source` and `stages`, and no `type`"
        )
    manifest = source.other(PIPELINE)
    if manifest is None or source.failed():
        raise FindingsError(path, source.findings())
    return LoadedPipeline(cast("PipelineManifest", manifest), path, source.root, source.findings())


def check(
    path: Path,
    *,
    environments: Iterable[str | None] | None,
    variables: Variables[str, str],
    app: str,
    options: Options | None = None,
) -> Checked:
    """Every finding of the manifest at `path`, of whatever kind, in each of `environments` (None: in every one that the
    file names, or without overrides where it names none). A file that cannot be read is a finding too."""
    options = options or Options()
    findings: list[Finding] = []
    try:
        first = Source.read(path, options)
    except FindingsError as error:
        return Checked(path, "", error.findings, [])
    except InputError as error:
        message = error.message.removeprefix(f"{path} ")
        return Checked(path, "", [Finding("CL100", message, Position(str(path), 1), hint=error.hint)], [])
    kind = first.kind(report=False)
    chosen: list[str | None] = list(first.environments() if environments is None else environments) or [None]
    if kind not in WORKLOAD_TYPES:
        chosen = [path.parent.name if kind == ENVIRONMENT else None]
    for number, environment in enumerate(chosen):
        source = Source.read(path, options) if number else first
        source.interpolate(variables, app, environment)
        kind = source.kind()
        if kind in REFUSED_TYPES:
            message, hint = REFUSED_TYPES[kind]
            source.report.add("CL116", source.root.get("type"), "type", message, hint=hint)
        elif kind in (ENVIRONMENT, PIPELINE):
            source.other(kind)
        elif kind:
            source.workload(kind, environment)
        findings.extend(finding for finding in source.findings() if finding not in findings)
    return Checked(path, kind, sorted(_worst(findings), key=in_file_order), first.lines)


def _worst(findings: list[Finding]) -> list[Finding]:
    """What is an error in one environment and a warning in the others, once: as the error."""
    errors = {(finding.code, finding.position) for finding in findings if finding.severity is Severity.ERROR}
    return [
        finding
        for finding in findings
        if finding.severity is Severity.ERROR or (finding.code, finding.position) not in errors
    ]
