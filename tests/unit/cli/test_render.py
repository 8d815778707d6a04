"""`render`: files, environments, diffs, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

ADDON = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Bucket: {Type: AWS::S3::Bucket}
Outputs:
  BucketName: {Value: !Ref Bucket}
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def write(workspace: Path) -> Write:
    """Writes a file of the service `hello`, by its path in the service's folder."""

    def file(path: str, text: str) -> Path:
        found = workspace / "copilot" / "hello" / path
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text(text)
        return found

    return file


def read(text: str) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        pass

    yaml.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {getattr(node, 'value', '')}", Loader)
    found: dict[str, Any] = yaml.load(text, Loader)
    return found


def test_stack_is_printed(run: Run, workspace: Path) -> None:
    ended = run("render", "cloudformation")
    assert ended.code == 0, ended.err
    resources = read(ended.out)["Resources"]
    assert resources["TaskDefinition"]["Type"] == "AWS::ECS::TaskDefinition"
    assert resources["TargetGroup"]["Properties"]["Port"] == 80
    assert "(manifest.yml:1" in ended.out


def test_compose_file_is_printed(run: Run, workspace: Path) -> None:
    ended = run("render", "compose")
    assert ended.code == 0, ended.err
    services = read(ended.out)["services"]
    assert services["nginx"]["network_mode"] == services["hello"]["network_mode"] == "service:pause"
    assert services["hello"]["build"] == {"context": "hello", "dockerfile": "Dockerfile"}


def test_what_settings_and_options_say(run: Run, workspace: Path) -> None:
    (workspace / "copilot-local.toml").write_text(
        '[app]\ndomain = "example.com"\n[environments.test]\naccount = "123456789012"\nregion = "eu-west-1"\n'
        '[environments.test.parameters]\nVpcId = "vpc-1"\n'
    )
    ended = run("render", "cloudformation", "--tag", "v7", "--parameter", "ClusterName=main")
    assert ended.code == 0, ended.err
    parameters = read(ended.out)["Parameters"]
    assert parameters["VpcId"]["Default"] == "vpc-1"
    assert parameters["ClusterName"]["Default"] == "main"
    assert parameters["ContainerImage"]["Default"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/hello:v7"
    assert "HTTPSListenerRule" in read(ended.out)["Resources"]
    assert "hello.test.shop.example.com" in ended.out


def test_certificates_of_the_environments_manifest_switch_https_on(run: Run, workspace: Path) -> None:
    folder = workspace / "copilot" / "environments" / "test"
    folder.mkdir(parents=True)
    (folder / "manifest.yml").write_text(
        "name: test\ntype: Environment\nhttp:\n  public:\n    certificates:\n      - arn:aws:acm:x:1:certificate/y\n"
    )
    resources = read(run("render", "cloudformation").out)["Resources"]
    assert resources["HTTPSListener"]["Properties"]["Certificates"] == [
        {"CertificateArn": "arn:aws:acm:x:1:certificate/y"}
    ]


def test_files_for_all_environments(run: Run, workspace: Path, write: Write) -> None:
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text() + "\nenvironments:\n  prod:\n    count: 5\n  test: {}\n")
    ended = run("render", "cloudformation", "--all-envs", "-o", "out")
    assert ended.code == 0, ended.err
    assert sorted(file.name for file in (workspace / "out").iterdir()) == [
        "hello-prod.stack.yml",
        "hello-test.stack.yml",
    ]
    prod = read((workspace / "out" / "hello-prod.stack.yml").read_text())
    assert prod["Parameters"]["TaskCount"]["Default"] == 5
    assert run("render", "cloudformation", "--all-envs").code == 2


def test_diff_shows_values_and_writes_nothing(run: Run, workspace: Path) -> None:
    assert run("render", "cloudformation", "-o", "out").code == 0
    before = (workspace / "out" / "hello-test.stack.yml").read_text()
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text().replace("memory: 512", "memory: 1024"))
    ended = run("render", "cloudformation", "-o", "out", "--diff", "previous")
    assert ended.code == 0, ended.err
    assert ended.out == '~ Resources.TaskDefinition.Properties.Memory: "512" → "1024"\n'
    assert (workspace / "out" / "hello-test.stack.yml").read_text() == before
    assert run("render", "cloudformation", "--diff", "out/hello-test.stack.yml").out == ended.out
    assert run("render", "cloudformation", "--diff", "nowhere.yml").code == 1


def test_diff_with_a_file_compares_what_the_file_is(run: Run, workspace: Path) -> None:
    addons = workspace / "copilot" / "hello" / "addons"
    addons.mkdir()
    given = ", ".join(f"{name}: {{Type: String}}" for name in ("App", "Env", "Name"))
    (addons / "t.yml").write_text(f"Parameters: {{{given}}}\nResources:\n  T: {{Type: 'AWS::SNS::Topic'}}\n")
    words = ("render", "cloudformation", "--in-copilot-environment")
    assert run(*words, "-o", "out").code == 0
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text().replace("memory: 512", "memory: 1024"))
    changed = '~ Resources.TaskDefinition.Properties.Memory: "512" → "1024"\n'
    (workspace / "out" / "hello-test.stack.yml").rename(workspace / "deployed.yml")
    ended = run(*words, "--diff", "deployed.yml")
    assert ended.out == changed
    assert "compared with hello-test.stack.yml; --diff FOLDER compares hello-test.addons.stack.yml too" in ended.err
    assert run(*words, "--diff", "out/hello-test.addons.stack.yml").out == ""


def test_parameters_in_place_of_imports_are_for_copilots_environments(run: Run, workspace: Path) -> None:
    imported = run("render", "cloudformation", "--in-copilot-environment")
    assert "!ImportValue shop-test-HTTPListenerArn" in imported.out
    asked = run("render", "cloudformation", "--in-copilot-environment", "--parameters")
    assert "ListenerArn: !Ref HTTPListenerArn" in asked.out
    assert run("render", "cloudformation", "--parameters").code == 2


def test_nested_addons_are_a_second_file(run: Run, workspace: Path, write: Write) -> None:
    write("addons/bucket.yml", ADDON)
    assert run("render", "cloudformation", "--in-copilot-environment", "-o", "out").code == 0
    assert read((workspace / "out" / "hello-test.addons.stack.yml").read_text())["Resources"]["Bucket"]
    stack = read((workspace / "out" / "hello-test.stack.yml").read_text())
    [main, *_] = stack["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert {"Name": "BUCKET_NAME", "Value": "!GetAtt AddonsStack.Outputs.BucketName"} in main["Environment"]
    inline = read(run("render", "cloudformation").out)["Resources"]
    [main, *_] = inline["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    assert {"Name": "BUCKET_NAME", "Value": "!Ref Bucket"} in main["Environment"]


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        (["--in-copilot-environment", "--addons", "inline"], True),
        (["--in-copilot-environment"], False),
        (["--addons", "inline"], False),
    ],
)
def test_inline_addons_warn_of_data_that_does_not_move(words: list[str], warned: bool, run: Run, write: Write) -> None:
    write("addons/bucket.yml", ADDON)
    ended = run("render", "cloudformation", "-e", "test", *words)
    assert ended.code == 0, ended.err
    assert ("--addons inline makes Bucket anew and empty" in ended.err) is warned


BAD: dict[str, tuple[dict[str, str], str, str]] = {
    "addon without a required parameter": (
        {"addons/a.yml": "Parameters:\n  App: {Type: String}\n  Env: {Type: String}\nResources: {}\n"},
        'copilot/hello/addons/a.yml:1: required parameter "Name" is missing from the template',
        "Name: {Type: String}",
    ),
    "two addons that define one logical id": (
        {"addons/a.yml": ADDON, "addons/b.yml": ADDON.replace("AWS::S3::Bucket", "AWS::SQS::Queue")},
        'copilot/hello/addons/b.yml:6:3: resource logical ID "Bucket" defined in "copilot/hello/addons/a.yml" at Ln 6, '
        'Col 3 is different than in "copilot/hello/addons/b.yml" at Ln 6, Col 3',
        "rename",
    ),
    "addon parameter without a value": (
        {"addons/a.yml": ADDON.replace("Resources:", "  Size: {Type: Number}\nResources:")},
        'copilot/hello/addons/a.yml:5:3: parameter "Size"',
        "addons.parameters.yml",
    ),
    "addon parameter that is not declared": (
        {"addons/a.yml": ADDON, "addons/addons.parameters.yml": "Parameters:\n  Size: 3\n"},
        'copilot/hello/addons/addons.parameters.yml:2:3: template does not require the parameter "Size"',
        "declare it",
    ),
    "addon with the name of a resource of ours": (
        {"addons/a.yml": ADDON.replace("Bucket:", "LogGroup:").replace("Ref Bucket", "Ref LogGroup")},
        "copilot/hello/addons/a.yml:6:3: the addon's LogGroup",
        "--addons nested",
    ),
    "addon that is no template": (
        {"addons/a.yml": "- a\n- b\n"},
        "copilot/hello/addons/a.yml:1: this is no CloudFormation template",
        "Resources",
    ),
    "addon that is no YAML": (
        {"addons/a.yml": "a: [\n"},
        "copilot/hello/addons/a.yml",
        "",
    ),
    "patch with a wrong path": (
        {"overrides/cfn.patches.yml": "- op: replace\n  path: /Resources/Servce/Properties/Role\n  value: x\n"},
        "copilot/hello/overrides/cfn.patches.yml:1:3: /Resources/Servce/Properties/Role: /Resources has no key",
        "did you mean Service?",
    ),
    "patch with a wrong index of a container": (
        {
            "overrides/cfn.patches.yml": "- op: remove\n"
            "  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/7\n"
        },
        "copilot/hello/overrides/cfn.patches.yml:1:3",
        "correct the path",
    ),
    "patch with an unknown operation": (
        {"overrides/cfn.patches.yml": "- op: move\n  path: /Resources\n"},
        "copilot/hello/overrides/cfn.patches.yml:1:7: unsupported operation 'move'",
        "correct `op`",
    ),
    "patch that refers to nothing": (
        {
            "overrides/cfn.patches.yml": "- op: add\n  path: /Resources/Service/Properties/Role\n"
            "  value: !GetAtt EnvControllerAction.Role\n"
        },
        "copilot/hello/overrides/cfn.patches.yml:1:3: Service refers to EnvControllerAction.Role",
        "custom resources",
    ),
    "overrides in the CDK": (
        {"overrides/cdk.json": "{}"},
        "overrides in the AWS CDK",
        "cfn.patches.yml",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_with_its_line_and_nothing_is_written(
    name: str, run: Run, workspace: Path, write: Write
) -> None:
    files, message, hint = BAD[name]
    for path, text in files.items():
        write(path, text)
    ended = run("render", "cloudformation", "-o", "out")
    assert ended.code == 1
    assert message in ended.err
    assert hint in ended.err
    assert "Traceback" not in ended.err
    assert not (workspace / "out").exists()


def test_an_alias_without_https_is_refused_at_its_line(run: Run, workspace: Path) -> None:
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text().replace("  path: 'api'", "  path: 'api'\n  alias: example.com"))
    ended = run("render", "cloudformation", "-o", "out")
    assert ended.code == 1
    assert "copilot/hello/manifest.yml:10:3: http.alias needs HTTPS" in ended.err
    assert "--certificate ARN" in ended.err
    assert not (workspace / "out").exists()
    assert (
        run("render", "cloudformation", "--certificate", "arn:aws:acm:eu-west-1:123456789012:certificate/y").code == 0
    )


def test_a_tag_needs_to_know_the_account(run: Run, workspace: Path) -> None:
    ended = run("render", "taskdef", "--placeholders", "--tag", "v1", "--region", "eu-west-1")
    assert ended.code == 1
    assert "needs the account" in ended.err
    known = run(
        "render", "taskdef", "--placeholders", "--tag", "v1", "--region", "eu-west-1", "--account", "123456789012"
    )
    [main, *_] = json.loads(known.out)["containerDefinitions"]
    assert main["image"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/hello:v1"


def test_an_unknown_parameter_of_the_stack_is_a_usage_error(run: Run, workspace: Path) -> None:
    ended = run("render", "cloudformation", "--parameter", "Vpc=1")
    assert ended.code == 2
    assert "has no parameter Vpc" in ended.err


def test_files_are_written_whole_or_not_at_all(run: Run, workspace: Path) -> None:
    (workspace / "out").write_text("a file, not a folder")
    ended = run("render", "cloudformation", "-o", "out")
    assert ended.code == 1
    assert "--output-dir" in ended.err
    assert (workspace / "out").read_text() == "a file, not a folder"


def test_what_has_no_value_is_named_with_its_line(run: Run, workspace: Path) -> None:
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text() + "\nvariables:\n  TABLE: {from_cfn: shop-table}\n")
    ended = run("render", "taskdef", "-o", "out")
    assert ended.code == 1
    assert "--value shop-table=…" in ended.err
    assert "copilot/hello/manifest.yml:" in ended.err
    assert not (workspace / "out").exists()


def test_values_come_from_a_file_and_options_win(run: Run, workspace: Path) -> None:
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text() + "\nvariables:\n  TABLE: {from_cfn: shop-table}\n  B: {from_cfn: b}\n")
    (workspace / "values.yml").write_text("shop-table: from-file\nb: from-file\n")
    options = ("--placeholders", "--values-file", "values.yml", "--value", "b=from-option")
    [main, *_] = json.loads(run("render", "taskdef", *options).out)["containerDefinitions"]
    found = {pair["name"]: pair["value"] for pair in main["environment"]}
    assert (found["TABLE"], found["B"]) == ("from-file", "from-option")
    (workspace / "values.yml").write_text("- a\n")
    assert run("render", "taskdef", *options).code == 1


ROUTED = """\
name: hello
type: Backend Service
image: {location: hello}
logging:
  image: registry.example.com/router:1
  destination: {Name: cloudwatch}
  configFilePath: /etc/extra.conf
"""
OUTPUT = "[OUTPUT]\n    Name stdout\n    Match *\n"


def test_the_routers_own_file_comes_from_an_option_or_the_folder_of_its_image(
    run: Run, workspace: Path, write: Write
) -> None:
    write("manifest.yml", ROUTED)
    refused = run("render", "compose")
    assert refused.code == 1
    assert "copilot/hello/manifest.yml:7" in refused.err
    assert "--router-file /etc/extra.conf=FILE" in refused.err
    (workspace / "copy.conf").write_text(OUTPUT)
    given = run("render", "compose", "--router-file", "/etc/extra.conf=copy.conf")
    assert given.code == 0, given.err
    assert "/copilot-local/config/etc/extra.conf" in given.out
    assert "stdout" not in given.out
    assert run("render", "compose", "--router-file", "/etc/extra.conf=nowhere").code == 1
    (workspace / "router").mkdir()
    (workspace / "router" / "extra.conf").write_text(OUTPUT)
    (workspace / "router" / "Dockerfile").write_text("FROM x\nWORKDIR /etc\nCOPY --chown=1 extra.conf ./\n")
    (workspace / "copilot-local.toml").write_text('[substitute]\n"registry.example.com/router:1" = "./router"\n')
    found = run("render", "compose", "--logs", "output-1=live")
    assert found.code == 0, found.err
    assert "Name stdout" in found.out
    assert run("render", "compose", "--logs", "local-aws").code == 2


def test_retain_keeps_what_holds_data_and_leaves_an_authors_word(run: Run, workspace: Path) -> None:
    """In the stack and in the template of its addons, by an option or by the settings."""
    addons = workspace / "copilot" / "hello" / "addons"
    addons.mkdir()
    (addons / "a.yml").write_text(
        "Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}\nResources:\n"
        "  Kept: {Type: AWS::DynamoDB::Table}\n  Thrown: {Type: AWS::SQS::Queue, DeletionPolicy: Delete}\n"
        "  Role: {Type: AWS::IAM::Role}\n"
    )
    words = ("render", "cloudformation", "hello", "--in-copilot-environment", "--output-dir", "out")

    def policies(*more: str) -> dict[str, object]:
        ended = run(*words, *more)
        assert ended.code == 0, ended.err
        files = [workspace / "out" / f"hello-test.{kind}.yml" for kind in ("stack", "addons.stack")]
        templates: list[Any] = [read_template(file.read_text()) for file in files]
        return {id: it.get("DeletionPolicy") for one in templates for id, it in one["Resources"].items()}

    assert policies()["LogGroup"] is None
    found = policies("--retain")
    assert {found[id] for id in ("LogGroup", "TargetGroup", "Service", "AddonsStack", "Kept")} == {"Retain"}
    assert (found["Thrown"], found["Role"], found["TaskDefinition"]) == ("Delete", None, None)
    (workspace / "copilot-local.toml").write_text("[environments.test]\nretain = true\n")
    assert policies() == found
    assert policies("--no-retain")["Kept"] is None
