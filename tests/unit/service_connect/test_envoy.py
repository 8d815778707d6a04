"""The configuration of a proxy: what ECS promises, each where Envoy reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.service_connect.envoy import (
    CLUSTERS_FILE,
    LISTENERS_FILE,
    bootstrap,
    files,
    ingress_port,
)
from emulator.service_connect.model import Endpoint, Protocol, Served
from emulator.service_connect.ports import EGRESS_PORT, FIRST_INGRESS_PORT

API = Endpoint("api", 1, 80, "http", idle_timeout=300, request_timeout=15)
DATABASE = Endpoint("db", 2, 5432, "tcp", idle_timeout=3600, request_timeout=0)


def read(*endpoints: Endpoint, behind: dict[str, list[tuple[str, int]]] | None = None) -> dict[str, Any]:
    """The files, by name."""
    return {name: json.loads(content) for name, content in files(endpoints, behind or {}).items()}


def chains(*endpoints: Endpoint) -> dict[str, Any]:
    [listener] = read(*endpoints)[LISTENERS_FILE]["resources"]
    return {chain["name"]: chain for chain in listener["filter_chains"]}


def clusters(*endpoints: Endpoint) -> dict[str, Any]:
    return {cluster["name"]: cluster for cluster in read(*endpoints)[CLUSTERS_FILE]["resources"]}


def route(chain: dict[str, Any]) -> Any:
    [host] = chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    return host["routes"][0]["route"]


def ingress(protocol: Protocol) -> tuple[Any, Any]:
    """Filter and cluster of what comes in."""
    static: Any = bootstrap("t", "api", Served(3000, protocol))["static_resources"]
    return static["listeners"][0]["filter_chains"][0]["filters"][0], static["clusters"][0]


def test_each_name_has_its_own_address_and_port() -> None:
    found = {name: chain["filter_chain_match"] for name, chain in chains(API, DATABASE).items()}
    assert found == {
        "api": {"prefix_ranges": [{"address_prefix": "127.255.0.1", "prefix_len": 32}], "destination_port": 80},
        "db": {"prefix_ranges": [{"address_prefix": "127.255.0.2", "prefix_len": 32}], "destination_port": 5432},
    }


def test_what_no_name_has_is_closed() -> None:
    [listener] = read()[LISTENERS_FILE]["resources"]
    [filter] = listener["default_filter_chain"]["filters"]
    assert clusters()[filter["typed_config"]["cluster"]]["load_assignment"]["endpoints"] == []


def test_http_is_retried_twice_on_another_task_and_ends_after_its_time_out() -> None:
    found = route(chains(API)["api"])
    assert found["timeout"] == "15s"
    assert found["retry_policy"]["num_retries"] == 2
    assert found["retry_policy"]["retriable_status_codes"] == [503]
    assert "connect-failure" in found["retry_policy"]["retry_on"]
    assert "previous_hosts" in str(found["retry_policy"]["retry_host_predicate"])


def test_what_a_503_is_in_grpc_is_retried_too() -> None:
    def retry_on(protocol: Protocol) -> str:
        found = route(chains(Endpoint("api", 1, 80, protocol, 300, 15))["api"])
        return str(found["retry_policy"]["retry_on"])

    assert retry_on("grpc") == f"{retry_on('http')},unavailable"
    assert retry_on("http2") == retry_on("http")


def test_tcp_tries_three_tasks_and_knows_no_requests() -> None:
    [filter] = chains(DATABASE)["db"]["filters"]
    assert filter["name"] == "envoy.filters.network.tcp_proxy"
    assert filter["typed_config"]["max_connect_attempts"] == 3
    assert filter["typed_config"]["idle_timeout"] == "3600s"


def test_five_failures_in_a_row_avoid_a_task_for_half_a_minute() -> None:
    found = clusters(API)["api"]["outlier_detection"]
    assert (found["consecutive_5xx"], found["base_ejection_time"], found["max_ejection_time"]) == (5, "30s", "300s")
    assert "max_ejection_percent" not in found, "two bad tasks of three are not to be out both"


@pytest.mark.parametrize(("protocol", "speaks"), [("tcp", False), ("http", False), ("http2", True), ("grpc", True)])
def test_http2_goes_on_as_http2(protocol: Protocol, speaks: bool) -> None:
    found = clusters(Endpoint("api", 1, 80, protocol, 300, 15))["api"]
    assert ("http2_protocol_options" in str(found)) is speaks
    _, application = ingress(protocol)
    assert ("http2_protocol_options" in str(application)) is speaks


def test_what_comes_in_goes_to_the_container_by_loopback_and_is_not_retried() -> None:
    filter, application = ingress("http")
    assert "'address': '127.0.0.1', 'port_value': 3000" in str(application["load_assignment"])
    assert "retry_policy" not in str(filter)
    assert "'timeout': '0s'" in str(filter), "the client's proxy has the time-out"


def test_a_client_listens_for_nothing() -> None:
    static: Any = bootstrap("t", "web", None)["static_resources"]
    assert static == {"listeners": [], "clusters": []}


def test_the_proxy_takes_no_port_of_the_task() -> None:
    ports = {ingress_port(Served(port, "tcp")) for port in (80, FIRST_INGRESS_PORT)}
    assert not ports & {EGRESS_PORT}
    assert ingress_port(Served(FIRST_INGRESS_PORT, "tcp")) != FIRST_INGRESS_PORT


def test_the_tasks_behind_a_name() -> None:
    found = read(API, behind={"api": [("172.18.0.3", 3000), ("172.18.0.4", 3001)]})["endpoint-api.json"]
    [assignment] = found["resources"]
    hosts = [one["endpoint"]["address"]["socket_address"] for one in assignment["endpoints"][0]["lb_endpoints"]]
    assert assignment["cluster_name"] == "api"
    assert hosts == [{"address": "172.18.0.3", "port_value": 3000}, {"address": "172.18.0.4", "port_value": 3001}]


def test_a_version_changes_with_its_content_alone() -> None:
    first, second = read(API), read(API, behind={"api": [("172.18.0.3", 3000)]})
    changed = {name for name in first if first[name]["version_info"] != second[name]["version_info"]}
    assert changed == {"endpoint-api.json"}
