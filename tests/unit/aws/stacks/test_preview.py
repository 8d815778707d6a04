"""What stacks will need, known before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.stacks.evaluator import Template, Warned
from emulator.aws.stacks.placeholders import environment_exports
from emulator.aws.stacks.preview import DatabasePlan, Preview, preview
from tests.unit.aws.stacks.asking import Endpoint, stack
from tests.unit.aws.stacks.evaluating import PLACE, template
from tests.unit.render.storage_addons import AURORA

EXPORTS = environment_exports("demo", "test")


def seen(resources: dict[str, Any], **more: Any) -> Preview:
    positions = {f"Resources.{name}": f"addons/a.yml:{number}" for number, name in enumerate(resources, start=1)}
    sections = {"Resources": resources, **more.pop("sections", {})}
    return preview(PLACE, [template(sections, "demo", positions=positions, **more)], EXPORTS)


def as_request(plan: DatabasePlan) -> dict[str, Any]:
    """A planned database as a request has it."""
    return {"host": plan.identifier, "port": plan.port, "engine": plan.program, "identifier": plan.identifier}


def database(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Db": {"Type": kind, "Properties": properties}}


def test_copilots_aurora_cluster_is_one_postgres(endpoint: Endpoint) -> None:
    asked = stack(AURORA, parameters={"Owner": {"Fn::Sub": "${WorkloadName}-team"}})
    aurora = Template(asked["name"], asked["template"], asked["parameters"], asked["positions"])
    found = preview(PLACE, [aurora], EXPORTS)
    assert (found.warnings, found.refused) == ([], [])
    [plan] = found.databases
    assert (plan.program, plan.engine, plan.port, plan.logical_id) == (
        "postgres",
        "aurora-postgresql",
        5432,
        "dataDBCluster",
    )
    assert plan.position.startswith("addons/storage.yml:")
    answer = endpoint.provision(asked, databases={plan.key: as_request(plan)})
    assert answer["stacks"][plan.stack]["resources"]["dataDBCluster"]["physical"] == plan.identifier


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("AWS::RDS::DBInstance", {"Engine": "postgres", "EngineVersion": 14.4}, ("postgres", "14", 5432)),
        (
            "AWS::RDS::DBInstance",
            {"Engine": "mysql", "EngineVersion": "8.0.35", "Port": "3307"},
            ("mysql", "8.0", 3307),
        ),
        ("AWS::RDS::DBInstance", {"Engine": "mariadb"}, ("mariadb", "", 3306)),
        (
            "AWS::RDS::DBCluster",
            {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.02.0"},
            ("mysql", "8.0", 3306),
        ),
        ("AWS::ElastiCache::CacheCluster", {"Engine": "memcached"}, ("memcached", "", 11211)),
        ("AWS::ElastiCache::CacheCluster", {"Engine": "redis", "EngineVersion": "7.1"}, ("redis", "7", 6379)),
        ("AWS::ElastiCache::ReplicationGroup", {"Port": 6380}, ("redis", "", 6380)),
        (
            "AWS::ElastiCache::ServerlessCache",
            {"Engine": "valkey", "MajorEngineVersion": "8"},
            ("valkey", "8", 6379),
        ),
    ],
    ids=str,
)
def test_a_database_has_program_version_and_port(kind: str, properties: dict[str, Any], expected: Any) -> None:
    [plan] = seen(database(kind, **properties)).databases
    assert (plan.program, plan.major, plan.port) == expected


def test_a_name_in_the_template_is_the_identifier() -> None:
    resources = database(
        "AWS::RDS::DBInstance", Engine="postgres", DBInstanceIdentifier={"Fn::Sub": "${AWS::StackName}-DB"}
    )
    assert seen(resources).databases[0].identifier == "demo-db"


@pytest.mark.parametrize("engine", ["oracle-ee", "sqlserver-ex", ""])
def test_an_engine_that_is_not_run_here_is_refused_with_its_place(engine: str) -> None:
    [error] = seen(database("AWS::RDS::DBInstance", Engine=engine)).refused
    assert "does not run here" in error.message
    assert (error.subject, error.position) == ("Resources.Db", "addons/a.yml:1")


def test_every_refused_type_is_named_and_missed_ones_are_warned_about() -> None:
    found = seen(
        {
            "Search": {"Type": "AWS::OpenSearchService::Domain"},
            "Broker": {"Type": "AWS::AmazonMQ::Broker"},
            "Function": {"Type": "AWS::Lambda::Function"},
            "Bucket": {"Type": "AWS::S3::Bucket"},
        }
    )
    assert [error.subject for error in found.refused] == ["Resources.Search", "Resources.Broker"]
    text = "demo: Function (AWS::Lambda::Function) is not made. A name: functions do not run."
    assert found.warnings == [Warned("addons/a.yml:3", text)]


def test_a_resource_with_given_values_or_a_condition_that_does_not_hold_is_not_looked_at() -> None:
    resources = {
        "Search": {"Type": "AWS::OpenSearchService::Domain"},
        "Broker": {"Type": "AWS::AmazonMQ::Broker", "Condition": "Never"},
    }
    found = seen(
        resources,
        sections={"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}},
        values={"Search.DomainEndpoint": "127.0.0.1"},
    )
    assert found == Preview()


def test_a_value_that_is_known_only_later_hides_no_database() -> None:
    resources = {
        "Secret": {"Type": "AWS::SecretsManager::Secret"},
        **database(
            "AWS::RDS::DBInstance",
            Engine="postgres",
            MasterUserPassword={"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"},
            DBSubnetGroupName={"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": "Secret.Id"}]}]},
        ),
    }
    found = seen(resources)
    assert [plan.logical_id for plan in found.databases] == ["Db"]
    assert found.refused == []


def test_a_replica_is_the_container_of_its_source(endpoint: Endpoint) -> None:
    text = """
Resources:
  Db: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres, MasterUsername: me, MasterUserPassword: word}}
  Copy: {Type: AWS::RDS::DBInstance, Properties: {SourceDBInstanceIdentifier: !Ref Db}}
Outputs:
  Host: {Value: !GetAtt Copy.Endpoint.Address}
"""
    asked = stack(text)
    found = preview(PLACE, [Template(asked["name"], asked["template"], asked["parameters"])], EXPORTS)
    assert found.refused == []
    [plan] = found.databases
    answer = endpoint.provision(asked, databases={plan.key: as_request(plan)})
    assert answer["stacks"][plan.stack]["outputs"]["Host"]["value"] == plan.identifier


@pytest.mark.parametrize(
    ("resource", "message"),
    [("text", 'Thing is no map: "text"'), ({"Type": ["AWS::S3::Bucket"]}, '["AWS::S3::Bucket"] is no text')],
    ids=str,
)
def test_a_resource_of_another_shape_is_refused_with_its_place(resource: Any, message: str) -> None:
    found = preview(PLACE, [template({"Resources": {"Thing": resource}}, positions={"Resources.Thing": "a.yml:3"})])
    [error] = found.refused
    assert error.message.startswith(message)
    assert (error.subject, error.position) == ("Resources.Thing", "a.yml:3")
