"""What services need of this machine and do not find: the parts that are known without asking Docker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from emulator.ecs.references import (
    AddonReference,
    EnvFileReference,
    ImportReference,
    ParameterReference,
    Reference,
    describe,
    value_name,
)
from emulator.ecs.service import Service
from emulator.errors import UsageError
from emulator.missing import Blockers, Kind, Missing
from emulator.runtime.secrets.wanted import Wanted, reference_position
from emulator.runtime.specs.aws.known import Known
from emulator.runtime.specs.task import unresolved
from emulator.runtime.state.desired import DesiredService
from emulator.settings import LocalOptions
from emulator.settings_services import AwsEndpoint
from emulator.spelling import did_you_mean


def demands(service: Service) -> bool:
    """Whether the service needs anything: one of no tasks does not. A job does: it runs when it is asked to."""
    return service.desired_count > 0 or service.schedule is not None


def with_counts(services: Sequence[Service], counts: Mapping[str, int], *, complete: bool = True) -> list[Service]:
    """The services with the number of tasks that `--scale` asks for. Raises UsageError for a name that is none, where
    the services are `complete`."""
    known = [service.name for service in services]
    for name in counts:
        if complete and name not in known:
            raise UsageError(
                f"--scale {name}=…: there is no service {name} among those that are meant",
                hint=did_you_mean(name, known, "services"),
            )
    return [one.model_copy(update={"desired_count": counts.get(one.name, one.desired_count)}) for one in services]


def missing_values(
    service: Service, values: Mapping[str, str], region: str, aws: AwsEndpoint, known: Known | None = None
) -> Iterator[Missing]:
    """Values that only a deployment gives and that neither `[values]` nor the local AWS endpoint does, each once. `aws`
    is `endpoint` of `[aws]`, `known` what stacks give to the service."""
    local = {container.name: "x" for container in service.task_definition.container_definitions}
    known = known or Known()
    options = LocalOptions(images=local, values=dict(values), region=region, aws=aws)
    options = options.model_copy(update={"outputs": dict(known.outputs), "imports": known.imports})
    seen = set()
    for reference in unresolved(DesiredService(service=service, options=options)):
        name = value_name(reference)
        if name not in seen:
            seen.add(name)
            yield Missing(Kind.VALUE, name, service.name, reference_position(service, reference), _kind_of(reference))


def _kind_of(reference: Reference) -> str:
    match reference:
        case ImportReference():
            return "CloudFormation export"
        case AddonReference():
            return "addon output"
        case ParameterReference():
            return reference.description or "parameter"
        case _:
            return describe(reference)


def add_missing_secrets(blockers: Blockers, wanted: Sequence[Wanted], note: str = "") -> None:
    """Adds secrets and registry logins that have no value here; `note` says more about each."""
    for one in wanted:
        login = one.kind == "login"
        name = one.text if login else one.variables[-1]
        what = f"to pull the image of {one.container}" if login else one.text
        kind = Kind.LOGIN if login else Kind.SECRET
        also = "" if login or one.name is None else one.text
        blockers.add(Missing(kind, name, one.service, one.position, what + note, also))


def environment_files(
    services: Sequence[Service], workspace: Path, given: Mapping[str, Path]
) -> dict[tuple[str, str], list[tuple[EnvFileReference, Path]]]:
    """By service and container: its environment files, each with the file that is read here.

    `given` are `--env-file` options: `SERVICE`, or `SERVICE/CONTAINER`, to a file that takes the place of the one that
    the manifest names. Raises UsageError for a service or container that has none, and for a service whose containers
    have different ones.
    """
    found: dict[tuple[str, str], list[tuple[EnvFileReference, Path]]] = {}
    for service in services:
        for container in service.task_definition.container_definitions:
            references = [file.value for file in container.environment_files]
            files = [one for one in references if isinstance(one, EnvFileReference)]
            found[service.name, container.name] = [(one, workspace / one.name) for one in files]
    for name, path in given.items():
        owner, _, which = name.partition("/")
        places = [key for key, files in found.items() if files and key[0] == owner and which in ("", key[1])]
        if not places:
            raise _no_environment_file(name, found)
        named = {reference.name for key in places for reference, _ in found[key]}
        if len(named) > 1:
            ways = " or ".join(f"--env-file {'/'.join(key)}={path}" for key in places)
            raise UsageError(
                f"--env-file {name}={path}: {owner} has several environment files: {', '.join(sorted(named))}",
                hint=f"say which one: {ways}",
            )
        for key in places:
            found[key] = [(reference, path) for reference, _ in found[key]]
    return found


def _no_environment_file(name: str, found: Mapping[tuple[str, str], Sequence[object]]) -> UsageError:
    owner, _, container = name.partition("/")
    if owner not in {service for service, _ in found}:
        hint = did_you_mean(owner, {service for service, _ in found}, "services")
        return UsageError(f"--env-file {name}=…: there is no service {owner} among those that are meant", hint=hint)
    if container and (owner, container) not in found:
        mine = [other for service, other in found if service == owner]
        hint = did_you_mean(container, mine, "containers")
        return UsageError(f"--env-file {name}=…: there is no container {container} in {owner}", hint=hint)
    return UsageError(
        f"--env-file {name}=…: {name} has no `env_file` in its manifest, so no file would be read when deployed either",
        hint="`variables` in the manifest, or `env_file`, gives a container variables",
    )
