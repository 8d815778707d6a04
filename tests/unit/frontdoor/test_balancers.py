"""Two load balancers: which rules each has, which one a URL leads to, and what is said of each."""

from __future__ import annotations

import pytest

from emulator.ecs.network import LoadBalancer
from emulator.ecs.service import (
    Condition,
    Forward,
    HostHeader,
    ListenerRule,
    PathPattern,
    Service,
    TargetGroup,
    WeightedTargetGroup,
)
from emulator.errors import Position
from emulator.frontdoor.balancers import LISTENERS, Balancer, behind, frontend_name, read_frontend_name
from emulator.frontdoor.haproxy.configuration import front_configuration
from emulator.frontdoor.options import FrontOptions, Https
from emulator.frontdoor.routing.advice import shadowed
from emulator.frontdoor.routing.explain import asked_balancer, explain
from tests.frontdoor_table import service_with

OPTIONS = {
    Balancer.PUBLIC: FrontOptions(listener_port=8080),
    Balancer.INTERNAL: FrontOptions(balancer=Balancer.INTERNAL, listener_port=8081),
}


def service(name: str, path: str = "/*", *, internal: bool = False, alias: str = "") -> Service:
    conditions: list[Condition] = [PathPattern(values=[path])]
    if internal or alias:
        conditions.append(HostHeader(values=[alias or f"{name}.test.demo.internal"], load_balancer_name=True))
    rule = ListenerRule(
        name="http",
        conditions=conditions,
        action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
        root=path == "/*",
        position=Position(f"copilot/{name}/manifest.yml", 7),
    )
    made = service_with([rule], [TargetGroup(name="default", container_name="web", container_port=80)])
    made.name = name
    made.load_balancer = LoadBalancer(scheme="internal" if internal else "internet-facing")
    return made


API, WEB = service("api", internal=True), service("web")


@pytest.mark.parametrize("services", [[API, WEB], [WEB, API]])
def test_each_has_its_own_rules(services: list[Service]) -> None:
    assert [one.name for one in behind(services, Balancer.PUBLIC)] == ["web"]
    for balancer, name in ((Balancer.PUBLIC, "web"), (Balancer.INTERNAL, "api")):
        found = explain(services, "GET", "/x", options=OPTIONS[balancer])
        assert [(one.service, found.priority) for one in found.destinations] == [(name, 50000)]
        assert [result.placed.service.name for result in found.rules] == [name]


def test_rules_of_different_load_balancers_do_not_hide_each_other() -> None:
    assert list(shadowed([API, WEB])) == []
    assert list(shadowed([service("a", internal=True, alias="x"), service("b", alias="x")])) == []
    assert len(list(shadowed([service("a", alias="x"), service("b", alias="x")]))) == 1


@pytest.mark.parametrize(
    ("url", "balancer"),
    [
        ("/x", Balancer.PUBLIC),
        ("http://localhost/x", Balancer.PUBLIC),
        ("http://localhost:8081/x", Balancer.INTERNAL),
        ("http://api.test.demo.internal/x", Balancer.INTERNAL),
        ("http://API.test.demo.internal:80/x", Balancer.INTERNAL),
        ("http://api.test.demo.internal.localhost:8081/x", Balancer.INTERNAL),
        ("http://internal-load-balancer.internal/x", Balancer.INTERNAL),
        ("http://public-load-balancer.internal/x", Balancer.PUBLIC),
        ("http://other.test.demo.internal/x", Balancer.PUBLIC),
    ],
)
def test_the_one_that_a_url_leads_to(url: str, balancer: Balancer) -> None:
    assert asked_balancer([API, WEB], url, OPTIONS) is balancer


def test_where_there_is_one_it_is_meant() -> None:
    assert asked_balancer([API], "/x", OPTIONS) is Balancer.INTERNAL
    assert asked_balancer([WEB], "http://api.test.demo.internal/x", OPTIONS) is Balancer.PUBLIC


@pytest.mark.parametrize("balancer", list(Balancer))
@pytest.mark.parametrize("inside", [True, False])
def test_what_haproxy_calls_a_listener_is_read_back(balancer: Balancer, inside: bool) -> None:
    for listener in LISTENERS:
        name = frontend_name(listener, balancer, inside=inside)
        for logged in (name, f"{name}~"):
            assert read_frontend_name(logged) == (listener, balancer, inside)


def test_tasks_are_served_at_the_deployed_ports_and_redirected_there() -> None:
    options = FrontOptions(listener_port=9000, https=Https({}, listener_port=9443), inside=True)
    text = front_configuration([WEB], (), options).configuration
    inside = text[text.index("frontend http-inside") : text.index("frontend https ")]
    assert "bind :80 " in inside
    assert "X-Forwarded-Port 80" in inside
    assert "X-Forwarded-Port 443" in text[text.index("frontend https-inside") :]
    assert "X-Forwarded-Port 9000" in text[: text.index("frontend http-inside")]
