"""Rendered workflows, run: each step's lines as GitHub would run them, the AWS command line against an account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.cli.shell import app
from tests.stacks.conftest import Account
from tests.stacks.linting import REGION, findings
from tests.stacks.runner import SHA, Runner, StepFailed
from tests.stacks.test_stacks import for_moto
from tests.unit.render.golden import read_template
from tests.unit.render.pipelines import write_workspace

REGISTRY = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def endpoint(account: Account) -> Iterator[str]:
    """The account behind HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace, with all pipelines rendered into `out/`."""
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    return tmp_path / "shop"


def workflow(root: Path, name: str) -> Any:
    assert app.run(("render", "pipeline", name, "--install", "copilot-local", "-o", "out")) == 0
    return yaml.safe_load((root / "out" / f"{name}.workflow.yml").read_text())


def runner(root: Path, endpoint: str, account: Account) -> Runner:
    """The runner; what it renders is made fit for moto, which finds no exports when it executes a change set."""

    def after_step(step: str, place: Path) -> None:
        for file in sorted((place / "infrastructure").glob("*.stack.yml")) if step == "Render" else ():
            template = for_moto(read_template(file.read_text()), account)
            file.write_text(json.dumps(without_imports(template, account)))

    return Runner(root, root.parent / "jobs", endpoint, REGION, after_step)


def without_imports(value: Any, account: Account) -> Any:
    """A template with the value of each export in place of its import."""
    if isinstance(value, list):
        return [without_imports(item, account) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return account.value(value["Fn::ImportValue"])
    return {key: without_imports(item, account) for key, item in value.items()}


def stacks(account: Account) -> dict[str, Any]:
    found = account.client("cloudformation").describe_stacks()["Stacks"]
    return {it["StackName"]: it for it in found if it["StackName"].startswith("shop-")}


def image_of(stack: Any) -> str:
    [image] = [it["ParameterValue"] for it in stack["Parameters"] if it["ParameterKey"] == "ContainerImage"]
    return str(image)


def test_one_with_an_approval_builds_once_and_deploys_stage_by_stage(
    rendered: Path, endpoint: str, account: Account
) -> None:
    run = runner(rendered, endpoint, account)
    run.run(workflow(rendered, "release"))
    assert run.steps == [
        "build: Build and push images",
        "test: Install copilot-local",
        "test: Render",
        "test: Deploy api, report, web",
        "prod: Check that a person had to approve",
        "prod: Install copilot-local",
        "prod: Render",
        "prod: Deploy api",
        "prod: Deploy web",
    ]
    made = stacks(account)
    assert {name: it["StackStatus"] for name, it in made.items()} == {
        f"shop-{name}": "CREATE_COMPLETE" for name in ("test-api", "test-report", "test-web", "prod-api", "prod-web")
    }
    assert image_of(made["shop-test-api"]) == image_of(made["shop-prod-api"]) == f"{REGISTRY}/shop/api:{SHA}"
    assert image_of(made["shop-prod-web"]) == f"{REGISTRY}/shop/web:{SHA}-prod", "it is built with other arguments"
    pushed = {call.split()[2] for call in run.calls if call.startswith("docker push")}
    assert pushed == {image_of(it) for name, it in made.items() if "report" not in name}
    assert {"Key": "copilot-service", "Value": "web"} in made["shop-prod-web"]["Tags"]
    assert made["shop-prod-web"]["RoleARN"] == "arn:aws:iam::123456789012:role/shop-prod-CFNExecutionRole"


def test_a_stage_without_required_reviewers_fails_before_anything_is_deployed(
    rendered: Path, endpoint: str, account: Account
) -> None:
    run = runner(rendered, endpoint, account)
    run.rules = "branch_policy"
    found = workflow(rendered, "release")
    found["jobs"]["test"]["steps"] = []
    with pytest.raises(StepFailed, match="no required reviewers"):
        run.run(found)
    assert stacks(account) == {}


def test_one_with_tests_runs_them_before_the_build_and_after_the_deployment(
    rendered: Path, endpoint: str, account: Account
) -> None:
    run = runner(rendered, endpoint, account)
    run.run(workflow(rendered, "checked"))
    assert list(stacks(account)) == ["shop-test-api"]
    assert run.actions == ["unit tests", "tested test", "as ${{ it }} stands"]


def test_one_with_actions_runs_them_around_the_deployments_in_their_order(
    rendered: Path, endpoint: str, account: Account
) -> None:
    account.client("ssm").put_parameter(Name="/shop/prod/dsn", Value="postgres://db", Type="SecureString")
    account.client("secretsmanager").create_secret(Name="shop/prod", SecretString='{"password": "s3cret"}')
    run = runner(rendered, endpoint, account)
    run.run(workflow(rendered, "migrate"))
    assert run.actions == [
        "schema orders postgres://db",
        "schema ended",
        "seed shop prod s3cret",
        f"announce {SHA}",
    ]
    assert run.steps[2:] == [
        "prod: Before deployment: schema",
        "prod: Before deployment: seed",
        "prod: Render",
        "prod: Deploy api",
        "prod: Deploy report",
        "prod: After deployment: announce",
    ]
    assert list(stacks(account)) == ["shop-prod-api", "shop-prod-report"]


@pytest.mark.parametrize("name", ["release", "checked", "migrate"])
def test_its_roles_are_clean_and_created(name: str, rendered: Path, account: Account) -> None:
    workflow(rendered, name)
    text = (rendered / "out" / f"{name}.roles.stack.yml").read_text()
    assert [str(it) for it in findings(text)] == []
    made = account.create(read_template(text), {})
    subjects = set()
    for role in made.values():
        found = account.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
        conditions = found["Condition"]["StringEquals"]
        assert conditions["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        subjects.add(conditions["token.actions.githubusercontent.com:sub"])
    stages = {"release": ["test", "prod"], "checked": ["test"], "migrate": ["prod"]}[name]
    branch = "stable" if name == "checked" else "main"
    assert subjects == {
        f"repo:example/shop:ref:refs/heads/{branch}",
        *(f"repo:example/shop:environment:{stage}" for stage in stages),
    }
