"""What a look at the machine adds to the list of what is missing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.errors import PortInUse
from emulator.missing import Blockers, Kind, Missing, MissingError
from emulator.runtime.lifecycle.look import look_at_machine, refuse_taken_ports
from emulator.settings import FrontSettings, Settings
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import make_service, nginx_sidecar

LOGIN = {"repositoryCredentials": {"credentialsParameter": "hub"}}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def look(bench: Bench, *services: Service, missing: tuple[Missing, ...] = (), **options: Any) -> list[str]:
    found = Blockers([*missing])
    look_at_machine(bench.engine, bench.request(*services, **options), found, lambda reference: f"no {reference}")
    return [f"{one.kind} {one}" for one in found.missing]


def test_an_image_that_is_neither_here_nor_in_a_registry(bench: Bench) -> None:
    service = make_service({"hello": {}, "nginx": {"image": "private/nginx:9"}})
    assert look(bench, service) == ["image hello/nginx: private/nginx:9 cannot be pulled: no private/nginx:9"]


def test_what_is_here_replaced_or_of_a_service_of_no_tasks_is_not_asked_for(bench: Bench) -> None:
    service = make_service({"hello": {}, "nginx": {"image": "private/nginx:9"}})
    assert look(bench, service, replacements={"hello/nginx": "nginx:1"}) == []
    service.desired_count = 0
    assert look(bench, service) == []


def test_a_login_is_taken_off_where_the_image_is_here(bench: Bench) -> None:
    from emulator.runtime.secrets.logins import RegistryLogins
    from emulator.runtime.secrets.wanted import Finder

    service = make_service({"hello": {}, "nginx": {"image": "nginx:1", **LOGIN}})
    logins = RegistryLogins(list(Finder({}, "us-east-1").logins(service)))
    missing = Missing(Kind.LOGIN, "hub", "hello")
    assert look(bench, service, missing=(missing,), logins=logins) == []
    service.task_definition.container_definitions[1].image = "private/nginx:9"
    assert look(bench, service, missing=(missing,), logins=logins) == ["registry login hub (hello)"]


def test_ports_that_other_programs_have(bench: Bench, taken: int) -> None:
    assert look(bench, nginx_sidecar(), port=taken) == [f"port {taken}: --port"]
    settings = Settings(front=FrontSettings(port=taken))
    assert look(bench, nginx_sidecar(), settings=settings) == [f"port {taken}: --port"]
    assert look(bench, make_service(), port=taken) == [], "no listener would be on it"


def test_a_taken_port_ends_up_before_anything_is_built(bench: Bench, taken: int) -> None:
    with pytest.raises(PortInUse, match=f"port {taken} on 127.0.0.1 is taken by another program"):
        bench.up(nginx_sidecar(), port=taken)
    assert bench.engine.builds == []
    assert not [call for call in bench.engine.calls if call[0] in ("pull", "create_container")]


def test_several_taken_ports_are_told_together(bench: Bench, taken: int) -> None:
    from emulator.settings_attended import Debugging

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        debug = {"hello": Debugging(ports={5678: other.getsockname()[1]})}
        request = bench.request(nginx_sidecar(), port=taken, debug=debug)
        with pytest.raises(MissingError) as caught:
            refuse_taken_ports(request, bench.observed)
    assert [one.name for one in caught.value.missing] == [str(taken), str(other_port(debug))]
    assert caught.value.hint == "", "`init` cannot write them"


def other_port(debug: dict[str, Any]) -> int:
    [port] = debug["hello"].ports.values()
    return int(port)
