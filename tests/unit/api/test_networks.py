"""EC2's networks, as clients look for them before they run a task."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.api.conftest import Api


def test_an_environment_has_a_vpc_with_a_subnet(api: Api) -> None:
    ec2 = api.client("ec2")
    default = [{"Name": "isDefault", "Values": ["true"]}]
    [vpc] = ec2.describe_vpcs(Filters=default)["Vpcs"]
    assert (vpc["IsDefault"], vpc["State"]) == (True, "available")
    assert ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"] == [vpc]
    assert ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"] == []
    [subnet] = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert (subnet["VpcId"], subnet["AvailabilityZone"]) == (vpc["VpcId"], "us-east-1a")
    assert ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"] == [subnet]


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("describe_vpcs", {"VpcIds": ["vpc-1"]}, "InvalidVpcID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["subnet-1"]}, "InvalidSubnetID.NotFound"),
        ("describe_vpcs", {"Filters": [{"Name": "cidr", "Values": ["10.0.0.0/8"]}]}, "InvalidParameterValue"),
        ("describe_security_groups", {}, "UnsupportedFeatureException"),
    ],
)
def test_what_is_not_there(api: Api, operation: str, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(api.client("ec2"), operation)(**asked)
    assert caught.value.response["Error"]["Code"] == code
