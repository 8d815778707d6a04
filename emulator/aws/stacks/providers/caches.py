"""Caches of ElastiCache: the command line starts their containers, here they get attributes.

Source: CloudFormation, AWS::ElastiCache::CacheCluster, ReplicationGroup and ServerlessCache (return values).
"""

from __future__ import annotations

from emulator.aws.stacks.context import Context, Database
from emulator.aws.stacks.providers.databases import planned
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, is_true, text


def cache_cluster(context: Context, resource: Resource) -> Made:
    database = _planned(context, resource)
    attributes: dict[str, Value] = {
        **_endpoint("ConfigurationEndpoint" if database.engine == "memcached" else "RedisEndpoint", database),
        "Arn": context.place.arn("elasticache", f"cluster:{database.identifier}"),
    }
    return Made(database.identifier, attributes)


def replication_group(context: Context, resource: Resource) -> Made:
    database = _planned(context, resource)
    attributes: dict[str, Value] = {
        **_endpoint("PrimaryEndPoint", database),
        **_endpoint("ReaderEndPoint", database),
        **_endpoint("ConfigurationEndPoint", database),
        "ReadEndPoint.Addresses": f"[{database.host}]",
        "ReadEndPoint.Addresses.List": [database.host],
        "ReadEndPoint.Ports": f"[{database.port}]",
        "ReadEndPoint.Ports.List": [str(database.port)],
        "Arn": context.place.arn("elasticache", f"replicationgroup:{database.identifier}"),
    }
    return Made(database.identifier, attributes)


def serverless_cache(context: Context, resource: Resource) -> Made:
    database = _planned(context, resource)
    attributes: dict[str, Value] = {
        **_endpoint("Endpoint", database),
        **_endpoint("ReaderEndpoint", database),
        "ARN": context.place.arn("elasticache", f"serverlesscache:{database.identifier}"),
        "Status": "available",
    }
    return Made(database.identifier, attributes)


def _endpoint(name: str, database: Database) -> dict[str, Value]:
    return {f"{name}.Address": database.host, f"{name}.Port": str(database.port)}


def _planned(context: Context, resource: Resource) -> Database:
    """The container. Notes the engine and password that it starts with."""
    database, properties = planned(context, resource), resource.properties
    context.accounts[resource.key] = {
        "engine": text(properties.get("Engine", "redis")),
        "version": text(properties.get("EngineVersion") or properties.get("MajorEngineVersion") or ""),
        "password": text(properties.get("AuthToken") or ""),
        "tls": is_true(properties.get("TransitEncryptionEnabled")),
    }
    return database
