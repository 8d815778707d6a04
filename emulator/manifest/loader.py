"""From a file to the typed manifest of one environment: parse, interpolate, check, merge, decode, validate."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Variables
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from emulator.errors import Finding, FindingsError, Position, Severity, Unsupported
from emulator.manifest.interpolate import interpolate
from emulator.manifest.nodes import Entry, Mapping, Node, Scalar, Sequence
from emulator.manifest.reader import parse, read
from emulator.manifest.report import Report, child, split_path
from emulator.manifest.scalars import is_null
from emulator.manifest.suggest import closest

if TYPE_CHECKING:
    from emulator.manifest.schema.manifest import Manifest
    from emulator.manifest.schema.workload import Workload

WORKLOAD_TYPES: Final = {
    "Load Balanced Web Service": ("load_balanced_web_service", "LoadBalancedWebService"),
    "Backend Service": ("backend_service", "BackendService"),
    "Worker Service": ("worker_service", "WorkerService"),
    "Scheduled Job": ("scheduled_job", "ScheduledJob"),
}
"""Each supported `type` with the module and class of its model."""

_REFUSED: Final = {
    "Request-Driven Web Service": (
        "a Request-Driven Web Service runs on AWS App Runner, not on ECS: there is no task to emulate",
        "a Load Balanced Web Service with the same image, port and variables runs here",
    ),
    "Static Site": (
        "a Static Site is files on S3 and CloudFront: there is no container to run",
        "any file server serves it locally (python -m http.server)",
    ),
}


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A manifest, typed and merged for one environment, with the warnings that are left.

    `tree` is the merged document with the place of every value; `environments` are the names that the file overrides.
    """

    manifest: Manifest
    path: Path
    tree: Mapping
    environment: str | None
    environments: list[str]
    findings: list[Finding] = field(default_factory=list)

    def position(self, path: str) -> Position | None:
        """Where a manifest path (`http.path`, `sidecars.nginx.port`, `publish.topics[0].name`) stands in the file: the
        line of its key, or of the list item. None where the file does not have it."""
        entry = find(self.tree, path)
        if entry is None:
            return None
        node = entry.key if isinstance(entry, Entry) else entry
        return Position(str(self.path), node.line, node.column)


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
) -> LoadedManifest:
    """Reads the workload manifest at `path` for `environment` (None: without overrides).

    `variables` fill `${NAME}`; `app` is the application's name. With `strict`, findings that Copilot would have gone on
    with are errors; without, they are warnings and the manifest means what Copilot would have made of it.

    Raises InputError where the file cannot be read, FindingsError with every finding where one is an error, Unsupported
    for workload types that do not run on ECS.
    """
    file = str(path)
    text = read(path)
    root = parse(text, file)
    report = Report(file)
    interpolate(root, variables, app=app, environment=environment, report=report)
    block = _workload_type(root, report)
    if block is None:
        raise FindingsError(file, report.findings)
    return _load(root, block, path, environment, report, strict=strict)


def _load(
    root: Mapping, block: type[Workload], path: Path, environment: str | None, report: Report, *, strict: bool
) -> LoadedManifest:
    from emulator.manifest.decode import Decoder
    from emulator.manifest.merge import merge

    overrides = _overrides(root, report)
    checker = Decoder(report, partial=True)
    base = Mapping({k: v for k, v in root.entries.items() if k != "environments"}, "", root.line, root.column)
    checker.block(base, block, "")
    for name, override in overrides.items():
        if override is not None:
            checker.block(_without(override, ("name", "type"), name, report), block, child("environments", name))
    override = overrides.get(environment) if environment is not None else None
    tree = merge(root, override, block, environment or "")
    manifest = Decoder(report).block(tree, block, "")
    findings = report.findings
    if not strict:
        findings = [
            replace(finding, severity=Severity.WARNING) if finding.copilot_accepts else finding for finding in findings
        ]
    findings.sort(key=lambda finding: (finding.position.line, finding.position.column) if finding.position else (0, 0))
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise FindingsError(str(path), findings)
    return LoadedManifest(cast("Manifest", manifest), path, tree, environment, list(overrides), findings)


def _without(override: Mapping, names: Iterable[str], environment: str, report: Report) -> Mapping:
    """An environment's override without keys that only the base can have."""
    for name in names:
        if (entry := override.entries.get(name)) is not None:
            place = child(child("environments", environment), name)
            message = f"{name} cannot be overridden; Copilot ignores it here"
            report.add("CL101", entry.key, place, message, hint="remove it", copilot_accepts=True)
    return Mapping({k: v for k, v in override.entries.items() if k not in names}, "", override.line, override.column)


def _overrides(root: Mapping, report: Report) -> dict[str, Mapping | None]:
    """The environments of the manifest, each with its override (None where it is null)."""
    node = root.get("environments")
    if node is None or (isinstance(node, Scalar) and is_null(node)):
        return {}
    if not isinstance(node, Mapping):
        report.add("CL103", node, "environments", "takes a map from an environment's name to what differs there")
        return {}
    overrides: dict[str, Mapping | None] = {}
    for name, entry in node.entries.items():
        if isinstance(entry.value, Mapping):
            overrides[name] = entry.value
        elif isinstance(entry.value, Scalar) and is_null(entry.value):
            overrides[name] = None
        else:
            report.add("CL103", entry.value, child("environments", name), "takes a map of what differs there")
    return overrides


def _workload_type(root: Mapping, report: Report) -> type[Workload] | None:
    """The model of the manifest's `type`; None where it is missing or unknown, which is reported."""
    entry = root.entries.get("type")
    if entry is None:
        hint = "one of " + ", ".join(WORKLOAD_TYPES)
        report.add("CL106", root, "type", "the manifest has no type", hint=hint)
        return None
    name = entry.value.text if isinstance(entry.value, Scalar) else ""
    if name in _REFUSED:
        message, hint = _REFUSED[name]
        raise Unsupported(message, hint=hint, position=Position(report.file, entry.key.line, entry.key.column))
    if name not in WORKLOAD_TYPES:
        meant = closest(name, [*WORKLOAD_TYPES, *_REFUSED])
        hint = f"did you mean {meant}?" if meant else "one of " + ", ".join(WORKLOAD_TYPES)
        report.add("CL107", entry.value, "type", f"{name!r} is not a workload type", hint=hint)
        return None
    module, model = WORKLOAD_TYPES[name]
    return cast("type[Workload]", getattr(import_module(f"emulator.manifest.schema.{module}"), model))
