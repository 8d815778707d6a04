"""One file on its way to a manifest."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Variables
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from emulator.errors import Finding, Position, Severity
from emulator.manifest.findings.report import Report, child
from emulator.manifest.findings.suppression import silence
from emulator.manifest.load.interpolate import Gaps, interpolate
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar, Sequence
from emulator.manifest.yaml.reader import parse, read
from emulator.manifest.yaml.scalars import is_null
from emulator.spelling import suggestion

if TYPE_CHECKING:
    from emulator.manifest.schema.base import Block
    from emulator.manifest.schema.workload import Workload

WORKLOAD_TYPES: Final = {
    "Load Balanced Web Service": ("load_balanced_web_service", "LoadBalancedWebService"),
    "Backend Service": ("backend_service", "BackendService"),
    "Worker Service": ("worker_service", "WorkerService"),
    "Scheduled Job": ("scheduled_job", "ScheduledJob"),
}
"""Each supported `type` with the module and class of its model."""
ENVIRONMENT: Final = "Environment"
PIPELINE: Final = "Pipeline"
"""Not a `type`: what a manifest is called that has `source` and `stages` and no type."""

REFUSED_TYPES: Final = {
    "Request-Driven Web Service": (
        "a Request-Driven Web Service runs on AWS App Runner, not on ECS: there is no task to emulate",
        "`copilot-local render manifest` proposes a Load Balanced Web Service with the same image, port and variables",
    ),
    "Static Site": (
        "a Static Site is files on S3 and CloudFront: there is no container to run",
        "any file server serves it locally (python -m http.server); `copilot-local render static-site` renders a stack",
    ),
}
"""Types that are recognised and refused: why, and what else serves."""
_BASE_ONLY: Final = ("name", "type", "environments")


@dataclass(frozen=True, slots=True)
class Options:
    """How strictly a manifest is looked at.

    `strict`: findings that Copilot would have gone on with are errors. `copilot`: what works here and not with the
    Copilot binary is an error too. `ignore`: codes that are not wanted. `volumes`: names of volumes that patches add to
    the task definition.
    """

    strict: bool = True
    copilot: bool = False
    ignore: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    root: Path | None = None
    """The workspace, below which the files that manifests name are looked for; None: they are not."""


def in_file_order(finding: Finding) -> tuple[int, int, str]:
    """The key that sorts findings by their place."""
    position = finding.position
    return (position.line, position.column, finding.code) if position else (0, 0, finding.code)


@dataclass(slots=True)
class Source:
    """One file on its way to a manifest."""

    path: Path
    lines: list[str]
    root: Mapping
    report: Report
    options: Options
    environment: str | None = None
    _final: list[Finding] | None = None

    @classmethod
    def read(cls, path: Path, options: Options) -> Source:
        file = str(path)
        text = read(path)
        document = parse(text, file)
        report = Report(file, copilot=options.copilot)
        if document.rest is not None:
            place = Scalar("", None, "", document.rest, 1)
            message = "a second document begins here; Copilot reads only the first"
            report.add("CL114", place, "", message, hint="remove it", copilot_accepts=True)
        return cls(path, text.splitlines(), document.root, report, options)

    def interpolate(
        self, variables: Variables[str, str], app: str, environment: str | None, gaps: Gaps | None = None
    ) -> None:
        self.environment = environment
        interpolate(self.root, variables, app=app, environment=environment, report=self.report, gaps=gaps)

    def position_of(self, key: str) -> Position | None:
        entry = self.root.entries.get(key)
        return Position(str(self.path), entry.key.line, entry.key.column) if entry else None

    def environments(self) -> Iterable[str]:
        node = self.root.get("environments")
        return list(node.entries) if isinstance(node, Mapping) else []

    def kind(self, *, report: bool = True) -> str:
        """The workload type, `Environment`, `Pipeline`, or nothing where it is missing or unknown (reported)."""
        entry = self.root.entries.get("type")
        if entry is None:
            if "source" in self.root.entries and ("stages" in self.root.entries or "version" in self.root.entries):
                return PIPELINE
            if report:
                hint = "one of " + ", ".join(WORKLOAD_TYPES)
                self.report.add("CL106", self.root, "type", "the manifest has no type", hint=hint)
            return ""
        name = entry.value.text if isinstance(entry.value, Scalar) else ""
        known = [*WORKLOAD_TYPES, *REFUSED_TYPES, ENVIRONMENT]
        if name in known:
            return name
        if report:
            hint = suggestion(name, known, "one of " + ", ".join(WORKLOAD_TYPES))
            self.report.add("CL107", entry.value, "type", f"{name!r} is not a workload type", hint=hint)
        return ""

    def workload(self, kind: str, environment: str | None) -> tuple[Workload, Mapping, list[str]] | None:
        """The workload for `environment`, its merged tree, and the environments it names; None where something required
        is missing. Everything found is reported."""
        from emulator.manifest.load.decode import Decoder
        from emulator.manifest.load.merge import merge
        from emulator.manifest.rules import check_block, check_workload
        from emulator.manifest.rules.overrides import environment_names, names_of_variables, override_names

        module, name = WORKLOAD_TYPES[kind]
        block = cast("type[Workload]", getattr(import_module(f"emulator.manifest.schema.{module}"), name))
        overrides = self._overrides(block)
        environment_names(self.root, self.report, self._known_environments())
        incomplete = override_names(self.root, overrides, environment, self.report)
        checker = Decoder(self.report, block, partial=True, known=names_of_variables(self.root))
        checker.block(_without(self.root, ("environments",)), block, "")
        for environment_name, override in overrides.items():
            if override is not None:
                path = child("environments", environment_name)
                checker.block(self._override(override, path), block, path)
        override = overrides.get(environment) if environment is not None else None
        if override is not None:
            override = _without(override, _BASE_ONLY)
        lost: list[Node] = []
        tree = merge(self.root, override, block, environment or "", lost)
        for node in lost:
            message = "changes nothing: Copilot keeps the other form that the base gives, and looks at that one"
            hint = "give the base the same form, or leave the key to the environments"
            path = child("environments", environment or "") + _path_to(node, override)
            self.report.add("CL109", node, path, message, hint=hint, copilot_accepts=True)
        decoder = Decoder(self.report, block, rule=check_block(self.report, kind), names=False)
        manifest = decoder.block(tree, block, "")
        self.report.drop("CL106", incomplete)
        if not isinstance(manifest, block):
            return None
        check_workload(manifest, tree, self.report, self.options.volumes, self.options.root)
        self._check_name(manifest.name)
        return manifest, tree, list(overrides)

    def _known_environments(self) -> list[str]:
        """The environments of the workspace that the manifest stands in, by their manifests."""
        folder = self.path.absolute().parent.parent / "environments"
        return [file.parent.name for file in folder.glob("*/manifest.yml")]

    def other(self, kind: str) -> Block | None:
        """The manifest of an environment or a pipeline."""
        from emulator.manifest.load.decode import Decoder
        from emulator.manifest.rules.others import check_other
        from emulator.manifest.schema.environment import EnvironmentManifest
        from emulator.manifest.schema.pipeline import PipelineManifest

        block: type[Block] = EnvironmentManifest if kind == ENVIRONMENT else PipelineManifest
        manifest = Decoder(self.report, block).block(self.root, block, "")
        if not isinstance(manifest, EnvironmentManifest | PipelineManifest):
            return None
        check_other(manifest, self.root, self.report, self.options.root)
        self._check_name(manifest.name)
        return manifest

    def _check_name(self, name: str) -> None:
        """Copilot finds a manifest by its folder, and wants the two names to agree."""
        folder = self.path.absolute().parent
        if self.path.name != "manifest.yml" or "copilot" not in (folder.parent.name, folder.parent.parent.name):
            return
        if name != folder.name:
            message = f"the name is {name!r}, the folder's {folder.name!r}; Copilot wants them to be the same"
            entry = self.root.entries["name"]
            self.report.add(
                "CL113", entry.value, "name", message, warning=True, copilot_refuses=True,
                hint=f"write name: {folder.name}, or rename the folder",
            )  # fmt: skip

    def _overrides(self, block: type[Workload]) -> dict[str, Mapping | None]:
        """The environments of the manifest, each with its override (None where it is null)."""
        from emulator.manifest.schema.shapes import keys_of

        node = self.root.get("environments")
        if node is None or is_null(node):
            return {}
        if not isinstance(node, Mapping):
            message = "takes a map from an environment's name to what differs there"
            self.report.add("CL103", node, "environments", message)
            return {}
        overrides: dict[str, Mapping | None] = {}
        for name, entry in node.entries.items():
            path = child("environments", name)
            if name in keys_of(block) and name not in ("name", "type"):
                message = f"{name} is taken for an environment's name"
                hint = f"put it below an environment: environments.<name>.{name}"
                self.report.add("CL102", entry.key, path, message, hint=hint, copilot_accepts=True)
                continue
            if isinstance(entry.value, Mapping):
                overrides[name] = entry.value
            elif is_null(entry.value):
                overrides[name] = None
                if block.__name__ == "ScheduledJob":
                    message = "is empty, and Copilot crashes on an empty environment of a Scheduled Job"
                    self.report.add(
                        "CL109", entry.key, path, message, hint="remove it", warning=True, copilot_refuses=True
                    )
            else:
                self.report.add("CL103", entry.value, path, "takes a map of what differs there")
        return overrides

    def _override(self, override: Mapping, path: str) -> Mapping:
        """An environment's override without keys that only the base can have, which are reported."""
        for name in _BASE_ONLY:
            if (entry := override.entries.get(name)) is not None:
                message = f"{name} cannot be overridden; Copilot ignores it here"
                self.report.add("CL101", entry.key, child(path, name), message, hint="remove it", copilot_accepts=True)
        return _without(override, _BASE_ONLY)

    def findings(self) -> list[Finding]:
        """What was found, silenced, softened and sorted as the options say."""
        if self._final is None:
            findings = [self._prefixed(finding) for finding in self.report.findings]
            findings = silence(findings, self.lines, str(self.path), self.options.ignore)
            if not self.options.strict:
                findings = [
                    replace(finding, severity=Severity.WARNING) if finding.copilot_accepts else finding
                    for finding in findings
                ]
            self._final = sorted(findings, key=in_file_order)
        return self._final

    def failed(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings())

    def _prefixed(self, finding: Finding) -> Finding:
        """A finding in the merged manifest, with the path that its value has in the file."""
        node = self.root.get("environments")
        if not isinstance(node, Mapping) or not finding.position or finding.path.startswith("environments"):
            return finding
        override = node.entries.get(self.environment or "")
        place = (finding.position.line, finding.position.column)
        if override is None or not (override.key.line, override.key.column) <= place <= _end(override.value):
            return finding
        return replace(finding, path=child("environments", override.key.text) + "." + finding.path)


def _path_to(wanted: Node, node: Node | None) -> str:
    """The path from `node` to a key below it, to be added to the path of `node`; empty where it is not there."""
    for entry in node.entries.values() if isinstance(node, Mapping) else ():
        step = child("-", entry.key.text).removeprefix("-")
        if entry.key is wanted:
            return step
        if path := _path_to(wanted, entry.value):
            return step + path
    return ""


def _end(node: Node) -> tuple[int, int]:
    """The line and column at which the last thing in `node` begins."""
    place = (node.line, node.column)
    if isinstance(node, Mapping):
        for entry in node.entries.values():
            place = max(place, (entry.key.line, entry.key.column), _end(entry.value))
    elif isinstance(node, Sequence):
        for item in node.items:
            place = max(place, _end(item))
    return place


def _without(node: Mapping, names: Iterable[str]) -> Mapping:
    return Mapping({key: entry for key, entry in node.entries.items() if key not in names}, "", node.line, node.column)
