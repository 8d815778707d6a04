"""`render environment` and `render app`: from a workspace to the stacks around services, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

Declare = Callable[..., Path]
DOCS = Path(__file__).parents[3] / "docs"
BACKEND = """\
name: api
type: Backend Service
image: {location: busybox, port: 80}
cpu: 256
memory: 512
network: {vpc: {placement: private}}
environments:
  test:
    storage: {volumes: {data: {path: /data, efs: true}}}
"""


@pytest.fixture
def declare(workspace: Path) -> Declare:
    """Writes the manifest of an environment, without its first two lines."""

    def write(name: str = "test", text: str = "") -> Path:
        file = workspace / "copilot" / "environments" / name / "manifest.yml"
        file.parent.mkdir(parents=True)
        file.write_text(f"name: {name}\ntype: Environment\n{text}")
        return file

    return write


def test_has_what_the_services_need_in_that_environment(
    run: Run, declare: Declare, add_service: Callable[[str, str], Path]
) -> None:
    declare("test")
    declare("prod")
    add_service("api", BACKEND)
    ended = run("render", "environment", "-e", "test")
    assert ended.code == 0, ended.err
    resources = read_template(ended.out)["Resources"]
    assert isinstance(resources, dict)
    assert {"PublicLoadBalancer", "NatGateway1", "FileSystem"} <= set(resources)
    assert "InternalLoadBalancer" not in resources
    assert "# The public load balancer, for hello\n" in ended.out
    assert "# The shared file system, for api: it lets in roles of stacks that are deployed with --tags" in ended.out
    assert "FileSystem:" not in run("render", "environment", "-e", "prod").out


def test_how_to_deploy_beside_a_file_system_is_said_with_the_tags_that_it_asks_for(run: Run, declare: Declare) -> None:
    """Of services' stacks in a new account: nothing else gives their roles these tags."""
    declare()
    ended = run("render", "environment", "--need", "file-system")
    resources: Any = read_template(ended.out)["Resources"]
    [admits, _] = resources["FileSystem"]["Properties"]["FileSystemPolicy"]["Statement"]
    asked = {key.rpartition("/")[2]: value for key, value in admits["Condition"]["StringEquals"].items()}
    given = " ".join(f"{key}={value}" for key, value in asked.items())
    assert f"--tags {given}" in " ".join(ended.out.replace("#", " ").split())
    page = (DOCS / "how-to" / "leaving-copilot.md").read_text()
    section = " ".join(page.partition("## A new account\n")[2].partition("\n## ")[0].split())
    assert all(f" {key}=" in section.partition("--tags")[2].partition(":")[0] for key in asked)


def test_has_what_services_of_other_workspaces_need(run: Run, declare: Declare) -> None:
    declare()
    ended = run("render", "environment", "--need", "file-system", "--need", "internal-load-balancer")
    assert ended.code == 0, ended.err
    assert "# The shared file system, for services elsewhere: it lets in roles" in ended.out
    assert "InternalLoadBalancer:" in ended.out


def test_names_of_a_network_load_balancer_are_said_to_come_with_the_service(
    run: Run, declare: Declare, add_service: Callable[[str, str], Path]
) -> None:
    declare()
    aliases = "[net.test.shop.example.com, tcp.example.com]"
    manifest = BACKEND.partition("network:")[0].replace("api", "net").replace("Backend", "Load Balanced Web")
    add_service("net", f"{manifest}http: false\nnlb: {{port: 8080/tcp, alias: {aliases}}}\n")
    ended = run("render", "environment", "--domain", "example.com")
    assert ended.code == 0, ended.err
    said = " ".join(ended.err.split())
    assert "net.test.shop.example.com is made by this service's stack" in said
    assert "--parameter NLBAliasRecords=true" in said
    assert "--parameter NLBHostedZoneId=ZONE" in said
    assert "NLB" not in run("render", "environment", "--in-place", "--domain", "example.com").err
    words = ("render", "cloudformation", "net", "--in-copilot-environment", "--domain", "example.com")
    ended = run(*words, "--parameter", "NLBAliasRecords=true", "--parameter", "NLBHostedZoneId=Z1")
    assert ended.code == 0, ended.err
    assert read_template(ended.out)["Parameters"]["NLBHostedZoneId"]["Default"] == "Z1"  # type: ignore[index]


def test_a_workspace_without_services(run: Run, declare: Declare, workspace: Path) -> None:
    declare()
    (workspace / "copilot" / "hello" / "manifest.yml").unlink()
    ended = run("render", "environment")
    assert ended.code == 0, ended.err
    assert "Cluster:" in ended.out
    assert "LoadBalancer" not in ended.out


def test_comments_name_the_lines_of_the_manifest(run: Run, declare: Declare) -> None:
    declare("test", "observability:\n  container_insights: true\n")
    assert "# (manifest.yml:3)\n  Cluster:" in run("render", "environment").out


def test_in_place(run: Run, declare: Declare, workspace: Path) -> None:
    declare("test", "# a comment\n")
    ended = run(
        "render", "environment", "--in-place", "--domain", "example.com", "--parameter", "HTTPSCertificateArn=a"
    )
    assert ended.code == 0, ended.err
    template = read_template(ended.out)
    assert template["Metadata"]["Manifest"] == "name: test\ntype: Environment\n# a comment\n"  # type: ignore[index]
    assert template["Parameters"]["HTTPSCertificateArn"]["Default"] == "a"  # type: ignore[index]


def test_every_environment_with_a_manifest(run: Run, declare: Declare, workspace: Path) -> None:
    declare("test")
    declare("prod", "observability: {container_insights: true}\n")
    addons = workspace / "copilot" / "environments" / "addons"
    addons.mkdir()
    (addons / "a.yml").write_text(
        "Parameters:\n  App: {Type: String}\n  Env: {Type: String}\nResources:\n  Bucket: {Type: AWS::S3::Bucket}\n"
    )
    ended = run("render", "environment", "--all-envs", "-o", "out")
    assert ended.code == 0, ended.err
    assert sorted(file.name for file in (workspace / "out").iterdir()) == [
        "prod.environment.stack.yml",
        "test.environment.stack.yml",
    ]
    assert "Bucket:" in (workspace / "out" / "prod.environment.stack.yml").read_text()
    assert run("render", "environment", "-e", "prod", "--in-place", "-o", "in-place").code == 0
    assert sorted(file.name for file in (workspace / "in-place").iterdir()) == [
        "prod.environment.addons.stack.yml",
        "prod.environment.stack.yml",
    ]
    warned = run("render", "environment", "-e", "prod", "--in-place", "--addons", "inline").err
    assert "prod: --addons inline makes Bucket anew and empty" in warned
    changed = run("render", "environment", "-e", "prod", "--domain", "example.com", "-o", "out", "--diff", "previous")
    assert "+ Resources.EnvironmentHostedZone" in changed.out


def test_settings_give_domain_and_namespace(run: Run, declare: Declare, workspace: Path) -> None:
    declare()
    (workspace / "copilot-local.toml").write_text(
        '[app]\ndomain = "example.com"\n[environments.test]\ndiscovery_endpoint = "shop.local"\n'
    )
    resources = read_template(run("render", "environment").out)["Resources"]
    assert resources["ServiceDiscoveryNamespace"]["Properties"]["Name"] == "shop.local"  # type: ignore[index]
    assert resources["EnvironmentHostedZone"]["Properties"]["Name"] == "test.shop.example.com"  # type: ignore[index]


def test_an_environment_without_a_manifest(run: Run, workspace: Path) -> None:
    ended = run("render", "environment", "-o", "out")
    assert ended.code == 1
    assert "the environment test has no manifest: copilot/environments/test/manifest.yml" in ended.err
    assert "Metadata.Manifest" in ended.err
    assert not (workspace / "out").exists()


def test_faults_of_services_and_of_the_environment_are_said_at_once(
    run: Run, declare: Declare, workspace: Path
) -> None:
    declare("test", "network: {vpc: {id: vpc-1}}\n")
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text().replace("cpu: 256", "cpu: many"))
    ended = run("render", "environment", "-o", "out")
    assert ended.code == 1
    assert "an existing VPC needs its subnets" in ended.err
    assert "cpu" in ended.err
    assert not (workspace / "out").exists()


@pytest.mark.parametrize("strict", [[], ["--strict"]], ids=["lenient", "strict"])
def test_a_fault_of_the_environment_is_said_once(run: Run, declare: Declare, strict: list[str]) -> None:
    declare("test", "cdn: {terminate_tls: true}\nexec: true\nnetwork: {vpc: {id: vpc-1}}\n")
    ended = run("render", "environment", *strict)
    assert ended.code == 1
    assert [ended.err.count(code) for code in ("[CL121]", "[CL101]", "[CL160]")] == [1, 1, 1], ended.err
    assert "manifests" not in ended.err
    assert ("3 errors" in ended.err) is bool(strict), ended.err


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"name: [test\n"], ids=["no-text", "no-yaml"])
def test_an_environment_that_cannot_be_read_is_said_once(run: Run, declare: Declare, text: bytes) -> None:
    declare("test").write_bytes(text)
    ended = run("render", "environment")
    assert ended.code == 1
    assert ended.err.count("[CL100]") == 1, ended.err
    assert "manifests" not in ended.err


def test_two_manifests_with_faults_are_both_counted(run: Run, declare: Declare, workspace: Path) -> None:
    declare("test", "network: {vpc: {id: vpc-1}}\n")
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text().replace("cpu: 256", "cpu: many"))
    assert "2 manifests: 2 errors" in run("render", "environment").err


def test_a_parameter_that_is_not_there(run: Run, declare: Declare) -> None:
    declare()
    ended = run("render", "environment", "--parameter", "Vpc=1")
    assert ended.code == 2
    assert "the stack of the environment test has no parameter Vpc" in ended.err


def test_app_has_a_repository_for_each_built_image(
    run: Run, workspace: Path, add_service: Callable[[str, str], Path]
) -> None:
    add_service("api", BACKEND)
    ended = run("render", "app", "--account", "123456789012", "-o", "out")
    assert ended.code == 0, ended.err
    template = read_template((workspace / "out" / "shop.app.stack.yml").read_text())
    [(name, repository)] = template["Resources"].items()  # type: ignore[attr-defined]
    assert (name, repository["Type"], repository["DeletionPolicy"]) == (
        "ECRRepohello",
        "AWS::ECR::Repository",
        "Retain",
    )
    assert repository["Properties"]["RepositoryName"] == "shop/hello"
    [statement] = repository["Properties"]["RepositoryPolicyText"]["Statement"]
    assert statement["Principal"] == {"AWS": [{"Fn::Sub": "arn:${AWS::Partition}:iam::123456789012:root"}]}
    assert not any("Put" in action or "*" in action for action in statement["Action"])


def test_app_without_other_accounts_has_no_policy(run: Run, workspace: Path) -> None:
    assert "RepositoryPolicyText" not in run("render", "app").out
    assert run("render", "app", "--account", "me").code == 2


def test_app_without_built_images(run: Run, workspace: Path, add_service: Callable[[str, str], Path]) -> None:
    (workspace / "copilot" / "hello" / "manifest.yml").unlink()
    add_service("api", BACKEND)
    ended = run("render", "app", "-o", "out")
    assert ended.code == 1
    assert "no service of the workspace builds an image" in ended.err
    assert not (workspace / "out").exists()
