"""An environment's stack, part by part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.compiler.environment.compile import compile_environment, needs_of
from emulator.ecs.addons.model import Addons
from emulator.ecs.environment.model import Environment, ManagedVpc, Needs
from emulator.ecs.network import DnsAlias
from emulator.errors import InputError, Position, Unsupported
from emulator.manifest import load_environment
from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from tests.unit.render.conftest import Compile
from tests.unit.render.golden import read_template

WEB = Needs(public_balancer=("web",))


def environment(text: str, folder: Path, **more: Any) -> Environment:
    """The environment `test` of the application `demo`, of a manifest without its first two lines."""
    path = folder / "environments" / "test" / "manifest.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"name: test\ntype: Environment\n{text}")
    loaded = load_environment(path, variables={}, app="demo", strict=more.pop("strict", True))
    needs = more.pop("needs", WEB)
    made = compile_environment(loaded.manifest, app="demo", needs=needs, position=loaded.position, source=loaded.text)
    return replace(made, **more)


def stack(found: Environment, **options: Any) -> dict[str, Any]:
    return read_template(render_environment(found, EnvironmentOptions(**options))[0])


def alias(name: str, zone: str | None = None) -> DnsAlias:
    return DnsAlias(name=name, hosted_zone=zone, position=Position("copilot/web/manifest.yml", 7))


LBWS = "name: {name}\ntype: Load Balanced Web Service\nimage: {{location: x, port: 80}}\ncpu: 256\nmemory: 512\n"
BACKEND = LBWS.replace("Load Balanced Web Service", "Backend Service")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (LBWS + "http: {{path: /}}\n", Needs(public_balancer=("a",))),
        (LBWS + "http: false\nnlb: {{port: 80/tcp}}\n", Needs()),
        (LBWS + "http: {{path: /, alb: 'arn:aws:elasticloadbalancing:x:1:loadbalancer/app/a/b'}}\n", Needs()),
        (BACKEND, Needs()),
        (BACKEND + "http: {{path: /}}\n", Needs(internal_balancer=("a",))),
        (BACKEND + "network: {{vpc: {{placement: private}}}}\n", Needs(nat=("a",))),
        (BACKEND + "storage: {{volumes: {{data: {{path: /d, efs: true}}}}}}\n", Needs(file_system=("a",))),
        (BACKEND + "storage: {{volumes: {{data: {{path: /d, efs: {{id: fs-1}}}}}}}}\n", Needs()),
    ],
    ids=["public", "nlb-only", "existing", "nothing", "internal", "private", "managed-efs", "own-efs"],
)
def test_what_a_service_needs(text: str, needs: Needs, compile: Compile) -> None:
    assert needs_of([compile(text.format(name="a"))]) == needs


def test_names_of_those_who_need_it_stand_above(tmp_path: Path) -> None:
    text, _ = render_environment(environment("", tmp_path, needs=Needs(("api", "web"))), EnvironmentOptions())
    assert "  # The public load balancer, for api, web\n  PublicLoadBalancer:" in text


def test_a_rule_for_every_type_of_icmp(tmp_path: Path) -> None:
    text = "network: {vpc: {security_group: {ingress: [{ports: -1, ip_protocol: icmp, cidr: 10.0.0.0/8}]}}}\n"
    group = stack(environment(text, tmp_path))["Resources"]["EnvironmentSecurityGroup"]["Properties"]
    assert group["SecurityGroupIngress"] == [
        {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "CidrIp": "10.0.0.0/8"}
    ]


def test_policies_of_several_lines_are_blocks(tmp_path: Path) -> None:
    text, _ = render_environment(environment("", tmp_path), EnvironmentOptions())
    assert '      PolicyDocument: !Sub |\n        {\n          "Version": "2012-10-17",\n' in text


def test_what_holds_data_or_names_outlives_the_stack(tmp_path: Path) -> None:
    found = environment(
        "http: {public: {access_logs: true}}\n",
        tmp_path,
        needs=Needs(("web",), ("api",), ("web",)),
        domain="example.com",
    )
    kept = {key for key, it in stack(found)["Resources"].items() if it.get("DeletionPolicy") == "Retain"}
    assert kept == {
        "ServiceDiscoveryNamespace",
        "FileSystem",
        "EnvironmentHostedZone",
        "InternalWorkloadsHostedZone",
        "HTTPSCert",
        "ELBAccessLogsBucket",
    }
    assert all(stack(found)["Resources"][key]["UpdateReplacePolicy"] == "Retain" for key in kept)


class TestNetwork:
    def test_subnets_of_a_number_are_in_one_zone(self, tmp_path: Path) -> None:
        found = environment(
            "network:\n  vpc:\n    cidr: 10.1.0.0/16\n    subnets:\n"
            "      public: [{cidr: 10.1.1.0/24, az: eu-west-1b}, {cidr: 10.1.0.0/24, az: eu-west-1a}]\n"
            "      private: [{cidr: 10.1.2.0/24, az: eu-west-1a}, {cidr: 10.1.3.0/24, az: eu-west-1b}]\n",
            tmp_path,
        )
        assert found.vpc == ManagedVpc(
            "10.1.0.0/16",
            ("10.1.0.0/24", "10.1.1.0/24"),
            ("10.1.2.0/24", "10.1.3.0/24"),
            ("eu-west-1a", "eu-west-1b"),
        )
        subnets = [it for it in stack(found)["Resources"].values() if it["Type"] == "AWS::EC2::Subnet"]
        assert [it["Properties"]["AvailabilityZone"] for it in subnets] == ["eu-west-1a", "eu-west-1b"] * 2

    def test_an_existing_vpc_without_public_subnets_exports_none(self, tmp_path: Path) -> None:
        found = environment(
            "network: {vpc: {id: vpc-1, subnets: {private: [{id: subnet-1}, {id: subnet-2}]}}}\n",
            tmp_path,
            needs=Needs(nat=("api",)),
        )
        made = stack(found)
        assert "PublicSubnets" not in made["Outputs"]
        assert made["Outputs"]["PrivateSubnets"]["Value"] == {"Fn::Join": [",", ["subnet-1", "subnet-2"]]}
        assert not any(it["Type"] == "AWS::EC2::NatGateway" for it in made["Resources"].values())

    @pytest.mark.parametrize(
        ("text", "needs", "message"),
        [
            ("{cidr: 10.1.0.0/16}", Needs(), "manifest.yml:3:11: network.vpc.cidr with 0 public and 0 private subnets"),
            (
                "{id: vpc-1, subnets: {private: [{id: subnet-1}, {id: subnet-2}]}}",
                WEB,
                "the public load balancer, for web, needs public subnets",
            ),
            (
                "{id: vpc-1, subnets: {public: [{id: subnet-1}, {id: subnet-2}]}}",
                Needs(internal_balancer=("api",)),
                "the internal load balancer, for api, needs private subnets",
            ),
            (
                "{id: vpc-1, subnets: {public: [{id: subnet-1}, {id: subnet-2}]}}",
                Needs(file_system=("api",)),
                "the shared file system, for api, needs private subnets",
            ),
        ],
    )
    def test_missing_subnets_are_said(self, text: str, needs: Needs, message: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=message):
            environment(f"network: {{vpc: {text}}}\n", tmp_path, needs=needs, strict=False)

    def test_flow_logs_are_kept_as_long_as_asked_and_their_role_is_bounded(self, tmp_path: Path) -> None:
        found = environment("network: {vpc: {flow_logs: {retention: 60}}}\n", tmp_path)
        made = stack(found, permissions_boundary="limits")["Resources"]
        assert made["VpcFlowLogGroup"]["Properties"]["RetentionInDays"] == 60
        assert "policy/limits" in str(made["FlowLogRole"]["Properties"]["PermissionsBoundary"])


class TestLoadBalancers:
    def test_certificates_of_the_internal_one_take_the_place_of_its_zone(self, tmp_path: Path) -> None:
        first, second = "arn:aws:acm:x:1:certificate/a", "arn:aws:acm:x:1:certificate/b"
        found = environment(
            f"http: {{private: {{certificates: ['{first}', '{second}'], ssl_policy: P, ingress: {{vpc: true}}}}}}\n",
            tmp_path,
            needs=Needs(internal_balancer=("api",)),
        )
        made = stack(found)
        listener = made["Resources"]["InternalHTTPSListener"]["Properties"]
        assert listener["Certificates"] == [{"CertificateArn": first}]
        assert listener["SslPolicy"] == "P"
        more = made["Resources"]["InternalHTTPSImportCertificate2"]["Properties"]
        assert more["Certificates"] == [{"CertificateArn": second}]
        assert "InternalLoadBalancerSecurityGroupIngressFromHttps" in made["Resources"]
        assert "InternalWorkloadsHostedZone" not in made["Resources"]
        assert "InternalHTTPSListenerArn" in made["Outputs"]
        assert "HTTPListenerArn" not in made["Outputs"]

    def test_older_spelling_of_who_may_reach_it(self, tmp_path: Path) -> None:
        found = environment(
            "cdn: true\nhttp:\n  public:\n    security_groups:\n      ingress:\n        restrict_to: {cdn: true}\n",
            tmp_path,
        )
        group = stack(found)["Resources"]["PublicHTTPLoadBalancerSecurityGroup"]["Properties"]
        [rule] = group["SecurityGroupIngress"]
        assert rule["SourcePrefixListId"] == {"Ref": "CloudFrontPrefixListId"}

    def test_subnets_of_the_internal_one(self, tmp_path: Path) -> None:
        found = environment(
            "network: {vpc: {id: vpc-1, subnets: {private: [{id: subnet-1}, {id: subnet-2}, {id: subnet-3}]}}}\n"
            "http: {private: {subnets: [subnet-2, subnet-3]}}\n",
            tmp_path,
            needs=Needs(internal_balancer=("api",)),
        )
        balancer = stack(found)["Resources"]["InternalLoadBalancer"]["Properties"]
        assert balancer["Subnets"] == ["subnet-2", "subnet-3"]


class TestNames:
    ALIASES = (alias("www.example.com"), alias("a.demo.example.com"), alias("b.test.demo.example.com"))

    def found(self, folder: Path, *aliases: DnsAlias, text: str = "") -> Environment:
        return environment(text, folder, needs=Needs(("web",), aliases=aliases), domain="example.com")

    def test_the_certificate_has_every_name_and_validates_it_in_its_zone(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, *self.ALIASES))["Resources"]["HTTPSCert"]["Properties"]
        assert made["DomainName"] == "test.demo.example.com"
        assert made["SubjectAlternativeNames"] == [
            "*.test.demo.example.com",
            "b.test.demo.example.com",
            "a.demo.example.com",
            "www.example.com",
        ]
        zones = {it["DomainName"]: it["HostedZoneId"]["Ref"] for it in made["DomainValidationOptions"]}
        assert zones == {
            "test.demo.example.com": "EnvironmentHostedZone",
            "b.test.demo.example.com": "EnvironmentHostedZone",
            "a.demo.example.com": "AppHostedZoneId",
            "www.example.com": "DomainHostedZoneId",
        }

    def test_aliases_get_records_of_the_load_balancer(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, *self.ALIASES))["Resources"]
        groups = [it["Properties"] for it in made.values() if it["Type"] == "AWS::Route53::RecordSetGroup"]
        names = {it["HostedZoneId"]["Ref"]: [record["Name"] for record in it["RecordSets"]] for it in groups}
        assert names == {
            "EnvironmentHostedZone": ["b.test.demo.example.com"],
            "AppHostedZoneId": ["a.demo.example.com"],
            "DomainHostedZoneId": ["www.example.com"],
        }
        assert "PublicLoadBalancer" in str(groups)

    def test_with_cloudfront_they_lead_to_it(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, *self.ALIASES, text="cdn: true\n"))["Resources"]
        assert made["CloudFrontDistribution"]["Properties"]["DistributionConfig"]["Aliases"] == [
            "a.demo.example.com",
            "b.test.demo.example.com",
            "www.example.com",
        ]
        assert "CloudFrontDistribution" in str(made["AliasRecords1"])

    def test_zones_of_another_account_are_left_alone(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, *self.ALIASES), delegate=False)
        assert "Parameters" not in made
        assert "NameServers" in made["Outputs"]
        kinds = [it["Type"] for it in made["Resources"].values()]
        assert kinds.count("AWS::Route53::RecordSetGroup") == 1
        assert "AWS::Route53::RecordSet" not in kinds

    def test_in_place_the_certificate_and_the_records_are_there_already(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, *self.ALIASES), in_place=True)
        listener = made["Resources"]["HTTPSListener"]["Properties"]
        assert listener["Certificates"] == [{"CertificateArn": {"Ref": "HTTPSCertificateArn"}}]
        assert not any("RecordSet" in it["Type"] for it in made["Resources"].values())

    def test_an_alias_with_a_zone_of_its_own_is_the_services(self, tmp_path: Path) -> None:
        made = stack(self.found(tmp_path, alias("shop.other.org", "Z1")))["Resources"]
        assert "shop.other.org" not in str(made)

    def test_an_alias_outside_of_the_domain_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"manifest.yml:7: the alias shop.other.org is not below example.com"):
            stack(self.found(tmp_path, alias("shop.other.org")))


class TestInPlace:
    def test_copilots_parameters_stay_and_nothing_depends_on_the_lists(self, tmp_path: Path) -> None:
        made = stack(environment("# kept\n", tmp_path), in_place=True)
        assert len(made["Parameters"]) == 14
        assert not any("Default" in it for it in made["Parameters"].values())
        assert "Workloads" not in str(made["Resources"])
        assert "Workloads" in str(made["Outputs"]["EnabledFeatures"])
        assert made["Metadata"]["Manifest"] == "name: test\ntype: Environment\n# kept\n"

    def test_the_namespace_keeps_its_name_whatever_version_made_it(self, tmp_path: Path) -> None:
        made = stack(environment("", tmp_path), in_place=True)["Resources"]["ServiceDiscoveryNamespace"]
        assert made["Properties"]["Name"] == {"Ref": "ServiceDiscoveryEndpoint"}
        made = stack(environment("", tmp_path))["Resources"]["ServiceDiscoveryNamespace"]
        assert made["Properties"]["Name"] == "test.demo.local"

    def test_certificate_of_cloudfront_is_the_copy_that_is_there(self, tmp_path: Path) -> None:
        made = stack(environment("cdn: true\n", tmp_path, domain="example.com"), in_place=True)
        assert "CertificateReplicator" in made["Parameters"]["CloudFrontCertificateArn"]["Description"]


class TestAddons:
    def addons(self, reference: Any) -> Addons:
        return Addons(
            sections={
                "Parameters": {"App": {"Type": "String"}, "Env": {"Type": "String"}, "Vpc": {"Type": "String"}},
                "Resources": {
                    "Group": {
                        "Type": "AWS::EC2::SecurityGroup",
                        "Properties": {"GroupDescription": {"Fn::Sub": "${App}-${Env}"}, "VpcId": {"Ref": "Vpc"}},
                    }
                },
                "Outputs": {
                    "Group": {"Value": {"Ref": "Group"}, "Export": {"Name": {"Fn::Sub": "${App}-${Env}-Group"}}}
                },
            },
            parameters={"Vpc": reference},
            positions={"Resources.Group": Position("copilot/environments/addons/a.yml", 6)},
        )

    def test_inline_in_a_new_environment(self, tmp_path: Path) -> None:
        made = stack(environment("", tmp_path, addons=self.addons({"Ref": "VPC"})))
        properties = made["Resources"]["Group"]["Properties"]
        assert properties == {"GroupDescription": "demo-test", "VpcId": {"Ref": "VPC"}}
        assert made["Outputs"]["Group"]["Export"] == {"Name": "demo-test-Group"}

    def test_inline_in_place_leaves_what_copilot_reads(self, tmp_path: Path) -> None:
        addons = self.addons({"Ref": "VPC"})
        addons.sections["Metadata"] = {"Owner": "team", "Version": "v0"}
        own = stack(environment("", tmp_path), in_place=True, addons="inline")["Metadata"]
        made = stack(environment("", tmp_path, addons=addons), in_place=True, addons="inline")
        assert {"Version", "Manifest"} <= own.keys()
        assert made["Metadata"] == {"Owner": "team", **own}

    def test_nested_in_place(self, tmp_path: Path) -> None:
        made = stack(environment("", tmp_path, addons=self.addons({"Ref": "VPC"})), in_place=True)
        nested = made["Resources"]["AddonsStack"]["Properties"]
        assert nested["Parameters"] == {"App": "demo", "Env": "test", "Vpc": {"Ref": "VPC"}}
        assert nested["TemplateURL"] == {"Ref": "AddonsTemplateURL"}
        assert "Group" not in made["Outputs"]

    def test_a_reference_to_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"a.yml:6: Group refers to FileSystem") as caught:
            stack(environment("", tmp_path, addons=self.addons({"Ref": "FileSystem"})))
        assert "no service needs it" in caught.value.hint


def test_files_of_a_static_site_are_refused(tmp_path: Path) -> None:
    text = "cdn:\n  static_assets:\n    location: pages\n    alias: a.example.com\n    path: static/*\n"
    with pytest.raises(Unsupported, match=r"manifest.yml:5:5: .*Static Site pages"):
        environment(text, tmp_path)
