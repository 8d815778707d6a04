"""`leave`: what the verbs print, and that nothing is written where something is wrong."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.leave.test_change_sets import ADDONS, change, described, nested

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

TEMPLATE = """\
Description: CloudFormation template that represents a backend service on Amazon ECS.
Parameters:
  AppName: {Type: String}
Resources:
  Table: # kept
    Type: AWS::DynamoDB::Table
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a template and change sets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deployed.yml").write_text(TEMPLATE)
    sets = {
        "good": described(change(), ADDONS),
        "addons": nested(change()),
        "bad": described(change(), change("Zone", "AWS::Route53::HostedZone", "Remove")),
    }
    for name, content in sets.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content, indent=2))
    return tmp_path


def test_protect_prints_the_template_and_the_commands_apart(run: Run, here: Path) -> None:
    ended = run("leave", "protect", "deployed.yml", "--stack", "shop-prod-api")
    assert ended.code == 0, ended.err
    assert ended.out == TEMPLATE.replace(
        "    Type: AWS", "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Type: AWS"
    )
    assert "# 1 of 1 resource of this template (service) got a policy." in ended.err
    assert "create-change-set --stack-name shop-prod-api" in ended.err
    assert "--include-nested-stacks" in ended.err
    assert "--parameters ParameterKey=AppName,UsePreviousValue=true" in ended.err


ADDONS_OF_API = """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}
Resources:
  Notes:
    Type: AWS::DynamoDB::Table
"""
WITH_ADDONS = (
    TEMPLATE.replace("AppName: {Type: String}", "AddonsTemplateURL: {Type: String}")
    + """\
  AddonsStack:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: !Ref AddonsTemplateURL}
"""
)


def test_addons_are_protected_by_the_stack_around_them(run: Run, here: Path) -> None:
    (here / "addons.yml").write_text(ADDONS_OF_API)
    (here / "parent.yml").write_text(WITH_ADDONS)
    ended = run("leave", "protect", "addons.yml", "--stack", "shop-prod-api-AddonsStack-1ABC", "-o", "new.yml")
    assert ended.code == 0, ended.err
    assert "change-set" not in ended.out, "AWS refuses change sets of a nested stack"
    assert 'aws s3 cp --only-show-errors new.yml "s3://$bucket/protected/shop-prod-api/new.yml"' in ended.out
    assert "OutputKey=='PipelineBucket'" in ended.out, "the bucket is Copilot's, and the lines find it"
    assert "get-template --stack-name shop-prod-api " in ended.out, "nothing has to be saved before"
    assert "leave protect shop-prod-api.deployed.yml --stack shop-prod-api " in ended.out

    url = "https://b.s3.eu-west-1.amazonaws.com/new.yml"
    ended = run("leave", "protect", "parent.yml", "--stack", "shop-prod-api", "-o", "p.yml", "--addons-url", url)
    assert ended.code == 0, ended.err
    assert f'--parameters "ParameterKey=AddonsTemplateURL,ParameterValue=\\"{url}\\""\n' in ended.out
    assert "UsePreviousValue" not in ended.out
    for file in ("shop-prod-api.$name.json", "shop-prod-api.$name.AddonsStack.json"):
        assert f'--include-property-values --output json > "{file}"\n' in ended.out
    files = '"shop-prod-api.$name.json" ${AddonsStack:+"shop-prod-api.$name.AddonsStack.json"}'
    assert f"leave check --phase protect {files} --stack shop-prod-api\n" in ended.out
    told = re.findall(r'echo "  (?:aws cloudformation )?(\S+)', ended.out)
    assert told == ["execute-change-set", "wait", "update-termination-protection"], "one waits for the other"

    ended = run("leave", "protect", "parent.yml", "--stack", "shop-prod-api")
    assert "Where AddonsStack is there, it is a stack of its own: protect its template first" in ended.err
    assert "ParameterKey=AddonsTemplateURL,UsePreviousValue=true" in ended.err, "services without addons have it too"
    assert run("leave", "protect", "deployed.yml", "--addons-url", url).code == 2


@pytest.mark.parametrize("given", ["", "bucket=own\n"])
def test_in_another_account_than_the_applications_its_bucket_is_given(
    given: str, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "addons.yml").write_text(ADDONS_OF_API)
    lines = run("leave", "protect", "addons.yml", "--stack", "shop-prod-api-AddonsStack-1ABC", "-o", "new.yml").out
    (here / "aws").write_text(f'#!/bin/sh\necho "$@" >> {here}/words\ncase "$*" in *list-stack-i*) exit 254; esac\n')
    (here / "copilot-local").write_text("#!/bin/sh\n")
    for name in ("aws", "copilot-local"):
        (here / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}:/usr/bin:/bin")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    ended = subprocess.run(["bash", "-c", given + lines], capture_output=True, text=True, timeout=60)
    assert ended.returncode == (0 if given else 1), ended.stderr
    assert ("bucket=NAME before these lines" in ended.stderr) is not bool(given)
    assert ("s3://own/protected/shop-prod-api/new.yml" in (here / "words").read_text()) is bool(given)


def test_protect_writes_a_file(run: Run, here: Path) -> None:
    assert run("leave", "protect", "deployed.yml", "-o", "out/protected.yml").code == 0
    again = run("leave", "protect", "out/protected.yml")
    assert again.code == 0
    assert "the stack is protected" in again.err
    written = run("leave", "protect", "deployed.yml", "-o", "protected.yml")
    assert written.out.startswith("# 1 of 1 resource of this template"), (
        "`> lines.sh` keeps them, as of every other verb"
    )
    assert written.err == ""
    assert run("leave", "protect", "deployed.yml", "-o", "deployed.yml").code == 2
    assert (here / "deployed.yml").read_text() == TEMPLATE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEMPLATE.replace("CloudFormation template", "A template"),
            "deployed.yml:1:14: this is not a template of Copilot",
        ),
        (TEMPLATE + "  Table: {Type: X}\n", "deployed.yml:7:3: "),
        ("a: [", "deployed.yml:2: this is no template"),
        ("", "deployed.yml:1: this is no CloudFormation template: the file is empty"),
        (TEMPLATE.replace("  Table", "\tTable"), "never by tabs"),
        (TEMPLATE.replace("a backend service", "a dinosaur"), "the kind of this stack is not known"),
        ('{"TemplateBody": "x"}', "there is no map Resources"),
        (TEMPLATE + "Metadata: {a: 1, a: 2}\n", "deployed.yml:7:18: "),
        ("[" * 5000, "this is no template"),
    ],
)
def test_protect_writes_nothing_where_something_is_wrong(run: Run, here: Path, text: str, message: str) -> None:
    (here / "deployed.yml").write_text(text)
    ended = run("leave", "protect", "deployed.yml", "-o", "out.yml")
    assert ended.code == 1
    assert message in ended.err
    assert ended.out == ""
    assert not (here / "out.yml").exists()
    assert run("leave", "protect", "nowhere.yml").code == 1


def test_check_passes(run: Run, here: Path) -> None:
    ended = run("leave", "check", "good.json", "addons.json")
    assert ended.code == 0, ended.out + ended.err
    assert ended.out == (
        "shop-prod, change set protect: 2 changes\n"
        "  fine    2\n"
        "shop-prod-AddonsStack-1, change set protect-addons: 1 change\n"
        "  fine    1\n"
        "\nSafe to execute as a step to protect a stack.\n"
    )


def test_check_asks_to_look_before_it_calls_a_set_safe(run: Run, here: Path) -> None:
    rule = change("HTTPSListenerRule", "AWS::ElasticLoadBalancingV2::ListenerRule", "Remove", PolicyAction="Retain")
    (here / "look.json").write_text(json.dumps(described(rule)))
    ended = run("leave", "check", "--phase", "takeover", "look.json")
    assert ended.code == 0
    assert "HTTPSListenerRule" in ended.out
    assert ended.out.endswith(
        "\nNothing is refused. First look at the change marked `look`: only you know what was meant.\n"
        "Then safe to execute as a step to take a stack over.\n"
    )


def test_check_names_what_is_refused_with_its_line(run: Run, here: Path) -> None:
    for phase in ("protect", "takeover"):
        ended = run("leave", "check", "--phase", phase, "bad.json")
        assert ended.code == 1
        line = (here / "bad.json").read_text().split('"Zone"')[0].count("\n") + 1
        assert f"Zone (AWS::Route53::HostedZone) {'is removed' if phase == 'protect' else 'goes'}" in ended.out
        assert f"← bad.json:{line}\n" in ended.out
        assert "Do not execute" in ended.out
        dropped = "  aws cloudformation delete-change-set --stack-name shop-prod --change-set-name "
        assert dropped in ended.out


def test_check_refuses_what_is_not_whole(run: Run, here: Path) -> None:
    ended = run("leave", "check", "good.json")
    assert ended.code == 1
    assert "the nested change set protect-addons is not here" in ended.err
    assert "describe it too" in ended.err
    assert run("leave", "check", "deployed.yml").code == 1
    assert run("leave", "check").code == 2


def test_back_prints_what_the_stack_had(run: Run, here: Path) -> None:
    """Parameters leave the stack with Copilot's template: UsePreviousValue cannot bring them back."""
    values = {"AppName": "shop", "Text": "a, 'b' \"c\" $d"}
    stack = {
        "StackName": "shop-prod-api",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        "Tags": [{"Key": "copilot-application", "Value": "shop"}],
        "RoleARN": "arn:aws:iam::123456789012:role/shop-prod-CFNExecutionRole",
    }
    before = here / "shop-prod-api.takeover-1.before.json"
    before.write_text(json.dumps({"Stacks": [stack]}))
    (here / "shop-prod-api.takeover-1.before.yml").write_text(
        TEMPLATE.replace("{Type: String}", "{Type: String}\n  Text: {Type: String}")
    )
    ended = run("leave", "back", before.name)
    assert ended.code == 0, ended.err
    [create] = [line for line in ended.out.splitlines() if "create-change-set" in line]
    words = shlex.split(create)
    given = json.loads(words[words.index("--parameters") + 1])
    assert {it["ParameterKey"]: it["ParameterValue"] for it in given} == values
    assert json.loads(words[words.index("--tags") + 1]) == stack["Tags"]
    assert words[words.index("--role-arn") + 1] == stack["RoleARN"]
    assert "UsePreviousValue" not in ended.out
    for command in ("cancel-update-stack", "continue-update-rollback", "wait stack-rollback-complete"):
        assert f"# aws cloudformation {command} --stack-name shop-prod-api" in ended.out
    assert "1 of its resources have no DeletionPolicy: Retain" in ended.out
    assert run("leave", "protect", "shop-prod-api.takeover-1.before.yml", "-o", "protected.yml").code == 0
    ended = run("leave", "back", before.name, "--template", "protected.yml")
    assert "have no DeletionPolicy" not in ended.out
    assert "file://protected.yml" in ended.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "this is no JSON"),
        ("[]", "no list Stacks with one stack"),
        ('{"Stacks": [{"StackName": "a"}, {"StackName": "b"}]}', "no list Stacks with one stack"),
        ('{"Stacks": [{"StackName": "a", "Parameters": [1]}]}', "Parameters is no list of ParameterKey"),
        (
            '{"Stacks": [{"StackName": "a", "Parameters": [{"ParameterKey": "P", "ParameterValue": "****"}]}]}',
            "is hidden",
        ),
        (
            '{"Stacks": [{"StackName": "a", "Parameters": [{"ParameterKey": "P", "ParameterValue": "1"}]}]}',
            "no parameter P",
        ),
    ],
)
def test_back_refuses_what_is_not_whole(run: Run, here: Path, content: str, message: str) -> None:
    (here / "a.before.json").write_text(content)
    (here / "a.before.yml").write_text(TEMPLATE)
    ended = run("leave", "back", "a.before.json")
    assert ended.code in (1, 2)
    assert message in ended.err
    assert ended.out == ""
    assert run("leave", "back", "deployed.yml").code in (1, 2)


THEN = {
    "AppName": "shop",
    "ContainerImage": "shop/api:then",
    "EnvFileARN": "arn:then",
    "AddonsTemplateURL": "https://then",
}
FAKE_AWS = """\
aws() { case "$*" in
  *"'ContainerImage'"*) echo shop/api:now ;; *"'AddonsTemplateURL'"*) echo https://now ;; *"'EnvFileARN'"*) ;;
  *create-change-set*) printf '%s\\n' "$@" > given ;; *) echo "$1 $2" ;;
esac; }
copilot-local() { :; }
"""


@pytest.mark.parametrize("release", ["now", "then"])
def test_back_keeps_the_last_release_unless_asked(run: Run, here: Path, release: str) -> None:
    """In bash: the image and the addons that the stack has by then, whichever releases there were since."""
    stack = {
        "StackName": "shop-prod-api",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in THEN.items()],
    }
    (here / "a.before.json").write_text(json.dumps({"Stacks": [stack]}))
    types = "".join(f"  {name}: {{Type: String}}\n" for name in list(THEN)[1:])
    (here / "a.before.yml").write_text(TEMPLATE.replace("Resources:", f"{types}Resources:"))
    ended = run("leave", "back", "a.before.json", *(["--release", "then"] if release == "then" else []))
    assert ended.code == 0, ended.err
    assert f"# As they {'are now' if release == 'now' else 'were then'}" in ended.out
    made = subprocess.run(
        ["bash", "-c", FAKE_AWS + ended.out], cwd=here, capture_output=True, text=True, timeout=20, check=False
    )
    assert made.returncode == 0, made.stderr
    words = (here / "given").read_text().splitlines()
    given = {it["ParameterKey"]: it["ParameterValue"] for it in json.loads(words[words.index("--parameters") + 1])}
    now = {"ContainerImage": "shop/api:now", "AddonsTemplateURL": "https://now"}
    assert given == (THEN | now if release == "now" else THEN)
    assert ("ContainerImage: shop/api:now" in made.stdout) == (release == "now")
    assert ("EnvFileARN is no parameter of the stack now" in made.stdout) == (release == "now")


ADDON = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  LogGroup: {Type: AWS::DynamoDB::Table}
"""
API = """\
name: api
type: Backend Service
image: {location: busybox, port: 80}
cpu: 256
memory: 512
secrets: {TOKEN: /shop/token}
storage: {volumes: {data: {path: /data, efs: true}}}
"""


def test_report_says_what_would_be_lost_and_why(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    environment = workspace / "copilot" / "environments" / "test" / "manifest.yml"
    environment.parent.mkdir(parents=True)
    environment.write_text("name: test\ntype: Environment\nhttp: {public: {access_logs: true}}\n")
    pipeline = workspace / "copilot" / "pipelines" / "main" / "manifest.yml"
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text("name: main\n")
    (workspace / "copilot" / "pipeline.yml").write_text("name: old\n")
    addons = add_service("api", API).parent / "addons"
    addons.mkdir()
    (addons / "a.yml").write_text(ADDON)
    (workspace / "copilot-local.toml").write_text('[app]\ndomain = "example.com"\n')
    ended = run("leave", "report", "-e", "test")
    assert ended.code == 0, ended.err
    environment_part, api, hello, *_ = ended.out.split("\n\nshop-")[1:]
    assert "PublicLoadBalancer (AWS::ElasticLoadBalancingV2::LoadBalancer): clients know its name [for hello]" in (
        environment_part
    )
    assert "FileSystem (AWS::EFS::FileSystem): holds data [for api]" in environment_part
    assert "HTTPSCert (Custom::CertificateValidationFunction): deletes the certificate" in environment_part
    assert "ELBAccessLogsBucketCleanerAction" in environment_part
    assert "AddonsStack/LogGroup (AWS::DynamoDB::Table): holds data" in api
    assert "[the only one in this workspace with the file system]" in api
    assert "secrets stay where they are: TOKEN" in api
    assert "imports these exports" not in api
    assert "EnvControllerAction" in hello
    assert "images are in the application's repository shop/hello" in hello
    assert "pipeline-shop-main: a pipeline" in ended.out
    assert "pipeline of copilot/pipeline.yml: a pipeline" in ended.out
    assert ended.out.index("1. Protect") < ended.out.index("2. Take the environment over")


def test_report_has_what_does_not_run_on_ecs(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    environment = workspace / "copilot" / "environments" / "test" / "manifest.yml"
    environment.parent.mkdir(parents=True)
    environment.write_text("name: test\ntype: Environment\n")
    add_service("docs", "name: docs\ntype: Static Site\nhttp: {alias: docs.example.com}\nfiles: []\n")
    add_service(
        "front",
        "name: front\ntype: Request-Driven Web Service\nimage: {location: a, port: 80}\n"
        "http: {private: true}\npublish: {topics: [{name: my-topic}]}\n",
    )
    ended = run("leave", "report", "-e", "test")
    assert ended.code == 0, ended.err
    parts = {part.partition(":")[0]: part for part in ended.out.split("\n\nshop-test-")[1:]}
    assert "Bucket (AWS::S3::Bucket): holds data" in parts["docs"]
    assert "CustomDomainAction (Custom::CustomDomainFunction)" in parts["docs"]
    assert "Service (AWS::AppRunner::Service): clients know its address" in parts["front"]
    assert "AppRunnerVpcIngressConnection" in parts["front"]
    assert "mytopicSNSTopic (AWS::SNS::Topic)" in parts["front"]


def test_report_does_not_stop_at_a_variable(run: Run, workspace: Path, add_service: Callable[[str, str], Path]) -> None:
    environment = workspace / "copilot" / "environments" / "test" / "manifest.yml"
    environment.parent.mkdir(parents=True)
    environment.write_text("name: test\ntype: Environment\n")
    add_service("api", API + "variables: {RELEASE: '${GIT_TAG}'}\n")
    ended = run("leave", "report", "-e", "test")
    assert ended.code == 0, ended.err
    assert "GIT_TAG has no value here" in ended.err
    assert "-test-api: Backend Service" in ended.out
    assert "GIT_TAG" not in run("leave", "report", "-e", "test", "--var", "GIT_TAG=1").err


def test_report_of_one_service_names_how_callers_reach_it(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    environment = workspace / "copilot" / "environments" / "test" / "manifest.yml"
    environment.parent.mkdir(parents=True)
    environment.write_text("name: test\ntype: Environment\n")
    manifest = (
        "name: api\ntype: Load Balanced Web Service\nimage: {location: a, port: 80}\nhttp: {path: api}\n"
        "network: {connect: true}\nsecrets: {DB: /shop/test/DB, KEY: {secretsmanager: key}}\n"
        "storage: {volumes: {s: {path: /d, efs: true}}}\n"
    )
    add_service("api", manifest)
    ended = run("leave", "report", "-e", "test", "api")
    assert ended.code == 0, ended.err
    assert "requests for path /api, /api/* reach it by HTTPListenerRule" in ended.out
    assert "tasks of the environment find it as api.test.shop.local, by DiscoveryService" in ended.out
    assert "services with Service Connect find it as api:80" in ended.out
    environment_part = ended.out.partition("shop-test: the environment, which stays, used by api\n")[2]
    assert "PublicLoadBalancer (AWS::ElasticLoadBalancingV2::LoadBalancer)" in environment_part
    assert "FileSystem (AWS::EFS::FileSystem): holds data [for api]" in environment_part
    assert "Subnet" not in environment_part
    assert "where they are: DB from /shop/test/DB, KEY from arn:${AWS::Partition}:secretsmanager:" in ended.out
    rendered = run("render", "cloudformation", "api", "-e", "test", "--in-copilot-environment").out
    assert "ssm:ResourceTag" not in rendered
    assert "the rendered role reads secrets by name, and decrypts with KMS keys that have Copilot's tags" in ended.out
    [line] = [line for line in ended.out.splitlines() if "imports these exports" in line]
    exports = set(re.findall(r"!ImportValue ([\w-]+)", rendered))
    assert (
        set(line.rpartition(": ")[2].split(", ")) == exports > {"shop-test-HTTPListenerArn", "shop-test-FilesystemID"}
    )
    order = ended.out.partition("In this order:")[2]
    steps = ("termination protection", "--take-over", "Copilot's pipelines", "deny shop-test-EnvManagerRole changes")
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)
    assert "shop-test-hello" not in ended.out
    ended = run("leave", "report", "-e", "test", "apii")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean api?" in ended.err


def test_report_needs_the_environments_manifest(run: Run, workspace: Path) -> None:
    ended = run("leave", "report")
    assert ended.code == 1
    assert "the environment test has no manifest" in ended.err
    assert ended.out == ""


def test_files_that_cannot_be_read(run: Run, here: Path) -> None:
    (here / "deployed.yml").write_bytes(TEMPLATE.encode("utf-16"))
    (here / "good.json").write_bytes((here / "good.json").read_text().encode("utf-16"))
    for command in (("protect", "deployed.yml", "-o", "out.yml"), ("check", "good.json", "addons.json")):
        ended = run("leave", *command)
        assert ended.code == 1
        assert "cannot be read: it is not UTF-8 text" in ended.err
        assert "PowerShell" in ended.err
    for missing in ("missing.json", "."):
        assert run("leave", "check", missing).code == 1
        assert run("leave", "protect", missing, "-o", "out.yml").code == 1
    assert not (here / "out.yml").exists()


def test_check_refuses_a_change_set_of_another_stack(run: Run, here: Path) -> None:
    assert run("leave", "check", "good.json", "addons.json", "--stack", "shop-prod").code == 0
    ended = run("leave", "check", "good.json", "addons.json", "--stack", "shop-test")
    assert ended.code == 1
    assert "good.json:1: the change set protect is of the stack shop-prod, not of shop-test" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "bad.json:1:1: this is no JSON"),
        ("ChangeSetId: a\n", "this is no JSON"),
        (described(), "changes nothing"),
        (described(change(), Status="CREATE_PENDING", ExecutionStatus="UNAVAILABLE"), "is not complete: its status is"),
        (described(change(), Status="FAILED", StatusReason="no updates"), "FAILED (no updates)"),
        (described(change(), ExecutionStatus="EXECUTE_COMPLETE"), "cannot be executed"),
        (described(change(), NextToken="next"), "goes on after this page"),
        (described(ADDONS), "the nested change set protect-addons is not here"),
        (nested(change()), "the one that it is part of is not here"),
        (described(change(), change()), "Table is there twice"),
        ({"Summaries": []}, "no description of a change set"),
        ({"Id": "a", "StackId": "b"}, "no description of a change set"),
        ([described(change())], "no description of a change set"),
        (json.dumps(described(change()))[:-1] + ', "Changes": []}', "the key Changes is there twice"),
        (json.dumps(described(change()))[:40], "this is no JSON"),
    ],
)
def test_check_judges_nothing_that_is_not_whole(run: Run, here: Path, content: object, message: str) -> None:
    (here / "bad.json").write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    for phase in ("protect", "takeover"):
        ended = run("leave", "check", "--phase", phase, "bad.json")
        assert ended.code == 1
        assert message in ended.err
        assert ended.out == ""
