"""Values of the ECS model as CloudFormation writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.ecs.names import logical_id
from emulator.ecs.references import (
    AddonReference,
    EnvFileReference,
    ImageReference,
    ImportReference,
    Join,
    ParameterReference,
    PseudoReference,
    ResourceReference,
    describe,
    value_name,
)
from emulator.ecs.service import Service
from emulator.errors import Position
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub, as_sub_text, import_value
from emulator.render.cloudformation.template import Template

_LOAD_BALANCER_NAMES = (
    "PublicLoadBalancer.DNSName",
    "InternalLoadBalancer.DNSName",
    "EnvControllerAction.PublicLoadBalancerDNSName",
    "EnvControllerAction.InternalLoadBalancerDNSName",
)
_FILE_SYSTEMS = ("ManagedFileSystem", "EnvControllerAction.ManagedFileSystemID")


@dataclass(slots=True)
class Values:
    """Writes values for one stack, and declares the parameters they need."""

    _template: Template
    _service: Service
    _foundation: Foundation
    _known: Mapping[str, str]
    _addon_output: Callable[[str], object]
    positions: dict[str, Position] = field(default_factory=dict)
    """Where the manifest refers to a resource by its logical id."""

    def node(self, value: object, container: str = "") -> object:
        """A value as a template has it. `container` is the one that it is a property of."""
        match value:
            case ImageReference():
                return self._image(value)
            case EnvFileReference():
                return self._env_file(value, container)
            case ImportReference():
                return import_value(value.name)
            case AddonReference():
                return self._addon_output(value.name)
            case PseudoReference():
                return Ref(value.name)
            case ParameterReference():
                return self._parameter(value)
            case ResourceReference():
                return self._resource(value)
            case Join():
                return self._joined(value, container)
            case _:
                return value

    def address(self, reference: ImageReference) -> str:
        """The address of an image that is built, empty where it is not known yet."""
        return self._known.get(value_name(reference), "")

    def _image(self, reference: ImageReference) -> Ref:
        main = reference.name == self._service.main_container
        name = "ContainerImage" if main else f"ContainerImageFor{logical_id(reference.name)}"
        build = self._service.builds.get(reference.name)
        built = f", built from {build.dockerfile}" if build else ""
        return self._template.parameter(
            name,
            f"Image of container {reference.name}{built}: the address it was pushed to.",
            default=self.address(reference) or None,
        )

    def _env_file(self, reference: EnvFileReference, container: str) -> Ref:
        router = self._service.task_definition.log_router
        if container == self._service.main_container:
            name = "EnvFileARN"
        elif router is not None and router.name == container:
            name = "LoggingEnvFileARN"
        else:
            name = f"EnvFileARNFor{logical_id(container)}"
        return self._template.parameter(
            name,
            f"ARN of {reference.name} in S3, the environment file of container {container}.",
            default=self._known.get(value_name(reference)),
        )

    def _parameter(self, reference: ParameterReference) -> object:
        if reference.name == "LoadBalancerDNSName" and self._foundation.imported:
            return self._foundation.load_balancer("DNSName")
        return self._template.parameter(
            logical_id(reference.name), describe(reference), default=self._known.get(value_name(reference))
        )

    def _resource(self, reference: ResourceReference) -> object:
        name = value_name(reference)
        names = copilot_parameters(self._service)
        if name in names:
            return names[name]
        if name in _LOAD_BALANCER_NAMES:
            return self._foundation.load_balancer("DNSName")
        if name in _FILE_SYSTEMS:
            return self._foundation.managed_file_system()
        if reference.position is not None:
            self.positions.setdefault(reference.name, reference.position)
        return GetAtt(reference.name, reference.attribute) if reference.attribute else Ref(reference.name)

    def _joined(self, join: Join, container: str) -> object:
        text = ""
        variables: dict[str, object] = {}
        for part in join.parts:
            node = self.node(part, container)
            written = node.text if isinstance(node, Sub) and not node.variables else as_sub_text(node)
            if written is None:
                name = f"Value{len(variables) + 1}"
                variables[name] = node
                written = f"${{{name}}}"
            text += written
        return Sub(text, variables) if variables or "${" in text else text


def copilot_parameters(service: Service) -> dict[str, str]:
    """Parameters of Copilot's template that are plain text here, for references to them."""
    definition = service.task_definition
    return {
        "AppName": service.app,
        "EnvName": service.environment,
        "WorkloadName": service.name,
        "TaskCPU": definition.cpu or "",
        "TaskMemory": definition.memory or "",
        "LogRetention": str(service.log_group.retention_in_days),
    }
