"""What keeps a service from its environment, though each manifest alone is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

Write = Callable[[str, str], None]
BACKEND = "name: hello\ntype: Backend Service\nimage: {location: hello, port: 80}\n"
PUBLIC = "name: hello\ntype: Load Balanced Web Service\nimage: {location: hello, port: 80}\n"
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/12345678-1234-1234-1234-123456789012"
OF_CLOUDFRONT = CERTIFICATE.replace("us-west-2", "us-east-1")
HAS_PUBLIC = f"http: {{public: {{certificates: ['{CERTIFICATE}']}}}}\n"
HAS_PRIVATE = f"http: {{private: {{certificates: ['{CERTIFICATE}']}}}}\n"
CLOUDFRONT = f"cdn: {{certificate: '{OF_CLOUDFRONT}'}}\n"
ENDS_TLS = f"cdn: {{certificate: '{OF_CLOUDFRONT}', terminate_tls: true}}\n"
VPC = "network: {{vpc: {{id: vpc-12345678, subnets: {{{side}: [{{id: subnet-1}}, {{id: subnet-2}}]}}}}}}\n"
PRIVATE_PLACE = "network: {vpc: {placement: private}}\n"
CHOSEN_PLACE = "network: {vpc: {placement: {subnets: [subnet-1]}}}\n"


@pytest.fixture
def write(workspace: Path) -> Write:
    """Writes the service `hello` and the environment `test`, this one without its first two lines."""

    def files(service: str, environment: str) -> None:
        (workspace / "copilot" / "hello" / "manifest.yml").write_text(service)
        file = workspace / "copilot" / "environments" / "test" / "manifest.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"name: test\ntype: Environment\n{environment}")

    return files


REFUSED = {
    "an internal rule without alias": (
        BACKEND + "http: {path: /}\n",
        HAS_PRIVATE,
        "4:8: http: the rule has no alias, and environment test imports certificates",
    ),
    "a public rule without alias": (
        PUBLIC + "http: {path: /}\n",
        HAS_PUBLIC,
        "4:8: http: the rule has no alias, and environment test imports certificates",
    ),
    "a further rule without alias": (
        PUBLIC + "http:\n  path: /\n  alias: a.example.com\n  additional_rules: [{path: /more}]\n",
        HAS_PUBLIC,
        "http.additional_rules[0]: the rule has no alias, and environment test imports certificates",
    ),
    "an internal alias without certificates": (
        BACKEND + "http: {path: /, alias: a.internal}\n",
        "",
        "http: alias needs certificates, and environment test imports none",
    ),
    "a hosted zone without certificates": (
        PUBLIC + "http: {path: /, alias: a.example.com, hosted_zone: Z1}\n",
        "",
        "http: hosted_zone needs certificates, and environment test imports none",
    ),
    "a hosted zone behind CloudFront": (
        PUBLIC + "http: {path: /, alias: [{name: a.example.com, hosted_zone: Z1}]}\n",
        HAS_PUBLIC + CLOUDFRONT,
        "http: hosted_zone gets a record of the load balancer, and environment test has CloudFront before it",
    ),
    "a name of the network load balancer": (
        PUBLIC + "http: false\nnlb: {port: 443/tls, alias: n.example.com}\n",
        HAS_PUBLIC,
        "nlb: alias is for Copilot's own domain here, and environment test imports certificates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_names_that_do_not_fit_the_environments_certificates(case: str, run: Run, write: Write) -> None:
    service, environment, message = REFUSED[case]
    write(service, environment)
    ended = run("validate")
    assert ended.code == 1, ended.out
    assert "error[CL163]: copilot/hello/manifest.yml:" in ended.out
    assert message in ended.out
    assert "1 error" in ended.out
    refused = run("render", "cloudformation", "--in-copilot-environment")
    assert refused.code == 1


def test_a_refusal_can_be_silenced(run: Run, write: Write) -> None:
    write(PUBLIC + "http: {path: /}  # copilot-local: ignore CL163\n", HAS_PUBLIC)
    assert run("validate").code == 0
    assert run("render", "cloudformation", "--in-copilot-environment").code == 0


FITS = {
    "an internal alias with certificates": (BACKEND + "http: {path: /, alias: a.internal}\n", HAS_PRIVATE),
    "an internal rule without either": (BACKEND + "http: {path: /}\n", ""),
    "certificates of the other load balancer": (BACKEND + "http: {path: /}\n", HAS_PUBLIC),
    "no rule": (BACKEND, HAS_PRIVATE),
    "a public alias whose domain is not known here": (PUBLIC + "http: {path: /, alias: a.example.com}\n", ""),
    "a hosted zone with certificates": (
        PUBLIC + "http: {path: /, alias: a.example.com, hosted_zone: Z1}\n",
        HAS_PUBLIC,
    ),
    "an existing load balancer": (PUBLIC + "http: {path: /, alb: mine}\n", HAS_PUBLIC),
    "CloudFront that asks over HTTPS": (PUBLIC + "http: {path: /, alias: a.example.com}\n", HAS_PUBLIC + CLOUDFRONT),
    "no redirect": (
        PUBLIC + "http: {path: /, alias: a.example.com, redirect_to_https: false}\n",
        HAS_PUBLIC + ENDS_TLS,
    ),
    "private tasks in private subnets": (BACKEND + PRIVATE_PLACE, VPC.format(side="private")),
    "public tasks in public subnets": (BACKEND, VPC.format(side="public")),
    "tasks in chosen subnets": (BACKEND + CHOSEN_PLACE, VPC.format(side="public")),
    "a VPC that is made": (BACKEND + PRIVATE_PLACE, ""),
}


@pytest.mark.parametrize("case", FITS)
def test_what_fits_the_environment_is_no_finding(case: str, run: Run, write: Write) -> None:
    write(*FITS[case])
    ended = run("validate")
    assert (ended.code, "✓ copilot/hello/manifest.yml" in ended.out) == (0, True), ended.out


def test_certificates_of_the_settings_are_the_environments(run: Run, write: Write, workspace: Path) -> None:
    write(BACKEND + "http: {path: /}\n", "")
    settings = f'[environments.test]\nprivate_certificates = ["{CERTIFICATE}"]\n'
    (workspace / "copilot-local.toml").write_text(settings)
    assert "error[CL163]" in run("validate").out


def test_a_default_name_behind_cloudfront(run: Run, write: Write, workspace: Path) -> None:
    (workspace / "copilot-local.toml").write_text('[app]\ndomain = "example.com"\n')
    write(PUBLIC + "http: {path: /}\n", "cdn: true\n")
    ended = run("validate")
    assert ended.code == 1
    assert "error[CL163]: copilot/hello/manifest.yml:4:8: http: no rule has an alias, and environment test" in ended.out
    write(PUBLIC + "http: {path: /, alias: web.example.com}\n", "cdn: true\n")
    assert run("validate").code == 0
    write(PUBLIC + "http: {path: /}\n", "")
    assert run("validate").code == 0


@pytest.mark.parametrize(
    ("ingress", "severity", "code"), [("", "warning", 0), ("ingress: {cdn: true}, ", "error", 1)], ids=["open", "cdn"]
)
def test_a_redirect_behind_a_cloudfront_that_ends_tls(
    run: Run, write: Write, ingress: str, severity: str, code: int
) -> None:
    write(
        PUBLIC + "http: {path: /, alias: a.example.com}\n", ENDS_TLS + HAS_PUBLIC.replace("certif", f"{ingress}certif")
    )
    ended = run("validate")
    assert ended.code == code
    assert f"{severity}[CL164]: copilot/hello/manifest.yml:4:8: http: the rule redirects to HTTPS" in " ".join(
        ended.out.split()
    )


@pytest.mark.parametrize(
    ("place", "has", "lacks"),
    [("", "private", "public"), (PRIVATE_PLACE, "public", "private")],
    ids=["public", "private"],
)
def test_tasks_in_subnets_that_the_vpc_does_not_have(run: Run, write: Write, place: str, has: str, lacks: str) -> None:
    write(BACKEND + place, VPC.format(side=has))
    ended = run("validate")
    assert ended.code == 1
    assert (
        f"network.vpc.placement: tasks are placed in {lacks} subnets, and the VPC of environment test has none"
        in ended.out
    )
    assert "error[CL165]: copilot/hello/manifest.yml:" in ended.out
    refused = run("render", "environment")
    assert refused.code == 1
    assert f"for hello, needs {lacks} subnets, and the VPC has none" in refused.err


def imports(node: Any) -> set[str]:
    """The names that a template imports, the environment's prefix left out."""
    if isinstance(node, dict):
        name = node.get("Fn::ImportValue")
        own = {name.removeprefix("shop-test-")} if isinstance(name, str) else set()
        return own.union(*(imports(value) for value in node.values()))
    return set[str]().union(*(imports(value) for value in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("case", FITS)
def test_what_a_service_imports_is_exported_by_its_environment(case: str, run: Run, write: Write) -> None:
    service, environment = FITS[case]
    write(service, environment)
    domain = [] if "certificates" in environment else ["--domain", "example.com"]
    stack = run("render", "cloudformation", "--in-copilot-environment", *domain)
    around = run("render", "environment", *domain)
    assert (stack.code, around.code) == (0, 0), stack.err + around.err
    outputs: Any = read_template(around.out)["Outputs"]
    exported = {yaml.safe_dump(output["Export"]["Name"]) for output in outputs.values() if "Export" in output}
    missing = [name for name in imports(read_template(stack.out)) if not any(f"-{name}" in one for one in exported)]
    assert not missing
