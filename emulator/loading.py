"""From what a command or a test selects to services ready to run or render: reads, merges, checks and compiles."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from msgspec.structs import replace

from emulator.errors import Finding, InputError, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.missing import Blockers
from emulator.settings_files import FILE_NAME, has_settings
from emulator.spelling import did_you_mean
from emulator.workspace import (
    COPILOT_FOLDER,
    DEFAULT_ENVIRONMENT,
    SECRETS_FILE,
    Workspace,
    find_workspace,
    interpolation_variables,
    read_secrets,
    resolve_app,
    resolve_environment,
    secrets_are_exposed,
)

if TYPE_CHECKING:
    from emulator.compiler.context import Surroundings
    from emulator.ecs.service import Service
    from emulator.manifest import LoadedManifest
    from emulator.runtime.names import Names
    from emulator.runtime.secrets.sources import SecretChoice
    from emulator.runtime.up_request import UpRequest
    from emulator.settings import Debugging, LogPolicy, Settings
    from emulator.surroundings import Deployment

LOG_POLICIES = ("capture", "local-aws", "live")
ADDON_CODE, PATCH_CODE, OVERRIDE_CODE, REGISTRATION_CODE = "CL142", "CL143", "CL138", "CL144"
"""The codes of findings about addons, patches, overrides and the task definition that these lead to."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected. `services` are names or paths of manifests; none means all. `start` is where the workspace is
    looked for, else the working directory; `variables` win over the file's and the shell's."""

    app: str | None = None
    environment: str | None = None
    services: tuple[str, ...] = ()
    env_file: Path | None = None
    start: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    with_deps: bool = False
    """The services that those which are named call belong to it too."""
    any_manifest: bool = False
    """A workspace that has manifests of environments and pipelines only will do."""
    task_definition: Path | None = None
    """A plain ECS task definition to run instead of services of a workspace."""
    env_files: Mapping[str, Path] = field(default_factory=dict)
    """Files read in place of those that manifests name: `SERVICE` or `SERVICE/CONTAINER` to the file."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many tasks of a service run, in place of the manifest's number."""
    new_environment: bool = False
    """The environment may be one that the workspace does not declare."""


@dataclass(frozen=True, slots=True)
class Target:
    """One environment of one workspace, and the services of it that are meant."""

    workspace: Workspace
    app: str
    environment: str
    services: tuple[str, ...]
    variables: Mapping[str, str]
    """What `${NAME}` in manifests stands for."""
    process: Mapping[str, str] = field(default_factory=dict)
    """The shell's variables and those of the file; without what the settings say, which a repository may bring."""


@dataclass(frozen=True, slots=True)
class LoadedService:
    """A service, compiled for the environment, with everything that belongs to it on this machine."""

    service: Service
    settings: Settings
    workspace: Workspace
    findings: tuple[Finding, ...]
    manifest: LoadedManifest | None = None
    surroundings: Surroundings | None = None
    deployment: Deployment | None = None


def find_target(selection: Selection) -> Target:
    """The workspace, the names, and the services that are meant (all of the workspace where none is named).

    Raises InputError where there is no manifest, UsageError where a name is not there.
    """
    paths = [Path(service) for service in selection.services if is_path(service)]
    if len(paths) > 1 or (paths and len(selection.services) > 1):
        raise UsageError(
            "a manifest's path cannot be combined with other services",
            hint="name the services of one workspace instead",
        )
    start = paths[0] if paths else selection.start or Path.cwd()
    workspace = find_workspace(start, services=not selection.any_manifest)
    names = workspace.services if paths or not selection.services else selection.services
    for name in names:
        workspace.manifest_path(name)
    if selection.environment is not None and not selection.new_environment:
        _refuse_unknown_environment(workspace, selection.environment)
    process = {**interpolation_variables(workspace.root, selection.env_file), **selection.variables}
    return Target(
        workspace=workspace,
        app=resolve_app(workspace, selection.app),
        environment=resolve_environment(workspace, selection.environment),
        services=names,
        variables={**_settings_variables(workspace), **process},
        process=process,
    )


def _refuse_unknown_environment(workspace: Workspace, name: str) -> None:
    """Raises UsageError where the workspace declares environments, and none of that name."""
    if known := others_declared(workspace, name):
        raise UsageError(
            f"there is no environment {name} in {workspace.root / COPILOT_FOLDER}",
            hint=f"{did_you_mean(name, known, 'environments')}; --new-env takes {name} all the same",
        )


def others_declared(workspace: Workspace, name: str) -> set[str]:
    """The environments that the workspace declares, where it does not declare the one of that name; else none."""
    from emulator.settings import load_settings

    if name in (*workspace.environments, DEFAULT_ENVIRONMENT):
        return set()
    known = {*workspace.environments, *_overridden(workspace.manifests.values())}
    known |= load_settings(workspace.root).environments.keys()
    return set() if name in known else known


def _overridden(manifests: Iterable[Path]) -> set[str]:
    """The environments that manifests have something of their own for; those of a broken manifest are not known."""
    from emulator.manifest.source import Options, Source

    found: set[str] = set()
    for manifest in manifests:
        with contextlib.suppress(InputError):
            found.update(Source.read(manifest, Options(strict=False)).environments())
    return found


def _settings_variables(workspace: Workspace) -> Mapping[str, str]:
    if not has_settings(workspace.root):
        return {}
    from emulator.settings import load_settings

    return load_settings(workspace.root).variables


def environments_of(target: Target) -> list[str]:
    """Every environment that the workspace or a manifest of these services names, in order."""
    manifests = [target.workspace.manifest_path(service) for service in target.services]
    return sorted({*target.workspace.environments, *_overridden(manifests)})


def find_names(selection: Selection) -> tuple[str, str]:
    """Application and environment alone, for verbs that work without a manifest too when both are given."""
    if selection.app and selection.environment:
        empty = Workspace(root=Path.cwd(), application=None, manifests={})
        return resolve_app(empty, selection.app), resolve_environment(empty, selection.environment)
    workspace = find_workspace(Path.cwd())
    return resolve_app(workspace, selection.app), resolve_environment(workspace, selection.environment)


def load_services(
    selection: Selection,
    emit: Emit,
    *,
    strict: bool = False,
    given: Deployment | None = None,
    https: bool | None = None,
    blockers: Blockers | None = None,
) -> list[LoadedService]:
    """Loads, checks and compiles every service that is meant; findings that do not stop us are emitted as warnings.
    `given`: they are to be deployed, and this is what the options say of it; without it they run here, and `https` says
    whether with an HTTPS listener (None: what the settings say, else where a deployment would have one).

    A workload that does not run on ECS is passed over with a warning where it was not named. What is missing or wrong
    goes to `blockers`; without them, raises one error that tells all of it, and what `find_target` raises.
    """
    from emulator.service_loader import ServiceLoader

    found = Blockers() if blockers is None else blockers
    loaded, passed_over = ServiceLoader(selection, emit, strict, given, https, found).all()
    if passed_over and not loaded and not found:
        found.errors.append(passed_over[0])
    if blockers is None or not (loaded or blockers.missing):
        found.raise_any()
    return loaded


def compiled(
    target: Target, name: str, manifest: LoadedManifest, where: Deployment, *, here: bool, https: bool | None
) -> tuple[Service, Surroundings]:
    """One service, and what around it makes it so."""
    from emulator.compiler import compile_service
    from emulator.surroundings import surroundings

    around = surroundings(target.workspace, name, manifest.manifest, where, here=here, https=https)
    service = compile_service(
        manifest.manifest,
        app=target.app,
        environment=target.environment,
        position=manifest.position,
        path=str(manifest.path),
        surroundings=around,
    )
    return service, around


def up_request(
    selection: Selection,
    emit: Emit,
    *,
    strict: bool,
    replacements: Mapping[str, str],
    debug: Mapping[str, Debugging] | None = None,
    port: int | None = None,
    https: bool | None = None,
    https_port: int | None = None,
    internal_port: int | None = None,
    timing: str = "local",
    wait: bool = False,
    wait_timeout: int | None = None,
    retain: bool = False,
    foreground: bool = False,
    credentials: str | None = None,
    logs: Sequence[str] = (),
    secrets: SecretChoice | None = None,
    look: Callable[[UpRequest, Blockers], None] | None = None,
    blockers: Blockers | None = None,
) -> UpRequest:
    """Everything that `up` needs to know, from options, workspace, settings and manifests.

    Raises what these have wrong, TrustNeeded where the workspace asks for what the user did not give it, and
    MissingError with everything that is missing. Where something is, `look` adds what takes a look at the machine
    (images, ports), so that it is all told at once. With `blockers` nothing of that is raised: it is all there, and
    neither AWS nor the user is asked for anything.
    """
    from emulator.hidden_rules import warn_hidden_rules
    from emulator.https import certificates
    from emulator.neighbours import warn_out_of_reach, with_dependencies
    from emulator.permissions import TASKS_GET, asked_for, tasks_get
    from emulator.runtime.credentials import task_role
    from emulator.runtime.debugging import check_options
    from emulator.runtime.image_sources import ImageSources
    from emulator.runtime.names import Names
    from emulator.runtime.needs import demands, missing_values, with_counts
    from emulator.runtime.port_choice import check_port_options
    from emulator.runtime.private import collect_private
    from emulator.runtime.secrets.logins import RegistryLogins
    from emulator.runtime.secrets.sources import SecretValues
    from emulator.runtime.secrets.wanted import Finder
    from emulator.runtime.up_request import SupportImages, UpRequest
    from emulator.setup.images import FRONT_IMAGE, PAUSE_IMAGE, ensure_agent_image, ensure_aws_image
    from emulator.trust.check import require

    found = Blockers() if blockers is None else blockers
    workspace: Workspace | None = None
    loaded: list[LoadedService] = []
    if selection.task_definition is not None:
        root, names, variables, services = load_task_definition(selection, selection.task_definition, https)
        complete = True
    else:
        if selection.with_deps:
            selection = with_dependencies(selection, emit)
        target = find_target(selection)
        root, names, variables = target.workspace.root, Names(target.app, target.environment), target.process
        workspace = target.workspace
        loaded = load_services(selection, emit, strict=strict, https=https, blockers=found)
        known = {one.service.name for one in loaded}
        complete = not found.errors and known.issuperset(
            one.service for one in found.missing if one.service in target.services
        )
        services = with_counts([one.service for one in loaded], selection.counts, complete=complete)
        if not selection.services and blockers is None:
            services = _without_jobs(services, emit, found)
        warn_out_of_reach(target, services, emit)
        warn_hidden_rules(target, services, emit, https)
    asked = asked_for(
        root,
        services,
        selection=selection,
        workspace=workspace,
        loaded=loaded,
        credentials=credentials,
        secrets=secrets,
        destinations=log_destinations(logs),
    )
    if blockers is None:
        require(asked)
    settings = asked.settings.with_wait_timeout(wait_timeout)
    check_port_options(services, port, internal_port)
    if secrets_are_exposed(root):
        emit(Event(EventKind.WARNING, SECRETS_FILE, "git does not ignore it: `echo '*' > .copilot-local/.gitignore`"))
    values = SecretValues(variables, read_secrets(root), settings.secrets, secrets)
    finder = Finder(dict(settings.values), region())
    if debug:
        check_options(debug, services)
    demanding = [service for service in services if demands(service)]
    for service in demanding:
        found.add(*missing_values(service, settings.values, region()))
    wanted = []
    with found.collecting():
        wanted = [login for service in demanding for login in finder.logins(service)]
    logins = RegistryLogins(wanted, values)
    sources = ImageSources(root, settings.substitute, replacements, settings.images, logins)
    if complete:  # else there are containers that are not known
        sources.check_names(services)
        sources.check_table(services)
    for service in demanding:
        found.add(*sources.missing(service))
    private = collect_private(
        demanding, root, finder, values, env_files=selection.env_files, blockers=found, may_ask=blockers is None
    )
    role = None
    if blockers is None:
        role = task_role(asked.credentials, variables, region())
    if role is not None:
        private.task_roles = {service.name: role for service in services}
    if not found:
        private.certificates = certificates(services, emit)
        if gets := tasks_get(asked, role, values):
            emit(Event(EventKind.INFO, TASKS_GET, gets))
    request = UpRequest(
        environment=names,
        services=services,
        settings=settings,
        workspace=root,
        support=SupportImages(
            PAUSE_IMAGE, FRONT_IMAGE, lambda engine: ensure_agent_image(emit, engine), lambda: ensure_aws_image(emit)
        ),
        private=private,
        logins=logins,
        replacements=replacements,
        env_files=selection.env_files,
        debug=debug or {},
        port=port,
        https_port=https_port,
        internal_port=internal_port,
        region=region(),
        timing=timing,
        wait=wait,
        retain=retain,
        foreground=foreground,
        log_names=frozenset(log_destinations(logs)),
    )
    if found and look is not None:
        look(request, found)
    if blockers is None:
        found.raise_any()
    return request


def log_destinations(chosen: Sequence[str]) -> dict[str, LogPolicy]:
    """`--logs` options, `POLICY` or `NAME=POLICY`, as policies by name. Raises UsageError for one that is neither."""
    found: dict[str, LogPolicy] = {}
    for option in chosen:
        name, separator, policy = option.rpartition("=")
        if policy not in LOG_POLICIES or (separator and not name):
            near = difflib.get_close_matches(policy, LOG_POLICIES, n=1)
            meant = f"did you mean {name}{separator}{near[0]}? " if near else ""
            raise UsageError(
                f"--logs takes POLICY or NAME=POLICY, not {option!r}",
                hint=f"{meant}policies: {', '.join(LOG_POLICIES)}; a name is a container's or an output plugin's",
            )
        found[name or "*"] = cast("LogPolicy", policy)
    return found


def load_task_definition(
    selection: Selection, path: Path, https: bool | None
) -> tuple[Path, Names, Mapping[str, str], list[Service]]:
    """What runs a plain task definition: its folder is the workspace, its family the application and the service."""
    from emulator.ecs.plain import read_task_definition, refuse_problems, service_of
    from emulator.runtime.names import Names
    from emulator.settings import load_settings

    if selection.services:
        raise UsageError("--task-definition cannot be combined with services: it runs the one that the file describes")
    definition = read_task_definition(path)
    root = path.resolve().parent
    refuse_problems(definition, path, ecs_limits=load_settings(root).time.ecs_limits)
    names = Names(selection.app or definition.family, selection.environment or DEFAULT_ENVIRONMENT)
    service = service_of(definition, app=names.app, environment=names.environment, path=str(path))
    if https or (https is None and load_settings(root).front.https):
        rules = [replace(rule, name="https", listener="HTTPS") for rule in service.listener_rules]
        service = replace(service, listener_rules=[*service.listener_rules, *rules])
    return root, names, interpolation_variables(root, selection.env_file), [service]


def _without_jobs(services: list[Service], emit: Emit, blockers: Blockers) -> list[Service]:
    """What a bare `up` runs: jobs wait until `run` is asked for them, and what they lack is not needed before."""
    jobs = [service for service in services if service.type == "Scheduled Job"]
    names = {job.name for job in jobs}
    blockers.missing[:] = [one for one in blockers.missing if one.service not in names]
    for job in jobs:
        hint = f"a job is not started with the services; `copilot-local run {job.name}` runs it once"
        emit(Event(EventKind.INFO, job.name, hint))
    rest = [service for service in services if service.type != "Scheduled Job"]
    if jobs and not rest and not blockers:
        raise UsageError("there is no service to run, only jobs", hint=f"`copilot-local run {services[0].name}`")
    return rest


def registration_findings(loaded: LoadedService) -> list[Finding]:
    """Everything that keeps the task definition of a service from being registered, at its line."""
    from emulator.compiler.registration import registration_problems

    assert loaded.manifest is not None
    assert loaded.surroundings is not None
    manifest, around = loaded.manifest, loaded.surroundings
    return [
        Finding(REGISTRATION_CODE, problem.message, position, path, problem.hint)
        for problem, path, position in registration_problems(
            loaded.service, manifest.manifest, around, manifest.position
        )
    ]


def load_manifest(target: Target, name: str, *, strict: bool = False) -> LoadedManifest:
    """One manifest, merged for the environment and checked. Messages name it as the user would."""
    from emulator.manifest import load

    return load(**manifest_arguments(target, name, strict))


class ManifestArguments(TypedDict):
    """What the manifest of a service is loaded with."""

    path: Path
    environment: str
    variables: Mapping[str, str]
    app: str
    strict: bool
    ignore: tuple[str, ...]
    volumes: tuple[str, ...]


def manifest_arguments(target: Target, name: str, strict: bool) -> ManifestArguments:
    """What the manifest of a service is loaded with. Messages name it as the user would."""
    from emulator.display.failure import shown_path

    return {
        "path": Path(shown_path(target.workspace.manifest_path(name))),
        "environment": target.environment,
        "variables": target.variables,
        "app": target.app,
        "strict": strict,
        "ignore": ignored(target.workspace),
        "volumes": patched_volumes(target.workspace, name),
    }


def patched_volumes(workspace: Workspace, name: str) -> tuple[str, ...]:
    """The names of the volumes that a service's patches add. None where they cannot be read: that is an error where
    they are applied."""
    if not (workspace.manifest_path(name).parent / "overrides").is_dir():
        return ()
    from emulator.compiler.patches import added_volumes
    from emulator.surroundings import patches_of

    try:
        return tuple(sorted(added_volumes(patches_of(workspace, name))))
    except InputError:
        return ()


def ignored(workspace: Workspace) -> tuple[str, ...]:
    """The codes of findings that the settings silence. Raises InputError where the settings are wrong."""
    if not has_settings(workspace.root):
        return ()
    from emulator.manifest.codes import CODES
    from emulator.settings import load_settings

    codes = load_settings(workspace.root).validation.ignore
    for code in codes:
        if code not in CODES:
            raise InputError(
                f"[validate] ignore in {FILE_NAME}: there is no finding {code}",
                hint="docs/findings.md has all codes, such as CL101",
            )
    return codes


def load_one(selection: Selection, emit: Emit, *, strict: bool = False) -> LoadedService:
    """The one service that a verb works on. Raises UsageError where several could be meant."""
    find_one(selection)
    return load_services(selection, emit, strict=strict)[0]


def find_one(selection: Selection) -> tuple[Target, str]:
    """The one service that a verb works on, not loaded yet. Raises UsageError where several could be meant."""
    target = find_target(selection)
    if len(target.services) != 1:
        raise UsageError(
            f"{len(target.services)} services could be meant: {', '.join(target.services)}",
            hint="choose one with -n",
        )
    return target, target.services[0]


def is_path(service: str) -> bool:
    """Whether an argument that stands for a service is the path of a manifest: service names hold neither."""
    return os.sep in service or service.endswith((".yml", ".yaml"))


def warning(finding: Finding) -> Event:
    """A finding that does not stop the command, as an event."""
    from emulator.display.failure import shown

    fields: dict[str, str | int | float | bool] = {"code": finding.code}
    if finding.hint:
        fields["hint"] = finding.hint
    if finding.position:
        fields |= {"file": finding.position.file, "line": finding.position.line, "column": finding.position.column}
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    where = shown(finding.position) if finding.position else ""
    return Event(EventKind.WARNING, where, f"{what} [{finding.code}]", fields)


def region(environ: Mapping[str, str] | None = None) -> str:
    """The region of this shell, else us-east-1."""
    variables = os.environ if environ is None else environ
    return variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or "us-east-1"
