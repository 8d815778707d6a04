"""What stacks will need, before anything is started or made: databases, warnings, and types that are refused. Pure.

For the command line, which starts the databases and shows the plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emulator.aws.stacks.dynamic_references import ParameterReference, SecretReference
from emulator.aws.stacks.evaluator import Place, Stack, Template, Warned, World
from emulator.aws.stacks.names import database_identifier
from emulator.aws.stacks.placeholders import placeholder
from emulator.aws.stacks.problems import Problem, StackError, placed
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import is_true, text
from emulator.ecs.addons.types import REFUSED_HINT, Kind, resource_type

PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "valkey": 6379, "memcached": 11211}
"""The port of each program, where the template names none."""
_ENGINES = {
    "aurora": "mysql",
    "aurora-mysql": "mysql",
    "aurora-postgresql": "postgres",
    "mariadb": "mariadb",
    "memcached": "memcached",
    "mysql": "mysql",
    "postgres": "postgres",
    "redis": "redis",
    "valkey": "valkey",
}
_NAMES = {
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::ElastiCache::CacheCluster": "ClusterName",
    "AWS::ElastiCache::ReplicationGroup": "ReplicationGroupId",
    "AWS::ElastiCache::ServerlessCache": "ServerlessCacheName",
}
"""The property that names a database."""


@dataclass(frozen=True)
class DatabasePlan:
    """A container to be started. `engine` and `version` are the template's, `version` empty where it has none."""

    stack: str
    logical_id: str
    position: str
    program: str
    """`postgres`, `mysql`, `mariadb`, `redis`, `valkey` or `memcached`."""
    engine: str
    version: str
    port: int
    identifier: str
    """Its host name on the environment's network, too."""
    tls: bool = False
    """Whether a cache asks for TLS."""

    @property
    def key(self) -> str:
        """Its key among the `databases` of a request."""
        return f"{self.stack}/{self.logical_id}"

    @property
    def major(self) -> str:
        """The version that an image is chosen by: `14` of 14.4, `8.0` of 8.0.mysql_aurora.3.02.0; empty where open."""
        numbers = re.match(r"(\d+)(?:\.(\d+))?", self.version)
        if numbers is None:
            return ""
        whole = self.program in ("mysql", "mariadb") and numbers[2] is not None
        return f"{numbers[1]}.{numbers[2]}" if whole else numbers[1]


@dataclass
class Preview:
    """What was found, in the order of the templates; `refused` are errors that the stacks would end with."""

    databases: list[DatabasePlan] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    refused: list[StackError] = field(default_factory=list)


def preview(place: Place, templates: Sequence[Template], exports: Mapping[str, str] | None = None) -> Preview:
    """Looks at every resource whose condition holds. What a template gets wrong elsewhere is found when it is made."""
    world = World(place, templates, unmade, Unknown(), exports)
    found = Preview()
    for template in templates:
        stack = world.stacks[template.name]
        try:
            logical_ids = stack.logical_ids()
        except StackError as error:
            found.refused.append(error)
            continue
        for logical_id in logical_ids:
            if logical_id not in {name.partition(".")[0] for name in template.values}:
                _look(stack, logical_id, template.positions.get(f"Resources.{logical_id}", ""), found)
    return found


def _look(stack: Stack, logical_id: str, position: str, found: Preview) -> None:
    try:
        name = stack.type_of(logical_id)
        kind = resource_type(name)
        with placed(stack.name, f"Resources.{logical_id}", position):
            if kind.kind is Kind.REFUSED:
                raise Problem(f"{name} is not emulated", REFUSED_HINT)
            if kind.kind is Kind.WARNED:
                found.warnings.append(Warned(position, f"{stack.name}: {logical_id} ({name}) is not made. {kind.text}"))
            if kind.kind is Kind.PROGRAM and not _is_member(stack, logical_id, name):
                found.databases.append(_database(stack, logical_id, name, position))
    except StackError as error:
        found.refused.append(error)


def _is_member(stack: Stack, logical_id: str, name: str) -> bool:
    """Whether an instance belongs to a cluster, or is a replica of another one: then it is that one's container."""
    of = ("DBClusterIdentifier", "SourceDBInstanceIdentifier")
    return name == "AWS::RDS::DBInstance" and any(stack.property(logical_id, one) for one in of)


def _database(stack: Stack, logical_id: str, name: str, position: str) -> DatabasePlan:
    def value(name: str) -> str:
        return text(stack.property(logical_id, name) or "")

    engine = value("Engine") or ("redis" if "ElastiCache" in name else "")
    if engine not in _ENGINES:
        raise Problem(f"a {name} with the engine {engine or '(none)'} does not run here", REFUSED_HINT)
    program, port = _ENGINES[engine], value("Port")
    return DatabasePlan(
        stack=stack.name,
        logical_id=logical_id,
        position=position,
        program=program,
        engine=engine,
        version=value("EngineVersion") or value("MajorEngineVersion"),
        port=int(port) if port.isdecimal() else PORTS[program],
        identifier=database_identifier(stack.name, logical_id, value(_NAMES[name]) or None),
        tls=is_true(stack.property(logical_id, "TransitEncryptionEnabled")),
    )


def unmade(resource: Resource) -> Made:
    """Stands for a resource that is not made yet."""
    return Made(placeholder(resource.stack, resource.logical_id), open=True)


class Unknown:
    """Stands for secrets and parameters that are not there yet."""

    def secret(self, reference: SecretReference) -> str:
        return f"placeholder-{reference.id}"

    def parameter(self, reference: ParameterReference) -> str:
        return f"placeholder-{reference.name}"
