"""`network`: Service Connect, subnets and security groups."""

from typing import Annotated

from emulator.manifest.schema.base import Block, Key, OneOrMany


class Connect(Block):
    """Service Connect: `true`, or `{alias}`. The block being there means on."""

    switch = True
    swallows = True

    alias: str | None = None
    """The name other services use; default: the service's name."""


class Subnets(Block):
    """Subnet ids, or `{from_tags: {tag: value or values}}`."""

    short = "ids"
    swallows = True

    ids: Annotated[list[str], Key(hidden=True)] = []
    """Subnet ids."""
    from_tags: dict[str, Annotated[list[str], OneOrMany()]] = {}
    """Tags that the subnets must have, each with the values that fit."""


class Placement(Block):
    """Which subnets tasks run in: `public`, `private`, or `{subnets}`."""

    short = "access"
    swallows = True

    access: Annotated[str | None, Key(hidden=True)] = None
    """`public` or `private`; None where `subnets` is set."""
    subnets: Subnets | None = None
    """Particular subnets; tasks there have no public address."""


class SecurityGroup(Block):
    """A security group: its id, or `{from_cfn: export}`."""

    short = "id"
    swallows = True

    id: Annotated[str | None, Key(hidden=True)] = None
    """`sg-…`."""
    from_cfn: str | None = None
    """The name of a CloudFormation export."""


class SecurityGroups(Block):
    """Security groups of the tasks: a list, or `{deny_default, groups}`."""

    short = "groups"
    swallows = True

    groups: list[SecurityGroup] = []
    """Groups on top of the environment's."""
    deny_default: Annotated[bool | None, Key(default="false")] = None
    """Whether the environment's own group is left out."""


class Vpc(Block):
    """Subnets and security groups."""

    placement: Annotated[Placement, Key(default="public")] = Placement.model_construct(access="public", subnets=None)
    """Which subnets tasks run in."""
    security_groups: SecurityGroups | None = None
    """Further security groups."""


class NetworkConfig(Block):
    """`network`."""

    connect: Annotated[Connect | None, Key(default="false")] = None
    """Service Connect. Default: off."""
    vpc: Vpc = Vpc.model_construct()
    """Subnets and security groups."""
