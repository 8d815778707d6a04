"""What `copilot storage init` leaves beside a workload, made on an endpoint."""

from __future__ import annotations

import json

from tests.unit.aws.stacks.asking import Endpoint, stack
from tests.unit.render.storage_addons import AURORA, BUCKET, TABLE

OWNER = {"Owner": "api-team"}
AURORA_STACK = "demo-test-api-AddonsStack"
DATABASE = {
    f"{AURORA_STACK}/dataDBCluster": {
        "host": "demo-test-data.local",
        "port": 5432,
        "engine": "aurora-postgresql",
        "identifier": "demo-test-data",
    }
}


def test_a_bucket_takes_objects_and_its_policy_is_left_out(endpoint: Endpoint) -> None:
    outputs = endpoint.outputs(BUCKET)
    name = outputs["photosName"]
    assert name == name.lower()
    assert outputs["photosAccessPolicy"].startswith("arn:aws:iam::000000000000:policy/")
    endpoint.call("s3", "PutObject", Bucket=name, Key="a", Body=b"1")
    assert endpoint.call("s3", "GetObject", Bucket=name, Key="a")["Body"].read() == b"1"
    assert endpoint.call("s3", "GetBucketVersioning", Bucket=name)["Status"] == "Enabled"


def test_a_table_has_its_keys_and_index(endpoint: Endpoint) -> None:
    assert endpoint.outputs(TABLE)["ordersName"] == "demo-test-api-orders"
    table = endpoint.call("dynamodb", "DescribeTable", TableName="demo-test-api-orders")["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["customer", "time"]
    assert [index["IndexName"] for index in table["LocalSecondaryIndexes"]] == ["amount"]


def test_an_aurora_cluster_gives_a_secret_with_its_address(endpoint: Endpoint) -> None:
    answer = endpoint.provision(stack(AURORA, parameters=OWNER), databases=DATABASE)
    outputs = answer["stacks"][AURORA_STACK]["outputs"]
    fields = json.loads(endpoint.secret(outputs["dataSecret"]["value"]))
    password = fields.pop("password")
    assert len(password) == 16
    assert password.isalnum()
    assert fields == {
        "username": "postgres",
        "engine": "postgres",
        "host": "demo-test-data.local",
        "port": 5432,
        "dbname": "main",
        "dbClusterIdentifier": "demo-test-data",
    }
    assert outputs["dataSecurityGroup"]["value"].startswith("sg-")
    [account] = answer["databases"].values()
    assert account == {
        "engine": "aurora-postgresql",
        "version": "",
        "username": "postgres",
        "password": password,
        "dbname": "main",
    }


def test_all_three_again_change_nothing(endpoint: Endpoint) -> None:
    stacks = [
        stack(BUCKET, "demo-test-bucket"),
        stack(TABLE, "demo-test-table"),
        stack(AURORA, AURORA_STACK, parameters=OWNER),
    ]
    first = endpoint.provision(*stacks, databases=DATABASE)
    assert endpoint.provision(*stacks, databases=DATABASE) == first


def test_an_endpoint_that_lost_everything_makes_the_same_password_again(endpoint: Endpoint) -> None:
    aurora = stack(AURORA, parameters=OWNER)
    first = endpoint.provision(aurora, databases=DATABASE)["databases"]
    endpoint.lose_everything()
    assert endpoint.provision(aurora, databases=DATABASE)["databases"] == first


def test_another_seed_makes_another_password(endpoint: Endpoint) -> None:
    aurora = stack(AURORA, parameters=OWNER)
    first = endpoint.provision(aurora, databases=DATABASE)["databases"]
    endpoint.lose_everything()
    assert endpoint.provision(aurora, databases=DATABASE, seed="ff" * 16)["databases"] != first
