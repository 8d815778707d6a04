"""What a service's names, ports and patches come to."""

from __future__ import annotations

import pytest

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.service import Service
from emulator.service_connect.model import Endpoint, Served, endpoint, served, virtual_numbers
from tests.unit.runtime.world import connected, make_service

SERVICE = ["Resources", "Service", "Properties", "ServiceConnectConfiguration", "Services", "0"]


def speaking(protocol: str | None, *patches: TemplatePatch) -> Service:
    """A service `api` at port 8080 whose port mapping has that `appProtocol`."""
    mapping = {"containerPort": 8080, "name": "target", **({"appProtocol": protocol} if protocol else {})}
    service = connected("api", serves="API.internal", containers={"api": {"portMappings": [mapping]}})
    assert service.connect is not None
    connect = service.connect.model_copy(update={"port_name": "target"})
    return service.model_copy(update={"connect": connect, "template_patches": list(patches)})


def test_what_copilot_deploys_is_tcp() -> None:
    service = speaking(None)
    assert served(service) == Served(8080, "tcp")
    assert endpoint(service, 3) == Endpoint("api.internal", 3, 8080, "tcp", idle_timeout=3600, request_timeout=0)


@pytest.mark.parametrize("protocol", ["http", "http2", "grpc"])
def test_app_protocol_brings_the_time_outs_of_requests(protocol: str) -> None:
    found = endpoint(speaking(protocol), 1)
    assert found is not None
    assert (found.protocol, found.idle_timeout, found.request_timeout) == (protocol, 300, 15)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ([*SERVICE, "Timeout"], {"IdleTimeoutSeconds": 60, "PerRequestTimeoutSeconds": "40"}, (60, 40)),
        ([*SERVICE, "Timeout", "PerRequestTimeoutSeconds"], 0, (300, 0)),
        (SERVICE, {"PortName": "target", "Timeout": {"IdleTimeoutSeconds": 5}}, (5, 15)),
        (["Resources", "Other", *SERVICE[2:], "Timeout"], {"IdleTimeoutSeconds": 5}, (300, 15)),
        ([*SERVICE, "Timeout"], {"IdleTimeoutSeconds": {"Ref": "Idle"}}, (300, 15)),
    ],
)
def test_a_patch_of_the_template_sets_them(path: list[str], value: object, expected: tuple[int, int]) -> None:
    patch = TemplatePatch.model_validate({"op": "add", "path": path, "value": value})
    found = endpoint(speaking("http", patch), 1)
    assert found is not None
    assert (found.idle_timeout, found.request_timeout) == expected


CONNECT = SERVICE[:-2]
TIMEOUT = {"IdleTimeoutSeconds": 10, "PerRequestTimeoutSeconds": 60}
SERVED = {"PortName": "target", "Timeout": TIMEOUT}
OTHER = {"PortName": "other", "Timeout": {"IdleTimeoutSeconds": 1}}


@pytest.mark.parametrize(
    ("patches", "expected"),
    [
        ([("replace", CONNECT, {"Enabled": True, "Services": [SERVED]})], (10, 60)),
        ([("replace", [*CONNECT, "Services"], [SERVED])], (10, 60)),
        ([("replace", CONNECT[:-1], {"ServiceConnectConfiguration": {"Services": [SERVED]}})], (10, 60)),
        ([("add", [*CONNECT, "Services", "-"], OTHER), ("add", [*SERVICE, "Timeout"], TIMEOUT)], (10, 60)),
        ([("add", SERVICE, OTHER), ("add", [*CONNECT, "Services", "1", "Timeout"], TIMEOUT)], (10, 60)),
        ([("add", [*SERVICE, "Timeout"], TIMEOUT), ("remove", [*SERVICE, "Timeout"], None)], (300, 15)),
        (
            [("add", [*SERVICE, "Timeout"], TIMEOUT), ("remove", [*SERVICE, "Timeout", "IdleTimeoutSeconds"], None)],
            (300, 60),
        ),
        (
            [
                ("add", [*SERVICE, "Timeout"], TIMEOUT),
                ("replace", [*SERVICE, "Timeout"], {"PerRequestTimeoutSeconds": 5}),
            ],
            (300, 5),
        ),
        (
            [("add", [*SERVICE, "Timeout"], TIMEOUT), ("replace", [*CONNECT, "Services"], [{"PortName": "target"}])],
            (300, 15),
        ),
        ([("add", [*SERVICE, "Timeout"], TIMEOUT), ("remove", CONNECT, None)], (300, 15)),
    ],
)
def test_patches_count_in_their_order_wherever_they_set_them(
    patches: list[tuple[str, list[str], object]], expected: tuple[int, int]
) -> None:
    made = [TemplatePatch.model_validate({"op": op, "path": path, "value": value}) for op, path, value in patches]
    before = [one.model_dump() for one in made]
    found = endpoint(speaking("http", *made), 1)
    assert found is not None
    assert (found.idle_timeout, found.request_timeout) == expected
    assert [one.model_dump() for one in made] == before


def test_no_time_out_of_requests_for_tcp() -> None:
    patch = TemplatePatch(op="add", path=[*SERVICE, "Timeout"], value={"PerRequestTimeoutSeconds": 4})
    found = endpoint(speaking(None, patch), 1)
    assert found is not None
    assert found.request_timeout == 0


@pytest.mark.parametrize("service", [connected("web"), make_service(name="web")])
def test_a_client_serves_nothing(service: Service) -> None:
    assert served(service) is None
    assert endpoint(service, 1) is None


def test_names_keep_their_address_when_others_come() -> None:
    first = virtual_numbers({}, ["web", "api"])
    assert first == {"api": 1, "web": 2}
    assert virtual_numbers(first, ["aaa", "web"]) == {"api": 1, "web": 2, "aaa": 3}


@pytest.mark.parametrize(("number", "address"), [(1, "127.255.0.1"), (255, "127.255.0.255"), (256, "127.255.1.0")])
def test_addresses(number: int, address: str) -> None:
    assert Endpoint("api", number, 80, "tcp", 0, 0).address == address
