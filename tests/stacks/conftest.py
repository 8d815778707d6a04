"""An AWS account in memory, with what a stack is deployed into."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from tests.stacks.linting import REGION

# Machine images and instance types fill seconds, and no stack here asks for them.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


@cache
def _session() -> Any:
    """Reads each service's model once; its keys are not real."""
    import boto3

    return boto3.session.Session("testing", "testing", region_name=REGION)


@cache
def _client(name: str) -> Any:
    """The client of a service, for every account in turn: making one costs more than any request."""
    return _session().client(name)


@dataclass
class Account:
    """What is there before the stack; `value` gives what a parameter or an export of some name holds."""

    cluster: str = "main"
    ids: dict[str, str] = field(default_factory=dict)

    def client(self, name: str) -> Any:
        return _client(name)

    def prepare(self) -> None:
        ec2, balancing = self.client("ec2"), self.client("elbv2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
            for n, zone in enumerate("ab")
        ]
        group = ec2.create_security_group(GroupName="shared", Description="shared", VpcId=vpc)["GroupId"]
        self.client("ecs").create_cluster(clusterName=self.cluster)
        names = [subnet["SubnetId"] for subnet in subnets]
        balancer = balancing.create_load_balancer(Name="shared", Subnets=names)["LoadBalancers"][0]["LoadBalancerArn"]
        busy = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
        listeners = [
            balancing.create_listener(LoadBalancerArn=balancer, Port=port, Protocol="HTTP", DefaultActions=[busy])
            for port in (80, 443)
        ]
        zone = self.client("route53").create_hosted_zone(Name="example.com", CallerReference="x")["HostedZone"]["Id"]
        http, https = (it["Listeners"][0]["ListenerArn"] for it in listeners)
        self.ids = {
            "VpcId": vpc,
            "Subnets": ",".join(names),
            "CanonicalHostedZoneID": "Z2P70J7EXAMPLE",
            "LoadBalancerDNS": "shared.example.com",
            "HostedZoneID": zone.rpartition("/")[2],
            "lesystemID": "fs-0123456789abcdef0",
            "ClusterId": self.cluster,
            "ClusterName": self.cluster,
            "SecurityGroup": group,
            "HTTPSListenerArn": https,
            "HTTPListenerArn": http,
            "HostedZone": zone.rpartition("/")[2],
            "HostedZoneId": zone.rpartition("/")[2],
            "FullName": "app/shared/0123456789abcdef",
            "DNSName": "shared.example.com",
            "ileSystemID": "fs-0123456789abcdef0",
            "ileSystemId": "fs-0123456789abcdef0",
            "fs-12345": "fs-0123456789abcdef0",
            "shared-fs": "fs-0123456789abcdef0",
            "EnvFileARN": "arn:aws:s3:::bucket/file.env",
            "db-clients": group,
            "NamespaceID": "ns-0123456789abcdef",
            "BucketARN": "arn:aws:s3:::shared",
        }

    def value(self, name: str) -> str:
        if "EnvFileARN" in name:
            return self.ids["EnvFileARN"]
        if "SecurityGroup" in name:
            return self.ids["SecurityGroup"]
        if name.endswith("CertificateArn"):
            return self._certificate()
        return next((value for end, value in self.ids.items() if name.endswith(end)), f"value-of-{name}"[:60])

    def _certificate(self) -> str:
        """Made when a stack asks for one: its key takes longer than the rest of the account."""
        if "CertificateArn" not in self.ids:
            made = self.client("acm").request_certificate(DomainName="example.com")
            self.ids["CertificateArn"] = made["CertificateArn"]
        return self.ids["CertificateArn"]

    def export(self, names: list[str]) -> None:
        """An environment's stack that exports these."""
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {
                f"Output{number}": {"Value": self.value(name), "Export": {"Name": name}}
                for number, name in enumerate(names)
            },
        }
        self.client("cloudformation").create_stack(StackName="environment", TemplateBody=json.dumps(template))

    def create(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, str]:
        """Creates the stack; returns the physical id of every resource."""
        client = self.client("cloudformation")
        client.create_stack(
            StackName="service",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        [stack] = client.describe_stacks(StackName="service")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        resources = client.describe_stack_resources(StackName="service")["StackResources"]
        return {
            it["LogicalResourceId"]: it.get("PhysicalResourceId", "") for it in resources if "LogicalResourceId" in it
        }


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    # moto takes longer to import than all of the other tests to collect.
    from moto import mock_aws

    with mock_aws():
        found = Account()
        found.prepare()
        yield found
