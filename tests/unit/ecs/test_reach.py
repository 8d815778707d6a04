"""Names of services in variables: what counts as one, and which lead nowhere when deployed."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.job import JobSchedule
from emulator.ecs.network import ServiceConnect, ServiceDiscovery
from emulator.ecs.reach import out_of_reach
from emulator.ecs.references import ImportReference
from emulator.ecs.service import LogGroup, Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.model import from_plain

NAMESPACE = "test.shop.local"
BACKEND = "Backend Service"


def service(
    name: str,
    *,
    port: int | None = 8080,
    connect: bool = False,
    alias: str = "",
    type: str = BACKEND,
    variables: dict[str, Any] | None = None,
    sidecars: dict[str, dict[str, Any]] | None = None,
) -> Service:
    """A service of shop/test. `sidecars` are variables by container."""
    containers: list[dict[str, Any]] = [{"name": name, "image": "x", "environment": pairs(variables or {})}]
    for sidecar, theirs in (sidecars or {}).items():
        routes = {"firelensConfiguration": {"type": "fluentbit"}} if sidecar == "firelens_log_router" else {}
        containers.append({"name": sidecar, "image": "x", "environment": pairs(theirs), **routes})
    served = port is not None and (connect or bool(alias))
    return Service(
        app="shop",
        environment="test",
        name=name,
        type=type,
        task_definition=from_plain(TaskDefinition, {"family": "f", "containerDefinitions": containers}),
        main_container=name,
        discovery=None
        if type in ("Worker Service", "Scheduled Job")
        else ServiceDiscovery(name=name, namespace=NAMESPACE, port=port),
        connect=ServiceConnect(
            namespace=NAMESPACE, port=port if served else None, dns_name=(alias or name) if served else None
        )
        if connect or alias
        else None,
        schedule=JobSchedule(expression="@daily") if type == "Scheduled Job" else None,
        log_group=LogGroup(name="x"),
    )


def pairs(variables: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def problems(client: Service, *others: Service) -> list[str]:
    return [it.message for it in out_of_reach(client, {it.name: it for it in (client, *others)})]


def problem(value: str, *others: Service, variable: str = "API_URL", **client: Any) -> tuple[str, str]:
    """What is said of a variable of `web`, and the hint."""
    web = service("web", variables={variable: value}, **client)
    [found] = out_of_reach(web, {it.name: it for it in (web, *others)})
    return found.message, found.hint


API = service("api")


@pytest.mark.parametrize(
    "value",
    [
        "http://api:8080",
        "http://api",
        "HTTP://API:8080/v1?x=1#y",
        "grpc://api",
        "http://user:secret@api:8080/x",
        "api:8080",
        "api:8080/path",
        "upstream=api:8080",
        "other:80, api:8080",
        "http://elsewhere.example,http://api:8080",
        '{"url": "http://api:8080"}',
        "jdbc:postgresql://api:5432/shop",
        "api",
    ],
)
def test_a_value_names_a_service(value: str) -> None:
    assert len(problems(service("web", variables={"API_URL": value}), API)) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_URL", "http://api.example.com:8080"),
        ("API_URL", "http://my-api:8080"),
        ("API_URL", "http://api-v2:8080"),
        ("API_URL", "http://api_v2:8080"),
        ("API_URL", "https://example.com/api"),
        ("API_URL", "https://example.com/?next=api:8080x"),
        ("API_URL", "/api"),
        ("API_URL", "http://localhost:8080/api"),
        ("API_URL", "http://${HOST}/api"),
        ("API_URL", "api@example.com"),
        ("API_URL", ""),
        ("ROLE", "api"),
        ("NAME", "api"),
        ("LOG_LEVEL", "api=debug"),
        ("IMAGE", "api:3"),
        ("IMAGE", "registry.example.com/api:8080"),
        ("IMAGE", "api:v1"),
        ("VIRTUAL_HOST", "api"),
        ("ALLOWED_HOSTS", "api,localhost"),
        ("COPILOT_SERVICE_NAME", "api"),
        ("TEXT", "call the api: 8080 times"),
        ("API_URL", "http://api.test.shop.local.example.com"),
    ],
)
def test_a_value_that_only_looks_so_does_not(variable: str, value: str) -> None:
    assert problems(service("web", variables={variable: value}), API) == []


def test_what_only_a_deployment_knows_is_no_name() -> None:
    assert problems(service("web", variables={"API_URL": ImportReference(name="api")}), API) == []


class TestTheShortName:
    def test_is_found_where_both_have_service_connect(self) -> None:
        web = service("web", connect=True, variables={"API_URL": "http://api:8080"})
        assert problems(web, service("api", connect=True)) == []

    @pytest.mark.parametrize(
        ("client", "server", "who"),
        [
            (False, False, "web and api have no network.connect"),
            (True, False, "api has no network.connect"),
            (False, True, "web has no network.connect"),
        ],
    )
    def test_is_not_where_one_side_has_it_not(self, client: bool, server: bool, who: str) -> None:
        message, hint = problem("http://api:8080", service("api", connect=server), connect=client)
        assert message == f"web does not find api by the name api when deployed: {who}"
        missing = who.partition(" ha")[0]
        assert hint == f"set network.connect: true in {missing}, or use api.test.shop.local"

    def test_gives_way_to_the_alias(self) -> None:
        server = service("api", alias="Orders")
        message, hint = problem("http://api:8080", server, connect=True)
        assert message.endswith("the alias of api replaces it")
        assert hint == "use Orders, or api.test.shop.local"
        assert problems(service("web", connect=True, variables={"API_URL": "http://orders:8080"}), server) == []
        assert "web has no network.connect" in problem("http://orders:8080", server)[0]

    def test_answers_at_one_port(self) -> None:
        server = service("api", port=80, connect=True)
        assert problem("http://api:3000", server, connect=True) == (
            "api answers at port 80 alone when deployed, not at 3000",
            "use api:80, or api.test.shop.local:3000",
        )
        assert "not at 443" in problem("https://api/x", server, connect=True)[0]
        for value in ("http://api", "api:80", "amqp://api", "api"):
            assert problems(service("web", connect=True, variables={"API_URL": value}), server) == []

    def test_of_the_task_itself_is_localhost(self) -> None:
        web = service("web", sidecars={"nginx": {"UPSTREAM": "http://web:8080"}})
        [found] = out_of_reach(web, {"web": web})
        assert found.hint == "the containers of a task reach each other at localhost"
        assert problems(service("web", connect=True, variables={"SELF": "http://web:8080"})) == []

    def test_is_not_for_jobs(self) -> None:
        _, hint = problem("http://api:8080", service("api", connect=True), type="Scheduled Job")
        assert hint == "a job has no Service Connect: use api.test.shop.local"


class TestTheLongName:
    @pytest.mark.parametrize(
        "value", ["http://api.test.shop.local:8080", "api.test.shop.local", "x api.test.shop.local."]
    )
    def test_is_found_without_service_connect(self, value: str) -> None:
        assert problems(service("web", variables={"API_URL": value}), API) == []

    @pytest.mark.parametrize(
        ("value", "where"),
        [
            ("http://api.prod.shop.local:8080", "environment prod"),
            ("api.test.other.local", "application other"),
        ],
    )
    def test_of_another_environment_is_not(self, value: str, where: str) -> None:
        message, hint = problem(value, API, variable="TEXT", connect=True)
        assert f"is a name of {where}; web is in shop/test" in message
        assert hint.startswith("the name here is api.test.shop.local")

    def test_of_another_owner_is_left_alone(self) -> None:
        assert problems(service("web", variables={"PRINTER": "printer.second.floor.local"}), API) == []


@pytest.mark.parametrize("value", ["http://api:8080", "api.test.shop.local"])
@pytest.mark.parametrize(
    ("type", "hint"),
    [
        (BACKEND, "give api an image.port"),
        ("Worker Service", "a Worker Service takes no connections"),
        ("Scheduled Job", "a Scheduled Job takes no connections"),
    ],
)
def test_a_service_without_a_port_is_not_found(value: str, type: str, hint: str) -> None:
    message, found = problem(value, service("api", port=None, type=type), connect=True)
    assert message.endswith("api exposes no port")
    assert found.startswith(hint)


def test_every_container_is_looked_at_and_every_variable_named_once() -> None:
    url = "http://api:8080 http://api:8080/again"
    web = service(
        "web",
        variables={"A": url, "B": "http://elsewhere"},
        sidecars={"nginx": {"C": url}, "firelens_log_router": {"D": url}},
    )
    found = [it.path for it in out_of_reach(web, {"web": web, "api": API})]
    assert found == ["variables.A", "sidecars.nginx.variables.C", "logging.variables.D"]
