"""Which container and port traffic goes to, and which ports containers expose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.compiler import compile_service
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.manifest import load

Compile = Callable[..., Service]

BASE = """
name: web
type: Load Balanced Web Service
image: {location: web, port: 8080}
sidecars:
  nginx: {image: nginx, port: 80}
  admin: {image: admin, port: "9000/udp"}
  helper: {image: helper}
"""


def exposed(service: Service) -> dict[str, list[str]]:
    return {
        container.name: [
            f"{mapping.container_port}/{mapping.protocol}{'!' if mapping.name == 'target' else ''}"
            for mapping in container.port_mappings
        ]
        for container in service.task_definition.container_definitions
        if container.port_mappings
    }


def targets(service: Service) -> list[tuple[str, int]]:
    return [(group.container_name, group.container_port) for group in service.target_groups]


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        ("{path: /}", ("web", 8080)),
        ("{path: /, target_container: web}", ("web", 8080)),
        ("{path: /, target_container: nginx}", ("nginx", 80)),
        ("{path: /, target_port: 80}", ("nginx", 80)),
        ("{path: /, target_port: 8443}", ("web", 8443)),
        ("{path: /, target_container: nginx, target_port: 8443}", ("nginx", 8443)),
    ],
)
def test_target_of_a_rule(compile: Compile, rule: str, target: tuple[str, int]) -> None:
    assert targets(compile(f"{BASE}http: {rule}")) == [target]


def test_a_port_that_an_earlier_rule_gave_to_a_container_stays_there(compile: Compile) -> None:
    rules = "{path: /, target_container: nginx, target_port: 81, additional_rules: [{path: /b, target_port: 81}]}"
    assert targets(compile(f"{BASE}http: {rules}")) == [("nginx", 81), ("nginx", 81)]


def test_exposed_ports_are_sorted_and_the_connect_port_is_named(compile: Compile) -> None:
    service = compile(
        f"{BASE}http: {{path: /, target_container: nginx, additional_rules: [{{path: /b, target_port: 90}}]}}"
    )
    assert exposed(service) == {"web": ["90/tcp", "8080/tcp"], "nginx": ["80/tcp!"], "admin": ["9000/udp"]}


def test_the_main_containers_port_is_the_connect_port_by_default(compile: Compile) -> None:
    assert exposed(compile(f"{BASE}http: {{path: /}}"))["web"] == ["8080/tcp!"]


@pytest.mark.parametrize(
    ("listener", "target", "ports"),
    [
        (
            "{port: 443/tls}",
            ("web", 443),
            {"web": ["443/tcp", "8080/tcp!"], "nginx": ["80/tcp"], "admin": ["9000/udp"]},
        ),
        ("{port: 53/udp, target_port: 9000, healthcheck: {port: 8080}}", ("admin", 9000), None),
        ("{port: 443/tls, target_container: web}", ("web", 443), None),
        # Copilot maps the listener's port too, though the traffic goes to the sidecar's own.
        (
            "{port: 443/tls, target_container: nginx}",
            ("nginx", 80),
            {"web": ["8080/tcp!"], "nginx": ["80/tcp", "443/tcp"], "admin": ["9000/udp"]},
        ),
    ],
)
def test_target_of_a_network_listener(
    compile: Compile, listener: str, target: tuple[str, int], ports: dict[str, list[str]] | None
) -> None:
    service = compile(f"{BASE}http: false\nnlb: {listener}")
    assert targets(service) == [target]
    assert ports is None or exposed(service) == ports


def test_network_listeners(compile: Compile) -> None:
    udp_listener = "{port: 53/udp, target_port: 9000, healthcheck: {port: 80}}"
    listeners = f"{{port: 443/tls, stickiness: true, additional_listeners: [{udp_listener}]}}"
    service = compile(f"{BASE}http: false\nnlb: {listeners}")
    assert [(at.port, at.protocol, at.target_group) for at in service.network_listeners] == [
        (443, "TLS", "nlb"),
        (53, "UDP", "nlb-1"),
    ]
    tls, udp = service.network_listeners
    assert tls.ssl_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert udp.ssl_policy is None
    assert [(group.protocol, group.stickiness) for group in service.target_groups] == [("TCP", True), ("UDP", False)]


@pytest.mark.parametrize("type", ["Worker Service", "Scheduled Job"])
def test_workers_and_jobs_expose_only_what_sidecars_declare(compile: Compile, type: str) -> None:
    trigger = 'on: {schedule: "@daily"}' if type == "Scheduled Job" else ""
    service = compile(
        f"name: web\ntype: {type}\nimage: {{location: web}}\nsidecars: {{nginx: {{image: n, port: 80}}}}\n{trigger}"
    )
    assert exposed(service) == {"nginx": ["80/tcp"]}
    assert not service.target_groups
    assert not service.listener_rules


def test_a_backend_service_needs_no_port(compile: Compile) -> None:
    service = compile("name: web\ntype: Backend Service\nimage: {location: web}")
    assert exposed(service) == {}
    assert service.target_groups == []


def test_a_target_without_a_port_is_an_error_at_its_line(compile: Compile, tmp_path: Path) -> None:
    compile(f"{BASE}http: {{path: /, target_container: nginx}}")
    loaded = load(tmp_path / "manifest.yml", environment=None, variables={}, app="demo")
    sidecars = {"nginx": loaded.manifest.sidecars["helper"]}
    with pytest.raises(InputError) as error:
        compile_service(
            loaded.manifest.model_copy(update={"sidecars": sidecars}),
            app="demo",
            environment="test",
            position=loaded.position,
        )
    assert error.value.message == 'http: target container "nginx" does not expose a port'
    assert error.value.position is not None
    assert error.value.position.line == 9
    assert "add `port:` under `sidecars.nginx`" in error.value.hint
