"""Leaving Copilot, rehearsed: an environment and its services as Copilot made them, taken over by the commands that the
guide has, on an account in memory. What holds data or is known to others is listed before and after."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.as_copilot import (
    APP,
    DOMAIN,
    ENV,
    ENVIRONMENT,
    EXPECTED,
    LISTS,
    WORKLOADS,
    Source,
    expected,
    rebuilt,
    write_workspace,
)
from tests.stacks.conftest import Account
from tests.stacks.deployed import Json, Stacks, correct_moto
from tests.stacks.terminal import Terminal
from tests.unit.render import golden

TAKEN_OVER = ("fe", "dogworker")

SOURCES = [
    pytest.param(expected, id="expected", marks=pytest.mark.skipif(not EXPECTED, reason=golden.ABSENT)),
    pytest.param(rebuilt, id="rebuilt"),
]


def delete_certificate(stacks: Stacks, stack: str, id: str, properties: Json) -> None:
    """`dns-cert-validator`: the certificate goes."""
    stacks.account.client("acm").delete_certificate(CertificateArn=id)


def delete_delegation(stacks: Stacks, stack: str, id: str, properties: Json) -> None:
    """`dns-delegation`: the name server record in the application's zone goes."""
    route53 = stacks.account.client("route53")
    [zone] = [it for it in route53.list_hosted_zones()["HostedZones"] if it["Name"] == f"{APP}.{DOMAIN}."]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    [found] = [it for it in records if it["Name"].startswith(f"{ENV}.")]
    change_records(stacks.account, zone["Id"], "DELETE", found)


def empty_bucket(stacks: Stacks, stack: str, id: str, properties: Json) -> None:
    """`bucket-cleaner`: every version of every object goes."""
    s3 = stacks.account.client("s3")
    for bucket in log_buckets(stacks.account):
        for one in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def leave_the_lists(stacks: Stacks, stack: str, id: str, properties: Json) -> None:
    """`env-controller`: the workload's name goes from the lists of the environment's stack, which is updated."""
    workload = stacks.found[ENVIRONMENT]
    values = dict(workload.parameters)
    for name in LISTS:
        if name in values:
            names = [it for it in values[name].split(",") if it != stack.removeprefix(f"{ENVIRONMENT}-")]
            values[name] = ",".join(names)
    if values != workload.parameters:
        stacks.update(ENVIRONMENT, workload.text, values)


def nothing(stacks: Stacks, stack: str, id: str, properties: Json) -> None:
    """A function that answers only."""


HANDLERS = {
    "Custom::CertificateValidationFunction": delete_certificate,
    "Custom::DNSDelegationFunction": delete_delegation,
    "Custom::BucketCleanerFunction": empty_bucket,
    "Custom::EnvControllerFunction": leave_the_lists,
    "Custom::RulePriorityFunction": nothing,
    "Custom::DynamicDesiredCountFunction": nothing,
}


def change_records(account: Account, zone: str, action: str, record: Json) -> None:
    changes = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)


def listed(account: Account) -> dict[str, set[str]]:
    """What holds data or is known to others, in every service that the stacks use, by its id."""

    def ids(client: str, operation: str, key: str, id: str, **more: Any) -> set[str]:
        found = getattr(account.client(client), operation)(**more)[key]
        return {it[id] if id else it for it in found}

    route53, s3 = account.client("route53"), account.client("s3")
    zones = ids("route53", "list_hosted_zones", "HostedZones", "Id")
    buckets = {it["Name"] for it in s3.list_buckets()["Buckets"]}
    balancers = ids("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn")
    clusters = ids("ecs", "list_clusters", "clusterArns", "")
    return {
        "load balancers": balancers,
        "listeners": {
            it["ListenerArn"]
            for arn in balancers
            for it in account.client("elbv2").describe_listeners(LoadBalancerArn=arn)["Listeners"]
        },
        "target groups": ids("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
        "file systems": ids("efs", "describe_file_systems", "FileSystems", "FileSystemId"),
        "zones": zones,
        "records": {
            f"{zone} {it['Type']} {it['Name']}"
            for zone in zones
            for it in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        },
        "certificates": ids("acm", "list_certificates", "CertificateSummaryList", "CertificateArn"),
        "buckets": buckets,
        "objects": {
            f"{bucket}/{it['Key']}"
            for bucket in buckets
            for it in s3.list_objects_v2(Bucket=bucket).get("Contents", ())
        },
        "queues": set(account.client("sqs").list_queues().get("QueueUrls", ())),
        "topics": ids("sns", "list_topics", "Topics", "TopicArn"),
        "log groups": ids("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "networks": ids("ec2", "describe_vpcs", "Vpcs", "VpcId"),
        "subnets": ids("ec2", "describe_subnets", "Subnets", "SubnetId"),
        "clusters": clusters,
        "services": {arn for it in clusters for arn in account.client("ecs").list_services(cluster=it)["serviceArns"]},
        "namespaces": ids("servicediscovery", "list_namespaces", "Namespaces", "Id"),
        "exports": ids("cloudformation", "list_exports", "Exports", "Name"),
    }


@pytest.fixture(params=SOURCES)
def terminal(
    request: pytest.FixtureRequest,
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Terminal:
    """The team's workspace, and in the account what Copilot left: the environment with its load balancer and file
    system, and three workloads."""
    source: Source = request.param()
    write_workspace(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAG", "1")
    stacks = Stacks(account, HANDLERS)
    correct_moto(monkeypatch, stacks)
    found = Terminal(stacks, capsys, tmp_path / "bin", monkeypatch)
    deploy_as_copilot(stacks, source, found.run)
    return found


def deploy_as_copilot(stacks: Stacks, source: Source, run: Callable[[str], str]) -> None:
    account = stacks.account
    route53, acm = account.client("route53"), account.client("acm")
    app_zone = route53.create_hosted_zone(Name=f"{APP}.{DOMAIN}", CallerReference="app")["HostedZone"]["Id"]
    certificate = acm.request_certificate(DomainName=f"{ENV}.{APP}.{DOMAIN}", ValidationMethod="DNS")["CertificateArn"]
    servers: Json = {"ResourceRecords": [{"Value": "ns-1.awsdns-01.org"}], "TTL": 60}
    change_records(account, app_zone, "UPSERT", {"Name": f"{ENV}.{APP}.{DOMAIN}", "Type": "NS", **servers})
    values = {
        "AppName": APP,
        "EnvironmentName": ENV,
        **dict.fromkeys(LISTS, ""),
        "ALBWorkloads": "fe",
        "EFSWorkloads": "job",
        "ToolsAccountPrincipalARN": "arn:aws:iam::123456789012:root",
        "AppDNSName": DOMAIN,
        "AppDNSDelegationRole": f"arn:aws:iam::123456789012:role/{APP}-DNSDelegationRole",
        "CreateHTTPSListener": "true",
        "CreateInternalHTTPSListener": "false",
        "ServiceDiscoveryEndpoint": f"{ENV}.{APP}.local",
    }
    custom = {"HTTPSCert": certificate, "DelegateDNSAction": "delegation"}
    stacks.create(ENVIRONMENT, source.template(ENV, run), values, custom)
    client, s3 = account.client("cloudformation"), account.client("s3")
    [bucket] = log_buckets(account)
    s3.put_object(Bucket=bucket, Key="AWSLogs/log.gz", Body=b"requests")
    groups = ("MyUserDBAccessSecurityGroup1", "MyUserDBAccessSecurityGroup2")
    account.export(["stack-fs-12345", "stack-SSMGHUserName", "MYDB", *groups])
    outputs = client.describe_stacks(StackName=ENVIRONMENT)["Stacks"][0]["Outputs"]
    answers = {f"EnvControllerAction.{it['OutputKey']}": it["OutputValue"] for it in outputs}
    answers |= {"HTTPSRulePriorityAction.Priority": "1", "HTTPRuleWithDomainPriorityAction.Priority": "1"}
    for name in reversed(WORKLOADS):
        parameters = source.parameters(name)
        counts = {"DynamicDesiredCountAction.DesiredCount": parameters["TaskCount"]}
        stacks.create(f"{ENVIRONMENT}-{name}", source.template(name, run), parameters, answers | counts)


def log_buckets(account: Account) -> list[str]:
    names = [it["Name"] for it in account.client("s3").list_buckets()["Buckets"]]
    return [name for name in names if "elbaccesslogs" in name.lower()]


def test_copilot_is_left_without_loss(terminal: Terminal) -> None:
    stacks, account = terminal.stacks, terminal.stacks.account
    before = listed(account)
    report = terminal.run(f"copilot-local leave report -e {ENV}")
    assert f"{ENVIRONMENT}: the environment" in report
    assert "PublicLoadBalancer (AWS::ElasticLoadBalancingV2::LoadBalancer): clients know its name [for fe]" in report
    assert "FileSystem (AWS::EFS::FileSystem): holds data [for job]" in report

    protect(terminal, ENVIRONMENT)
    terminal.run(f"copilot-local render environment -e {ENV} --in-place -o out")
    certificate = command_in(terminal, f"out/{ENV}.environment.stack.yml", "HTTPSCertificateArn")
    said = take_over(terminal, f"env deploy -e {ENV}", f"HTTPSCertificateArn={certificate}\n")
    looks = [line for line in said.splitlines() if line.strip().startswith("look")]
    assert all("has no Retain as its DeletionPolicy" in line for line in looks), "it was protected; no more is to see"
    for name in TAKEN_OVER:
        stack = f"{ENVIRONMENT}-{name}"
        protect(terminal, stack)
        take_over(terminal, f"svc deploy --take-over -e {ENV} -n {name}")
    assert missing(before, listed(account)) == {}
    assert not [it for stack in (ENVIRONMENT, *TAKEN_OVER) for it in custom_resources(stacks, stack)]
    assert stacks.termination_protection == {ENVIRONMENT, *(f"{ENVIRONMENT}-{name}" for name in TAKEN_OVER)}

    # What is left of Copilot: a workload that it deployed and nobody needs any more, and its functions.
    terminal.run(f"aws cloudformation delete-stack --stack-name {ENVIRONMENT}-job")
    assert stacks.parameters_of(ENVIRONMENT)["EFSWorkloads"] == "", "its custom resource took it off the list"
    functions = account.client("lambda")
    for function in functions.list_functions()["Functions"]:
        functions.delete_function(FunctionName=function["FunctionName"])
    lost = missing(before, listed(account))
    assert {"topics", "log groups"} <= set(lost) <= {"topics", "log groups", "exports"}
    assert all(f"{ENVIRONMENT}-job" in one for ids in lost.values() for one in ids)


@pytest.mark.parametrize("terminal", SOURCES[1:], indirect=True)
def test_a_service_goes_back_to_copilots_template(terminal: Terminal) -> None:
    """Its parameters left the stack with the template, so they come from the file that the lines kept."""
    stacks, account = terminal.stacks, terminal.stacks.account
    stack = f"{ENVIRONMENT}-fe"
    protect(terminal, stack)
    protected = stacks.found[stack]
    before = listed(account)
    take_over(terminal, f"svc deploy --take-over -e {ENV} -n fe")
    assert set(protected.parameters) - set(stacks.found[stack].parameters) >= {"AppName", "EnvName", "WorkloadName"}
    [file] = Path().glob(f"{stack}.takeover-*.before.json")
    said = terminal.run(terminal.run(f"copilot-local leave back {file}"))
    assert "EnvControllerAction (Custom::EnvControllerFunction) is made" in said
    assert "safe to execute as a step to go back." in said.lower()
    terminal.run_next(said)
    assert stacks.found[stack].text.strip() == protected.text.strip()
    assert stacks.found[stack].parameters == protected.parameters
    assert missing(before, listed(account)) == {}
    assert stacks.parameters_of(ENVIRONMENT)["ALBWorkloads"] == "fe", "the load balancer stays"


def test_without_these_steps_data_is_lost(terminal: Terminal) -> None:
    """What the rehearsal looks for is there to be found: this account loses what AWS would lose."""
    account = terminal.stacks.account
    before = listed(account)
    for name in ("fe", "job"):
        terminal.run(f"aws cloudformation delete-stack --stack-name {ENVIRONMENT}-{name}")
    lost = missing(before, listed(account))
    assert {"load balancers", "listeners", "file systems"} <= set(lost)


def missing(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {key: gone for key, ids in before.items() if (gone := ids - after[key])}


def custom_resources(stacks: Stacks, stack: str) -> Iterator[str]:
    found = stacks.found[stack if stack == ENVIRONMENT else f"{ENVIRONMENT}-{stack}"].resources
    yield from (it for it in found if found[it]["Type"].startswith("Custom::") or "Lambda" in found[it]["Type"])


def protect(terminal: Terminal, stack: str) -> None:
    """The steps of `leave protect`, as it prints them, and those that they print in turn."""
    terminal.run(f"aws cloudformation get-template --stack-name {stack} --template-stage Original > deployed.yml")
    code, steps = terminal.try_("leave", "protect", "deployed.yml", "--stack", stack, "-o", "protected.yml")
    assert code == 0, steps
    said = terminal.run(steps)
    assert "Safe to execute as a step to protect a stack." in said
    terminal.run_next(said)
    assert all(it["DeletionPolicy"] == "Retain" for it in terminal.stacks.found[stack].resources.values())


def command_in(terminal: Terminal, file: str, parameter: str) -> str:
    """What the command answers that a parameter's description has."""
    template: Any = golden.read_template(Path(file).read_text())
    [line] = re.findall(r"aws cloudformation .*? --output text", template["Parameters"][parameter]["Description"])
    return terminal.run(line)


def take_over(terminal: Terminal, verb: str, before: str = "") -> str:
    """The lines that a verb prints, and those that they print in turn; returns what `leave check` said."""
    said = terminal.run(before + terminal.run(f"copilot-local aws {verb}"))
    assert "safe to execute as a step to take a stack over." in said.lower()
    terminal.run_next(said)
    return said
