"""Every import of a rendered service has an export in the rendered environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.compiler.environment.compile import needs_of
from emulator.ecs.environment.model import Environment, InternalBalancer, PublicBalancer
from emulator.ecs.service import Service
from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.stack import render_stack
from tests.stacks.test_stacks import cases, service_of
from tests.unit.render.golden import read_template

CERTIFICATE = ("arn:aws:acm:us-west-2:123456789123:certificate/a",)


def environment_of(service: Service) -> Environment:
    """What the service's environment is, as far as the service tells."""
    found = Environment(app=service.app, name=service.environment, needs=needs_of([service]))
    balancers = [it for it in (service.load_balancer, service.network_load_balancer) if it is not None]
    if domain := next((it.domain for it in balancers if it.domain), None):
        found = replace(found, domain=domain)
    elif any(rule.listener == "HTTPS" for rule in service.listener_rules):
        found = replace(found, public=PublicBalancer(CERTIFICATE), internal=InternalBalancer(CERTIFICATE))
    return found


def imports(value: Any) -> Iterator[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(name := value.get("Fn::ImportValue"), str):
        yield name
    for item in inner:
        yield from imports(item)


@pytest.mark.parametrize(("kind", "name", "mode"), [it for it in cases() if it.values[2] == "copilot"])
def test_every_import_has_an_export(kind: str, name: str, mode: str, tmp_path: Path) -> None:
    service, options = service_of(kind, name, tmp_path)
    del mode
    prefix = f"{service.app}-{service.environment}-"
    template: Any = read_template(render_stack(service, replace(options, in_copilot_environment=True)))
    own = of_the_manifest(service)
    wanted = {it for it in imports(template) if it.startswith(prefix) and it not in own}
    assert f"{prefix}ClusterId" in wanted
    for in_place in (False, True):
        way = EnvironmentOptions(in_place=in_place)
        made: Any = read_template(render_environment(environment_of(service), way)[0])
        exports = {it["Export"]["Name"]["Fn::Sub"] for it in made["Outputs"].values() if "Export" in it}
        assert wanted <= {it.replace("${AWS::StackName}", prefix.rstrip("-")) for it in exports}


def of_the_manifest(service: Service) -> set[str]:
    """Imports that the manifest names itself; other stacks have these exports."""
    text = service.model_dump_json()
    return {name for name in imports(read_template(render_stack(service, StackOptions()))) if name in text}


def test_parameters_are_gone_that_the_environment_answers(tmp_path: Path) -> None:
    asked = {"HTTPListenerArn", "HTTPSListenerArn", "InternalHTTPListenerArn", "InternalHTTPSListenerArn",
             "PublicLoadBalancerDNSName", "PublicLoadBalancerHostedZone", "PublicLoadBalancerFullName",
             "InternalLoadBalancerDNSName", "InternalLoadBalancerHostedZone", "InternalLoadBalancerFullName",
             "ManagedFileSystemID", "InternalWorkloadsHostedZone"}  # fmt: skip
    for kind, name, _ in (it.values for it in cases() if it.values[2] == "copilot" and it.values[0] == "example"):
        service, options = service_of(str(kind), str(name), tmp_path)
        template: Any = read_template(render_stack(service, replace(options, in_copilot_environment=True)))
        assert not asked & set(template.get("Parameters", {}))
