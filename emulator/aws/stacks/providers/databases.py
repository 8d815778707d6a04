"""Databases of RDS: the command line starts their containers, here they get attributes, and their accounts are read.

Source: CloudFormation, AWS::RDS::DBCluster and AWS::RDS::DBInstance (return values); Secrets Manager User Guide, "JSON
structure of Secrets Manager secrets" (what an attachment adds).
"""

from __future__ import annotations

import json

from emulator.aws.stacks.context import Context, Database
from emulator.aws.stacks.names import hex_id
from emulator.aws.stacks.passwords import derived_word
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers.secretsmanager import ensure_secret, read_secret
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret, Value, is_true, text

_HINT = "give values for it under [values] in copilot-local.toml"


def planned(context: Context, resource: Resource) -> Database:
    """The container that the command line planned for a database or cache."""
    found = context.databases.get(resource.key)
    if found is None:
        raise Problem(f"no container was planned for {resource.logical_id} ({resource.type})", _HINT)
    return found


def cluster(context: Context, resource: Resource) -> Made:
    database = planned(context, resource)
    arn = context.place.arn("rds", f"cluster:{database.identifier}")
    attributes: dict[str, Value] = {
        "DBClusterArn": arn,
        "DBClusterResourceId": hex_id("cluster-", resource.stack, resource.logical_id).upper(),
        "Endpoint.Address": database.host,
        "Endpoint.Port": str(database.port),
        "ReadEndpoint.Address": database.host,
    }
    name = resource.properties.get("DatabaseName")
    _connect(context, database, name, "dbClusterIdentifier")
    _account(context, resource, name, attributes)
    return Made(database.identifier, attributes)


def instance(context: Context, resource: Resource) -> Made:
    """An instance; one that belongs to a cluster, or is a replica, is the container of that cluster or instance."""
    properties = resource.properties
    of_cluster = properties.get("DBClusterIdentifier") or properties.get("SourceDBInstanceIdentifier")
    if of_cluster:
        database = _of_cluster(context, text(of_cluster))
        made = f"{database.identifier}-{resource.logical_id.lower()}"
        identifier = text(properties.get("DBInstanceIdentifier") or made)
    else:
        database = planned(context, resource)
        identifier = database.identifier
    attributes: dict[str, Value] = {
        "DBInstanceArn": context.place.arn("rds", f"db:{identifier}"),
        "DbiResourceId": hex_id("db-", resource.stack, resource.logical_id).upper(),
        "Endpoint.Address": database.host,
        "Endpoint.Port": str(database.port),
        "Endpoint.HostedZoneId": "Z00000000000",
    }
    if of_cluster:
        fields = context.connections.get(database.identifier)
        if fields is None:
            raise Problem(
                f"{text(of_cluster)}, which it belongs to, is made after it", "name it by Ref, or in DependsOn"
            )
        context.connections[identifier] = {
            **{key: value for key, value in fields.items() if key != "dbClusterIdentifier"},
            "dbInstanceIdentifier": identifier,
        }
    else:
        name = properties.get("DBName")
        _connect(context, database, name, "dbInstanceIdentifier")
        _account(context, resource, name, attributes)
    return Made(identifier, attributes)


def _of_cluster(context: Context, identifier: str) -> Database:
    for database in context.databases.values():
        if database.identifier == identifier.lower():
            return database
    raise Problem(f"the instance belongs to {identifier}, which is no database of the stacks here", _HINT)


def _connect(context: Context, database: Database, name: Value, kind: str) -> None:
    """Notes what an attachment adds to the secret: the engine is `postgres` or `mysql`, never `aurora-…`."""
    engine = database.engine
    plain = "postgres" if "postgres" in engine else "mariadb" if engine == "mariadb" else "mysql"
    fields: dict[str, str | int] = {"engine": plain, "host": database.host, "port": database.port}
    if name:
        fields["dbname"] = text(name)
    context.connections[database.identifier] = {**fields, kind: database.identifier}


def _account(context: Context, resource: Resource, name: Value, attributes: dict[str, Value]) -> None:
    """Notes the user, password and first database that the container starts with."""
    properties = resource.properties
    user, password = properties.get("MasterUsername"), properties.get("MasterUserPassword")
    if is_true(properties.get("ManageMasterUserPassword")):
        secret = f"rds!{attributes.get('DBClusterResourceId') or attributes.get('DbiResourceId')}".lower()
        word = derived_word(context.seed, resource.stack, resource.logical_id, {"ExcludeCharacters": "/@\"'\\ "})
        value = json.dumps({"username": user, "password": word})
        attributes["MasterUserSecret.SecretArn"] = ensure_secret(context.clients, secret, value)
        held = json.loads(read_secret(context.clients, secret) or value)
        password = Secret(held["password"])
    context.accounts[resource.key] = {
        "engine": text(properties.get("Engine", "")),
        "version": text(properties.get("EngineVersion", "")),
        "username": text(user or ""),
        "password": text(password or ""),
        "dbname": text(name or ""),
    }
