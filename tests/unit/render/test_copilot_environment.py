"""In Copilot's environment: what an update must not replace, and what patches written for Copilot's template find."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator.compiler import Surroundings
from emulator.compiler.addons import SourceText
from emulator.compiler.patches import read_patches
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.stack import render_stack
from tests.unit.render.golden import read_template

Compile = Callable[..., Service]
NLB = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 80}
http: false
nlb: {port: 8080/tcp, target_port: 80, alias: tcp.example.com}
"""
WEB = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 80}
http: {path: /}
exec: true
observability: {tracing: awsxray}
env_file: web.env
secrets: {A: /a}
"""


def stack(service: Service, *, own: bool = False) -> dict[str, Any]:
    return read_template(render_stack(service, StackOptions(in_copilot_environment=not own)))


def test_a_network_load_balancer_has_copilots_logical_ids(compile: Compile) -> None:
    resources = stack(compile(NLB, surroundings=Surroundings(domain="example.com")))["Resources"]
    assert {
        "PublicNetworkLoadBalancerV2",
        "NetworkLoadBalancerSecurityGroup",
        "EnvironmentSecurityGroupIngressFromNetworkLoadBalancerSecurityGroup",
        "NLBListener",
        "NetworkLoadBalancerTargetGroup",
    } <= set(resources)
    group = resources["NetworkLoadBalancerSecurityGroup"]["Properties"]
    assert group["GroupDescription"] == "Allow traffic to the public facing load balancer on listener ports"
    assert group["Tags"] == [{"Key": "Name", "Value": "copilot-demo-test-web-nlb"}]
    # Copilot's custom resource holds the records of aliases.
    assert not [name for name, it in resources.items() if "DNSAlias" in name and "Condition" not in it]


@pytest.mark.parametrize(
    ("alias", "parameter", "default", "zone"),
    [
        ("net.test.demo.example.com", "NLBAliasRecords", "false", {"Fn::ImportValue": "demo-test-HostedZone"}),
        ("tcp.example.com", "NLBHostedZoneId", "", {"Ref": "NLBHostedZoneId"}),
    ],
)
def test_a_network_load_balancer_gets_its_records_where_nothing_else_makes_them(
    compile: Compile, alias: str, parameter: str, default: str, zone: object
) -> None:
    service = compile(NLB.replace("tcp.example.com", alias), surroundings=Surroundings(domain="example.com"))
    template = stack(service)
    [record] = [it for name, it in template["Resources"].items() if "DNSAlias" in name]
    assert record["Properties"]["HostedZoneId"] == zone
    [found] = record["Properties"]["RecordSets"]
    assert (found["Name"], found["Type"]) == (alias, "A")
    assert found["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["PublicNetworkLoadBalancerV2", "DNSName"]}
    assert template["Parameters"][parameter]["Default"] == default
    assert f"'{parameter}'" in str(template["Conditions"][record["Condition"]])


def test_alone_the_network_load_balancer_keeps_its_names_and_has_records(compile: Compile) -> None:
    resources = stack(compile(NLB, surroundings=Surroundings(domain="example.com")), own=True)["Resources"]
    assert {"PublicNetworkLoadBalancer", "NLBSecurityGroup", "NLBTargetGroup", "NLBDNSAliases"} <= set(resources)


def patched(compile: Compile, text: str) -> dict[str, Any]:
    patches = read_patches(SourceText("cfn.patches.yml", text))
    resources: dict[str, Any] = stack(compile(WEB, surroundings=Surroundings(patches=patches)))["Resources"]
    return resources


def test_a_patch_finds_copilots_statements_of_the_execution_role(compile: Compile) -> None:
    path = "/Resources/ExecutionRole/Properties"
    role = patched(
        compile,
        f"- {{op: add, path: {path}/Policies/0/PolicyDocument/Statement/-, value: {{Effect: Allow, Action: 's3:*', "
        "Resource: '*'}}\n"
        f"- {{op: replace, path: {path}/Policies/0/PolicyDocument/Statement/1/Resource, value: ['*']}}\n"
        f"- {{op: add, path: {path}/ManagedPolicyArns/-, value: 'arn:aws:iam::aws:policy/X'}}\n",
    )["ExecutionRole"]["Properties"]
    secrets, files = role["Policies"]
    assert (secrets["PolicyName"], files["PolicyName"]) == (
        "demo-test-webSecretsPolicy",
        "demo-test-webGetEnvFilePolicy",
    )
    actions = [statement["Action"] for statement in secrets["PolicyDocument"]["Statement"]]
    assert actions == [
        ["ssm:GetParameters"],
        ["secretsmanager:GetSecretValue"],
        ["kms:Decrypt"],
        ["kms:Decrypt"],
        "s3:*",
    ]
    assert secrets["PolicyDocument"]["Statement"][1]["Resource"] == ["*"]
    assert role["ManagedPolicyArns"][-1] == "arn:aws:iam::aws:policy/X"
    assert len(role["ManagedPolicyArns"]) == 2


def test_a_patch_finds_copilots_statements_of_the_task_role(compile: Compile) -> None:
    path = "/Resources/TaskRole/Properties/Policies"
    role = patched(compile, f"- {{op: replace, path: {path}/1/PolicyDocument/Statement/1/Resource, value: x}}\n")
    deny, run, traces = role["TaskRole"]["Properties"]["Policies"]
    assert (deny["PolicyName"], run["PolicyName"]) == ("DenyIAM", "ExecuteCommand")
    assert run["PolicyDocument"]["Statement"][1]["Resource"] == "x"
    assert traces["PolicyName"] == "AWSDistroOpenTelemetryPolicy"


def test_a_role_that_gets_one_more_policy_stays_tight(compile: Compile) -> None:
    text = "- {op: add, path: /Resources/ExecutionRole/Properties/Policies/-, value: {PolicyName: Own}}\n"
    policies = patched(compile, text)["ExecutionRole"]["Properties"]["Policies"]
    assert [policy["PolicyName"] for policy in policies] == ["WriteLogs", "ReadSecrets", "ReadEnvironmentFiles", "Own"]


@pytest.mark.parametrize("own", [True, False])
def test_tracing_may_write_logs_as_copilot_lets_it(compile: Compile, own: bool) -> None:
    policies = stack(compile(WEB), own=own)["Resources"]["TaskRole"]["Properties"]["Policies"]
    actions = policies[-1]["PolicyDocument"]["Statement"][0]["Action"]
    assert "xray:PutTraceSegments" in actions
    assert ("logs:PutLogEvents" in actions) is not own


def test_an_existing_load_balancer_with_https_redirects_and_has_no_default_name(compile: Compile) -> None:
    text = WEB.replace("path: /", "path: /, alb: shared, redirect_to_https: false")
    service = compile(text, surroundings=Surroundings(https=True, domain="example.com"))
    assert [(rule.listener, rule.action.type) for rule in service.listener_rules] == [
        ("HTTP", "redirect"),
        ("HTTPS", "forward"),
    ]
    assert [condition.field for condition in service.listener_rules[1].conditions] == ["path-pattern"]


ALIASES = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 80}
http:
  path: /
  alias: [{name: a.example.org, hosted_zone: ZONE1}, {name: b.example.org, hosted_zone: ZONE2}]
  additional_rules:
    - {path: /one, alias: [{name: c.example.org, hosted_zone: ZONE1}, {name: a.example.org, hosted_zone: ZONE1}]}
    - {path: /two, alias: [d.example.org, e.example.org], hosted_zone: ZONE3}
    - {path: /three, alias: [web.test.demo.example.com, f.example.com]}
"""


def records(resources: dict[str, Any]) -> dict[str, list[str]]:
    return {
        name: [record["Name"] for record in it["Properties"]["RecordSets"]]
        for name, it in resources.items()
        if it["Type"] == "AWS::Route53::RecordSetGroup"
    }


@pytest.mark.parametrize("own", [True, False])
def test_every_alias_with_a_hosted_zone_has_one_record(compile: Compile, own: bool) -> None:
    service = compile(ALIASES, surroundings=Surroundings(https=True, domain="example.com"))
    expected = {
        "LoadBalancerDNSAliasZONE1": ["a.example.org", "c.example.org"],
        "LoadBalancerDNSAliasZONE2": ["b.example.org"],
        "LoadBalancerDNSAliasZONE3": ["d.example.org", "e.example.org"],
    }
    if own:  # in Copilot's environment the others are the environment's
        expected["LoadBalancerDNSAlias"] = ["web.test.demo.example.com"]
        expected["LoadBalancerDNSAliases"] = ["f.example.com"]
    assert records(stack(service, own=own)["Resources"]) == expected


def test_without_https_there_are_no_records(compile: Compile) -> None:
    assert records(stack(compile(ALIASES), own=True)["Resources"]) == {}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("{op: add, path: /Resorces, value: {}}", "no section of a CloudFormation template"),
        ("{op: remove, path: /Resources/DiscoveryService}", "refers to DiscoveryService"),
        (
            "{op: replace, path: /Outputs/ServiceName/Value, value: !Ref Nothing}",
            "output ServiceName refers to Nothing",
        ),
    ],
)
def test_a_patch_that_leaves_no_template_is_refused_at_its_line(compile: Compile, patch: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        patched(compile, f"- {patch}\n")


def test_patches_may_refer_to_parameters_of_copilots_template(compile: Compile) -> None:
    value = "[{Key: a, Value: !Sub '${TaskCPU}-${LogRetention}'}]"
    text = f"- {{op: add, path: /Resources/LogGroup/Properties/Tags, value: {value}}}\n"
    assert patched(compile, text)["LogGroup"]["Properties"]["Tags"] == [{"Key": "a", "Value": "256-30"}]


@pytest.mark.parametrize("own", [True, False])
def test_what_finds_the_listener_of_a_load_balancer_by_name_asks_for_its_arn(compile: Compile, own: bool) -> None:
    text = WEB.replace("path: /", "path: /, alb: shared")
    parameters = stack(compile(text), own=own)["Parameters"]
    told = parameters["HTTPListenerArn"]["Description"]
    assert "--load-balancer-arn shared" not in told
    query = "--names shared --query 'LoadBalancers[0].LoadBalancerArn' --output text"
    asked = f'--load-balancer-arn "$(aws elbv2 describe-load-balancers {query})" --query'
    assert asked in told


WORKER = """\
name: work
type: Worker Service
image: {location: work}
count: {range: 1-3, cpu_percentage: 50}
"""


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("Conditions", {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}),
        ("Parameters", {"Type": "String", "Default": "x"}),
        ("Metadata", {"by": "us"}),
    ],
)
def test_a_patch_adds_to_a_section_that_copilots_template_always_has(
    compile: Compile, section: str, value: dict[str, Any]
) -> None:
    assert section not in stack(compile(WORKER))
    text = f"- {{op: add, path: /{section}/Mine, value: {json.dumps(value)}}}\n"
    patches = read_patches(SourceText("cfn.patches.yml", text))
    assert stack(compile(WORKER, surroundings=Surroundings(patches=patches)))[section] == {"Mine": value}


def test_a_section_that_patches_add_nothing_to_is_left_out(compile: Compile) -> None:
    patches = read_patches(SourceText("cfn.patches.yml", "- {op: add, path: /Conditions/Mine, value: true}\n"))
    template = stack(compile(WORKER, surroundings=Surroundings(patches=patches)))
    assert {"Parameters", "Metadata"}.isdisjoint(template)


LISTENER = "HTTPListenerArn"


def test_what_the_environment_exports_is_imported(compile: Compile) -> None:
    template = stack(compile(WEB))
    rules = [it for it in template["Resources"].values() if it["Type"].endswith("::ListenerRule")]
    assert [it["Properties"]["ListenerArn"] for it in rules] == [{"Fn::ImportValue": f"demo-test-{LISTENER}"}]
    assert LISTENER not in template["Parameters"]
    assert {"Fn::ImportValue": "demo-test-PublicLoadBalancerDNS"} in values_of(template["Resources"])


def test_older_environments_take_parameters(compile: Compile) -> None:
    options = StackOptions(in_copilot_environment=True, environment_parameters=True)
    template: dict[str, Any] = read_template(render_stack(compile(WEB), options))
    rules = [it for it in template["Resources"].values() if it["Type"].endswith("::ListenerRule")]
    assert [it["Properties"]["ListenerArn"] for it in rules] == [{"Ref": LISTENER}]
    assert "--stack-name demo-test" in template["Parameters"][LISTENER]["Description"]


def values_of(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(found for item in inner for found in values_of(item))]
