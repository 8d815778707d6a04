"""Resources that are a name, an ARN or an id here, and nothing else.

Source: CloudFormation, return values of each type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.aws.stacks.names import hex_id
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret, Value, text
from emulator.ecs.addons.types import Kind, resource_type
from emulator.regions import LOCAL_KEY

if TYPE_CHECKING:
    from emulator.aws.stacks.context import Context
    from emulator.aws.stacks.evaluator import Place

_MOST = 64


@dataclass(frozen=True)
class _Names:
    """How a type is named: the property that names it, and its ARN after the account; `region` where it has one."""

    property: str = ""
    arn: str = ""
    region: bool = True
    ref_is_arn: bool = False
    id: str = ""
    """What an id begins with, such as `sg-`; the `Ref` then."""
    attributes: tuple[str, ...] = ()
    """Attributes that are the ARN, beside `Arn`."""
    ids: tuple[str, ...] = ()
    """Attributes that are the `Ref`."""


_IAM = "iam:"
_TABLE = {
    "AWS::EC2::SecurityGroup": _Names(id="sg-", ids=("GroupId", "Id")),
    "AWS::EC2::SecurityGroupEgress": _Names(id="sgr-", ids=("Id",)),
    "AWS::EC2::SecurityGroupIngress": _Names(id="sgr-", ids=("Id",)),
    "AWS::ElastiCache::ParameterGroup": _Names(ids=("CacheParameterGroupName",)),
    "AWS::ElastiCache::SubnetGroup": _Names("CacheSubnetGroupName"),
    "AWS::ElastiCache::User": _Names("UserId", "elasticache:user:"),
    "AWS::ElastiCache::UserGroup": _Names("UserGroupId", "elasticache:usergroup:"),
    "AWS::Events::Rule": _Names("Name", "events:rule/"),
    "AWS::IAM::Group": _Names("GroupName", f"{_IAM}group/", region=False),
    "AWS::IAM::InstanceProfile": _Names("InstanceProfileName", f"{_IAM}instance-profile/", region=False),
    "AWS::IAM::ManagedPolicy": _Names(
        "ManagedPolicyName", f"{_IAM}policy/", region=False, ref_is_arn=True, attributes=("PolicyArn",)
    ),
    "AWS::IAM::Policy": _Names("PolicyName"),
    "AWS::IAM::Role": _Names("RoleName", f"{_IAM}role/", region=False),
    "AWS::IAM::ServiceLinkedRole": _Names("AWSServiceName"),
    "AWS::IAM::User": _Names("UserName", f"{_IAM}user/", region=False),
    "AWS::Lambda::Function": _Names("FunctionName", "lambda:function:"),
    "AWS::RDS::DBClusterParameterGroup": _Names("DBClusterParameterGroupName"),
    "AWS::RDS::DBParameterGroup": _Names("DBParameterGroupName", ids=("DBParameterGroupName",)),
    "AWS::RDS::DBSubnetGroup": _Names("DBSubnetGroupName"),
    "AWS::RDS::OptionGroup": _Names("OptionGroupName"),
}


def named(context: Context, resource: Resource) -> Made:
    """The resource as a name. One that is missed gives a warning, and a placeholder for any further attribute."""
    kind = resource_type(resource.type)
    if kind.kind is Kind.WARNED:
        context.warn(resource, f"{resource.logical_id} ({resource.type}) is not made. {kind.text}")
    return name_of(context.place, resource)


def name_of(place: Place, resource: Resource) -> Made:
    """The name, with its attributes. Pure."""
    if resource.type == "AWS::IAM::AccessKey":
        return Made(LOCAL_KEY, {"SecretAccessKey": Secret(LOCAL_KEY)})
    names = _TABLE.get(resource.type, _Names())
    if names.id:
        ref = hex_id(names.id, resource.stack, resource.logical_id)
    else:
        ref = resource.name(names.property, most=_MOST)
    attributes: dict[str, Value] = dict.fromkeys(names.ids, ref)
    if names.arn:
        service, _, rest = names.arn.partition(":")
        path = text(resource.properties.get("Path", "/")).lstrip("/") if service == "iam" else ""
        arn = place.arn(service, f"{rest}{path}{ref}", region=None if names.region else "")
        attributes |= dict.fromkeys(("Arn", *names.attributes), arn)
        ref = arn if names.ref_is_arn else ref
    if resource.type == "AWS::IAM::Role":
        attributes["RoleId"] = hex_id("AROA", resource.stack, resource.logical_id).upper()
    if resource.type == "AWS::EC2::SecurityGroup":
        attributes["VpcId"] = resource.properties.get("VpcId", "")
    return Made(ref, attributes, open=resource_type(resource.type).kind is Kind.WARNED)
