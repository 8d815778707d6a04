"""Values that are known only where a service runs or is deployed.

A field of the ECS model is a `Value`: plain text, or a `Reference` that the local runtime resolves from `LocalOptions`
and that each renderer prints in its own form (a CloudFormation intrinsic, a `${…}` placeholder, a Compose variable).
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from emulator.errors import Position
from emulator.model import FrozenModel


class _Reference(FrozenModel):
    position: Position | None = None
    """Where the manifest names it, for errors that ask for its value."""


class ImageReference(_Reference):
    """The image that is built for container `name`; its address is known once it is pushed."""

    kind: Literal["image"] = "image"
    name: str


class EnvFileReference(_Reference):
    """An environment file of the workspace, relative to its root; when deployed, an object in S3."""

    kind: Literal["env-file"] = "env-file"
    name: str


class ImportReference(_Reference):
    """A CloudFormation export (`from_cfn` in a manifest)."""

    kind: Literal["import"] = "import"
    name: str


class AddonReference(_Reference):
    """An output of the service's addon templates."""

    kind: Literal["addon"] = "addon"
    name: str


class ResourceReference(_Reference):
    """An attribute of a resource that is deployed with the service, such as `ExecutionRole` and `Arn`.

    `attribute` empty means what CloudFormation's `Ref` gives.
    """

    kind: Literal["resource"] = "resource"
    name: str
    attribute: str = ""


class ParameterReference(_Reference):
    """A value that is given at deployment, such as the DNS name of an imported load balancer."""

    kind: Literal["parameter"] = "parameter"
    name: str
    description: str = ""


class PseudoReference(_Reference):
    """A pseudo parameter of CloudFormation: the region, account or partition something is deployed to."""

    kind: Literal["pseudo"] = "pseudo"
    name: Literal["AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix"]


class Join(_Reference):
    """Text with references in it, in order, such as an ARN with the account left open."""

    kind: Literal["join"] = "join"
    parts: tuple["Value", ...]


Reference: TypeAlias = Annotated[
    ImageReference
    | EnvFileReference
    | ImportReference
    | AddonReference
    | ResourceReference
    | ParameterReference
    | PseudoReference
    | Join,
    Field(discriminator="kind"),
]
"""Any of the references above."""

Value: TypeAlias = str | Reference
"""Text, or a reference to text."""


def references_in(value: Value) -> list[Reference]:
    """The references that a value holds, those inside a `Join` included, in order."""
    if isinstance(value, str):
        return []
    if isinstance(value, Join):
        return [found for part in value.parts for found in references_in(part)]
    return [value]


REFERENCE_TYPES = (
    ImageReference,
    EnvFileReference,
    ImportReference,
    AddonReference,
    ResourceReference,
    ParameterReference,
    PseudoReference,
    Join,
)
"""The classes of `Reference`, for isinstance."""


def value_name(reference: Reference) -> str:
    """The name under which a reference's value is given: `--value NAME=VALUE`, `[values]` of a settings file.

    `image:<container>`, `env-file:<path>`, `ExecutionRole.Arn`, `AWS::Region`; an export's, addon output's or
    parameter's own name.
    """
    if isinstance(reference, ImageReference):
        return f"image:{reference.name}"
    if isinstance(reference, EnvFileReference):
        return f"env-file:{reference.name}"
    if isinstance(reference, ResourceReference) and reference.attribute:
        return f"{reference.name}.{reference.attribute}"
    if isinstance(reference, Join):
        raise TypeError("a joined text has no value of its own")
    return reference.name


def describe(reference: Reference) -> str:
    """What a reference stands for, in words."""
    match reference:
        case ImageReference():
            return f"the image of container {reference.name}"
        case EnvFileReference():
            return f"the ARN of {reference.name} in S3"
        case ImportReference():
            return f"the CloudFormation export {reference.name}"
        case AddonReference():
            return f"the addon output {reference.name}"
        case ParameterReference():
            return reference.description or f"the parameter {reference.name}"
        case PseudoReference(name="AWS::Region"):
            return "the region"
        case PseudoReference(name="AWS::AccountId"):
            return "the account"
        case _:
            name = value_name(reference)
            return _RESOURCES.get(name, f"{name} of the deployed service")


_RESOURCES = {
    "TaskRole.Arn": "the ARN of the task role",
    "ExecutionRole.Arn": "the ARN of the task execution role",
    "PublicLoadBalancer.DNSName": "the DNS name of the load balancer",
    "InternalLoadBalancer.DNSName": "the DNS name of the internal load balancer",
    "EventsQueue": "the URL of the service's queue",
    "ManagedFileSystem": "the id of the environment's file system",
    "AccessPoint": "the id of the service's access point in that file system",
}
