"""From loaded services, options and settings to an `up` request."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from emulator.app.load import _without_jobs, load_services, load_task_definition
from emulator.app.selection import LoadedService, Selection, find_target, region
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.missing import Blockers
from emulator.workspace import (
    SECRETS_FILE,
    Workspace,
    read_secrets,
    secrets_are_exposed,
)

if TYPE_CHECKING:
    from emulator.runtime.planning.up_request import UpRequest
    from emulator.runtime.secrets.sources import SecretChoice
    from emulator.settings import Debugging, LogPolicy


LOG_POLICIES = ("capture", "local-aws", "live")


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
    from emulator.app.hidden_rules import warn_hidden_rules
    from emulator.app.https import certificates
    from emulator.app.permissions import TASKS_GET, asked_for, tasks_get
    from emulator.app.service_dependencies import warn_out_of_reach, with_dependencies
    from emulator.runtime.images.sources import ImageSources
    from emulator.runtime.listeners.port_choice import check_port_options
    from emulator.runtime.planning.up_request import SupportImages, UpRequest
    from emulator.runtime.secrets.credentials import task_role
    from emulator.runtime.secrets.logins import RegistryLogins
    from emulator.runtime.secrets.missing_values import demands, missing_values, with_counts
    from emulator.runtime.secrets.secret_values import collect_private
    from emulator.runtime.secrets.sources import SecretValues
    from emulator.runtime.secrets.wanted import Finder
    from emulator.runtime.specs.debugging import check_options
    from emulator.runtime.state.names import Names
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
