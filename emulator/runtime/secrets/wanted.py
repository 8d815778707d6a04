"""The secrets that a service's task needs before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from emulator.ecs.references import AddonReference, Reference, Value, describe, references_in
from emulator.ecs.service import Service
from emulator.errors import InputError, Position
from emulator.firelens.routing import find_router, router_secrets
from emulator.runtime.listeners.references import comes_from_stack, resolve, resolve_all
from emulator.runtime.secrets.names import SecretName, parse_secret
from emulator.runtime.specs.aws.known import Known
from emulator.runtime.state.desired import DesiredService
from emulator.settings import LocalOptions
from emulator.settings_services import AwsEndpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    """One secret of one container: a variable's value, a log option's, or the login of an image registry."""

    service: str
    container: str
    kind: Literal["variable", "log option", "login"]
    variable: str
    """That it becomes in the container; of a login: that may hold it on this machine."""
    option: str
    """Of a log option, its name."""
    name: SecretName | None
    """None where only a deployment knows which secret it is."""
    text: str
    """As it stands in the manifest, or what it refers to."""
    position: Position | None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that give it its value here, the most exact first."""
        return tuple(name for name in (self.variable, self.option) if name)

    def __str__(self) -> str:
        where = f"{self.service}/{self.container}"
        match self.kind:
            case "variable":
                return f"{self.variable} of {where}"
            case "log option":
                return f"{self.option} (log option of {self.service})"
            case "login":
                return f"the registry login of {where}"


class Finder:
    """Finds the secrets of services. `values` are those of `[values]`, `region` is the task's, `aws` is `endpoint` of
    `[aws]`, `known` what stacks give to each service."""

    def __init__(
        self,
        values: dict[str, str],
        region: str,
        aws: AwsEndpoint = "none",
        known: Mapping[str, Known] | None = None,
    ) -> None:
        self._known = known or {}
        self.options = LocalOptions(values=values, region=region, aws=aws)
        """What the services are looked at with."""

    def variables(self, service: Service) -> Iterator[Wanted]:
        """What becomes a variable of a container: secrets, and secret log options, which the router gets.

        Raises InputError, with the manifest's line, for what names neither a parameter nor a secret. Without those that
        the local AWS endpoint gives.
        """
        definition = service.task_definition
        desired = self._desired(service)
        for container in definition.container_definitions:
            for secret in container.secrets:
                if any(comes_from_stack(one, desired) for one in references_in(secret.value_from)):
                    continue
                paths = (f"secrets.{secret.name}", f"logging.secrets.{secret.name}")
                yield self._wanted(service, container.name, "variable", secret.name, "", secret.value_from, *paths)
        router = find_router(definition)
        for secret in router_secrets(definition) if router else ():
            assert router is not None
            option = secret.name.rpartition("_")[0]
            owner, path = router.container.name, f"logging.secretOptions.{option}"
            yield self._wanted(service, owner, "log option", secret.name, option, secret.value_from, path)

    def _desired(self, service: Service) -> DesiredService:
        known = self._known.get(service.name, Known())
        update = {"outputs": dict(known.outputs), "imports": known.imports}
        return DesiredService(service=service, options=self.options.model_copy(update=update))

    def logins(self, service: Service) -> Iterator[Wanted]:
        """The registry logins of containers whose image is not simply there for everybody."""
        for container in service.task_definition.container_definitions:
            if container.repository_credentials is not None:
                value = container.repository_credentials.credentials_parameter
                paths = ("image.credentials", "credentialsParameter")
                yield self._wanted(service, container.name, "login", "", "", value, *paths)

    def _wanted(
        self,
        service: Service,
        container: str,
        kind: Literal["variable", "log option", "login"],
        variable: str,
        option: str,
        value: Value,
        *paths: str,
    ) -> Wanted:
        position = position_of(service, container, *paths)
        desired = self._desired(service)
        name = None
        if resolve_all([value], desired):
            found = (reference_position(service, reference) for reference in references_in(value))
            position = position or next(filter(None, found), None)
            text = ", ".join(describe(reference) for reference in references_in(value))
        else:
            text = resolve(value, desired)
            try:
                name = parse_secret(text, self.options.region, login=kind == "login")
            except InputError as error:
                raise InputError(error.message, position=position, hint=error.hint) from None
        if kind == "login" and name is not None:
            variable = name.variable
        return Wanted(service.name, container, kind, variable, option, name, text, position)


def position_of(service: Service, container: str, *keys: str) -> Position | None:
    """Where one of these keys of a container stands in the manifest or task definition; None where in neither."""
    block = "" if container == service.main_container else f"sidecars.{container}."
    paths = [f"{prefix}{key}" for prefix in (block, f"containerDefinitions.{container}.") for key in keys]
    paths += [key for key in keys if key.startswith("logging.")]
    return next((service.positions[path] for path in paths if path in service.positions), None)


def reference_position(service: Service, reference: Reference) -> Position | None:
    """Where a value that only a deployment gives is asked for, or the addon output that gives it stands."""
    if reference.position is None and isinstance(reference, AddonReference) and service.addons is not None:
        return service.addons.positions.get(f"Outputs.{reference.name}")
    return reference.position
