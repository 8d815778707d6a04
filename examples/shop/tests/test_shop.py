"""The shop as a whole: three tasks, their sidecars and log routers, and the load balancer in front of them."""

from __future__ import annotations

from copilot_local.testing import Environment


def test_requests_are_routed_by_their_path(copilot_environment: Environment) -> None:
    page = copilot_environment.http.get("/")
    assert page.status_code == 200
    assert page.text.startswith("The test shop has ")
    assert copilot_environment.http.get("/api/orders").json() == []
    assert "Disallow" in copilot_environment.http.get("/robots.txt").text

    assert copilot_environment.route("GET", "/api/orders").destinations[0].container == "api"
    assert copilot_environment.route("GET", "/anything").destinations[0].container == "nginx"


def test_nginx_gives_every_request_an_id_that_the_main_container_logs(copilot_environment: Environment) -> None:
    number = copilot_environment.http.get("/").headers["X-Request-Id"]
    copilot_environment.wait_for_log(f"GET / request {number}", container="web/web")


def test_the_page_asks_the_api_for_the_orders(copilot_environment: Environment) -> None:
    trace = copilot_environment.trace("GET", "/")
    assert not trace.faults, str(trace)
    assert [hop.server for hop in trace.hops] == ["front:8080", "nginx:80", "web:3000", "api:3000"], str(trace)
    last = trace.hops[-1]
    assert (last.client, last.method, last.path, last.status) == ("web", "GET", "/api/orders", 200)


def test_an_order_is_shipped_and_both_services_log_it(copilot_environment: Environment) -> None:
    placed = copilot_environment.http.post("/api/orders", json={"item": "teapot"})
    assert placed.status_code == 201
    number = placed.json()["id"]
    copilot_environment.wait_for_log(f'"order shipped", "id": {number},', container="fulfilment")

    for service, event in (("api", "order placed"), ("fulfilment", "order shipped")):
        record = copilot_environment.wait_for_routed_log(f'"{event}", "id": {number},', service=service)
        assert record.fields["container_name"] == service
        assert record.fields["ecs_cluster"] == "shop-test"
        assert record.fields["ecs_task_definition"] == f"shop-test-{service}:1"


def test_an_order_without_an_item_is_refused(copilot_environment: Environment) -> None:
    answer = copilot_environment.http.post("/api/orders", json={"count": 3})
    assert answer.status_code == 400
    assert "item" in answer.json()["error"]


def test_without_the_api_the_page_says_so_and_fulfilment_waits(copilot_environment: Environment) -> None:
    mark = copilot_environment.mark()
    copilot_environment.scale("api", 0)
    page = copilot_environment.http.get("/")
    assert page.status_code == 503
    assert "takes no orders at the moment" in page.text
    assert copilot_environment.http.get("/api/orders").status_code == 503
    copilot_environment.wait_for_log("the api is away", container="fulfilment", since=mark)

    copilot_environment.scale("api", 1)
    copilot_environment.wait_for_log("the api is back", container="fulfilment", since=mark)
    assert copilot_environment.http.get("/").status_code == 200


def test_a_killed_container_is_replaced_with_its_task(copilot_environment: Environment) -> None:
    web = copilot_environment.service("web")
    [before] = {row.task_id for row in web.containers}
    web.kill("nginx")
    web.wait_healthy()
    assert {row.task_id for row in web.containers} - {before}
    assert web.http.get("/robots.txt").status_code == 200
