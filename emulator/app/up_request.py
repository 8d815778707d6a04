"""From loaded services, options and settings to an `up` request."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from emulator.app.app_mesh import without_app_mesh
from emulator.app.databases import described_databases
from emulator.app.jobs import check_names, scheduled_jobs, without_idle_jobs
from emulator.app.load import load_services, load_task_definition
from emulator.app.named_services import check_named_services
from emulator.app.selection import LoadedService, Selection, find_target, region
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.missing import Blockers
from emulator.setup.store import last_revisions
from emulator.workspace import SECRETS_FILE, Workspace, read_secrets, secrets_are_exposed

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.planning.up_request import UpRequest
    from emulator.runtime.secrets.endpoint_secrets import EndpointSecrets
    from emulator.runtime.secrets.logins import RegistryLogins
    from emulator.runtime.secrets.sources import SecretChoice
    from emulator.runtime.specs.aws.known import Known
    from emulator.runtime.specs.aws.seed import Seed
    from emulator.runtime.specs.beside import Beside
    from emulator.runtime.state.desired import Private
    from emulator.runtime.state.names import Names
    from emulator.settings import LogPolicy, Settings
    from emulator.settings_attended import Debugging, Native
    from emulator.trust.needed import Asked


LOG_POLICIES = ("capture", "local-aws", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The options of `up`, `run` and the testing API, as they were given."""

    strict: bool = False
    """Findings that only warn are errors."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    """Images in place of those of the manifest, by container or `SERVICE/CONTAINER`."""
    debug: Mapping[str, Debugging] = field(default_factory=dict)
    """Containers that a debugger is attached to."""
    native: Sequence[str] = ()
    """`SERVICE=PORT[:CONTAINER_PORT]`: services whose main container's program runs on this machine."""
    port: int | None = None
    https: bool | None = None
    """Whether load balancers get listeners with TLS; None: where the manifest has them."""
    https_port: int | None = None
    internal_port: int | None = None
    timing: str = "local"
    wait: bool = False
    wait_timeout: int | None = None
    """Seconds, in place of the settings' own."""
    retain: bool = False
    foreground: bool = False
    credentials: str | None = None
    logs: Sequence[str] = ()
    """`POLICY` or `NAME=POLICY`, as `log_destinations` reads them."""
    jobs: bool | None = None
    """Whether jobs run on their schedules; None: as the settings say."""
    secrets: SecretChoice | None = None
    """Where secrets come from, and who may be asked for them."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The services of a selection, and where they were found."""

    root: Path
    names: Names
    variables: Mapping[str, str]
    services: list[Service]
    workspace: Workspace | None = None
    manifests: Sequence[LoadedService] = ()
    scheduled: frozenset[str] = frozenset()
    """The jobs that run on their schedules."""
    complete: bool = True
    """Every service that is meant was loaded, so every container is known."""


def up_request(
    selection: Selection,
    emit: Emit,
    options: UpOptions | None = None,
    *,
    look: Callable[[UpRequest, Blockers], None] | None = None,
    blockers: Blockers | None = None,
) -> UpRequest:
    """Assembles an `up` request from options, workspace, settings and manifests.

    Raises `InputError` or `UsageError` for what is wrong in them, `TrustNeeded` where the workspace asks for what the
    user did not grant, and `MissingError` with everything that is missing; then `look` also adds missing images and
    taken ports. With `blockers` nothing of that is raised but collected, and neither AWS nor the user is asked for
    anything.
    """
    options = options or UpOptions()
    found = Blockers() if blockers is None else blockers
    loaded = _load(selection, emit, options, found, only_ask=blockers is not None)
    request = request_of(loaded, selection, emit, options, found, only_ask=blockers is not None)
    if found and look is not None:
        look(request, found)
    if blockers is None:
        found.raise_any()
    return request


def request_of(
    loaded: Loaded, selection: Selection, emit: Emit, options: UpOptions, found: Blockers, *, only_ask: bool = False
) -> UpRequest:
    """Assembles a request for services that are loaded. What is missing is added to `found`; raises the rest of what
    `up_request` does. `only_ask`: nothing is to be run, so neither AWS nor the user is asked for anything."""
    from emulator.app.permissions import asked_for
    from emulator.runtime.images.contexts import warn_of_secrets
    from emulator.runtime.listeners.port_choice import check_port_options
    from emulator.runtime.specs.attended.debugging import check_options
    from emulator.trust.check import require

    asked = asked_for(
        loaded.root,
        loaded.services,
        selection=selection,
        workspace=loaded.workspace,
        loaded=loaded.manifests,
        credentials=options.credentials,
        secrets=options.secrets,
        destinations=log_destinations(options.logs),
    )
    if not only_ask:
        require(asked)
    check_port_options(loaded.services, options.port, options.internal_port)
    if secrets_are_exposed(loaded.root):
        emit(Event(EventKind.WARNING, SECRETS_FILE, "git does not ignore it: `echo '*' > .copilot-local/.gitignore`"))
    if options.debug:
        check_options(options.debug, loaded.services)
    native, options = _native(options, loaded)
    options = _without_collector_images(options, loaded, asked.settings)
    known = _known(loaded, asked.settings)
    private, logins, endpoint = _private(selection, emit, options, loaded, asked, known, found, only_ask=only_ask)
    request = _request(selection, emit, options, loaded, asked.settings, private, logins)
    if not only_ask and read_secrets(loaded.root):
        warn_of_secrets(request, SECRETS_FILE, emit)
    return replace(request, endpoint_secrets=endpoint, known=known, native=native)


def _native(options: UpOptions, loaded: Loaded) -> tuple[dict[str, Native], UpOptions]:
    """What `--native` means, and the options by which no image is made for what runs on this machine."""
    if not options.native:
        return {}, options
    from emulator.runtime.specs.attended.native import natives
    from emulator.setup.images import PAUSE_IMAGE

    found = natives(options.native, loaded.services, options.debug, options.replacements)
    unused = {f"{one.name}/{one.main_container}": PAUSE_IMAGE for one in loaded.services if one.name in found}
    return found, replace(options, replacements={**options.replacements, **unused})


def _without_collector_images(options: UpOptions, loaded: Loaded, settings: Settings) -> UpOptions:
    """The options by which no image is fetched for collectors of traces in whose place a receiver runs."""
    from emulator.setup.images import PAUSE_IMAGE
    from emulator.traces.collectors import collectors_of

    unused = {
        f"{service.name}/{one.name}": PAUSE_IMAGE
        for service in loaded.services
        for one in collectors_of(service.task_definition)
        if settings.traces.policy(one.name) == "capture"
    }
    return replace(options, replacements={**options.replacements, **unused}) if unused else options


def _load(selection: Selection, emit: Emit, options: UpOptions, found: Blockers, *, only_ask: bool) -> Loaded:
    """Loads the services that are meant; what keeps them from running is added to `found`."""
    from emulator.app.findings.of_topics import warn_unpublished
    from emulator.app.hidden_rules import warn_hidden_rules
    from emulator.app.service_dependencies import warn_connect, warn_out_of_reach, with_dependencies
    from emulator.runtime.secrets.missing_values import with_counts
    from emulator.runtime.state.names import Names
    from emulator.settings_services import JobSettings

    if selection.task_definition is not None:
        root, names, variables, plain = load_task_definition(selection, selection.task_definition, options.https)
        return Loaded(root, names, variables, without_app_mesh(plain, emit, strict=options.strict))
    if selection.with_deps:
        selection = with_dependencies(selection, emit)
    target = find_target(selection)
    loaded = load_services(selection, emit, strict=options.strict, https=options.https, blockers=found)
    known = {one.service.name for one in loaded}
    complete = not found.errors and known.issuperset(
        one.service for one in found.missing if one.service in target.services
    )
    services = with_counts([one.service for one in loaded], selection.counts, complete=complete)
    jobs = loaded[0].settings.jobs if loaded else JobSettings()
    if complete and not selection.services:
        check_names(services, jobs)
    if loaded:
        check_named_services(loaded[0].settings, target.workspace)
    scheduled = scheduled_jobs(services, options.jobs, jobs)
    if not selection.services and not only_ask:
        services = without_idle_jobs(services, scheduled, emit, found)
    warn_out_of_reach(target, services, emit)
    warn_connect(target, loaded, emit)
    warn_hidden_rules(target, services, emit, options.https)
    warn_unpublished(target, services, emit)
    services = without_app_mesh(services, emit, strict=options.strict)
    names = Names(target.app, target.environment)
    workspace = target.workspace
    return Loaded(workspace.root, names, target.process, services, workspace, loaded, scheduled, complete)


def _known(loaded: Loaded, settings: Settings) -> Mapping[str, Known]:
    from emulator.app.known_outputs import known_to
    from emulator.runtime.secrets.missing_values import demands

    demanding = [service for service in loaded.services if demands(service)]
    return known_to(demanding, settings.values, region(), settings.aws.endpoint)


def _private(
    selection: Selection,
    emit: Emit,
    options: UpOptions,
    loaded: Loaded,
    asked: Asked,
    known: Mapping[str, Known],
    found: Blockers,
    *,
    only_ask: bool,
) -> tuple[Private, RegistryLogins, EndpointSecrets]:
    """The values that reach containers and nothing else, the logins of registries, and what the local AWS endpoint has
    to do with secrets; what has no value here is added to `found`."""
    from emulator.app.https import certificates
    from emulator.app.permissions import TASKS_GET, tasks_get
    from emulator.runtime.images.sources import ImageSources
    from emulator.runtime.planning.local_variables import check_local_variables
    from emulator.runtime.secrets.credentials import task_role
    from emulator.runtime.secrets.endpoint_secrets import EndpointSecrets
    from emulator.runtime.secrets.logins import RegistryLogins
    from emulator.runtime.secrets.missing_values import demands, missing_values
    from emulator.runtime.secrets.secret_values import collect_private
    from emulator.runtime.secrets.sources import SecretValues
    from emulator.runtime.secrets.wanted import Finder

    root, settings, services = loaded.root, asked.settings, loaded.services
    values = SecretValues(loaded.variables, read_secrets(root), settings.secrets, options.secrets)
    finder = Finder(dict(settings.values), region(), settings.aws.endpoint, known)
    demanding = [service for service in services if demands(service)]
    for service in demanding:
        one = known.get(service.name)
        found.add(*missing_values(service, settings.values, region(), settings.aws.endpoint, one))
    wanted = []
    with found.collecting():
        check_local_variables(settings.container_variables, services, root)
    with found.collecting():
        wanted = [login for service in demanding for login in finder.logins(service)]
    logins = RegistryLogins(wanted, values)
    sources = ImageSources(root, settings.substitute, options.replacements, settings.images, logins)
    if loaded.complete:  # else there are containers that are not known
        sources.check_names(services)
        sources.check_table(services)
    for service in demanding:
        found.add(*sources.missing(service))
    endpoint = EndpointSecrets()
    private = collect_private(
        demanding,
        root,
        finder,
        values,
        env_files=selection.env_files,
        blockers=found,
        may_ask=not only_ask,
        endpoint=endpoint,
    )
    _warn_blank_files(demanding, root, selection.env_files, emit)
    role = None if only_ask else task_role(asked.credentials, loaded.variables, region())
    if role is not None:
        private.task_roles = {service.name: role for service in services}
    if not found:
        private.certificates = certificates(services, emit)
        if gets := tasks_get(asked, role, values):
            emit(Event(EventKind.INFO, TASKS_GET, gets))
    return private, logins, endpoint


def _warn_blank_files(services: Sequence[Service], root: Path, env_files: Mapping[str, Path], emit: Emit) -> None:
    from emulator.display.failure import shown
    from emulator.runtime.secrets.secret_values import blank_files

    for (service, name), position in blank_files(services, root, env_files).items():
        where = shown(position) if position else service
        emit(Event(EventKind.WARNING, where, f"{name} has no lines yet: {service} gets no variable from it"))


def _request(
    selection: Selection,
    emit: Emit,
    options: UpOptions,
    loaded: Loaded,
    settings: Settings,
    private: Private,
    logins: RegistryLogins,
) -> UpRequest:
    from emulator.app.https import trust_hint
    from emulator.runtime.planning.up_request import SupportImages, UpRequest
    from emulator.setup.images import FRONT_IMAGE, PAUSE_IMAGE, ensure_agent_image, ensure_aws_image, ensure_envoy_image
    from emulator.setup.images import ensure_database_image as database

    return UpRequest(
        environment=loaded.names,
        services=loaded.services,
        settings=settings.with_wait_timeout(options.wait_timeout),
        workspace=loaded.root,
        support=SupportImages(
            PAUSE_IMAGE,
            FRONT_IMAGE,
            lambda engine: ensure_agent_image(emit, engine),
            lambda: ensure_aws_image(emit),
            lambda reference: database(reference, emit),
            lambda engine: ensure_envoy_image(emit, engine),
        ),
        private=private,
        trust_hint=trust_hint() if private.certificates else "",
        beside=_beside(selection, loaded, settings),
        seed=_seed(loaded, settings),
        logins=logins,
        replacements=options.replacements,
        env_files=selection.env_files,
        debug=options.debug,
        port=options.port,
        https_port=options.https_port,
        internal_port=options.internal_port,
        databases=lambda request, emit: described_databases(request, settings, emit),
        region=region(),
        timing=options.timing,
        wait=options.wait,
        retain=options.retain,
        foreground=options.foreground,
        scheduled=loaded.scheduled,
        log_names=frozenset(log_destinations(options.logs)),
        revisions=last_revisions(region()),
    )


def _beside(selection: Selection, loaded: Loaded, settings: Settings) -> Beside | None:
    """The Compose services that start with the environment. Raises what `read_beside` raises."""
    if not settings.beside.compose:
        return None
    from emulator.app.beside import read_beside

    workloads = loaded.workspace.services if loaded.workspace is not None else [one.name for one in loaded.services]
    return read_beside(loaded.root, settings.beside, workloads, selection.variables)


def _seed(loaded: Loaded, settings: Settings) -> Seed | None:
    """The seed of the services that are meant. Raises InputError for a file that cannot be read, with its line."""
    if settings.seed == type(settings.seed)():
        return None
    from emulator.app.seeds import read_seed

    known = set(loaded.workspace.services) if loaded.workspace is not None else set()
    return read_seed(loaded.root, settings.seed, {service.name for service in loaded.services}, known)


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
