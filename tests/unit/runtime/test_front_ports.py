"""The ports that listeners are published on, and a task that publishes one itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from emulator.ecs.service import HostHeader, ListenerRule, NetworkListener, Service, TargetGroup
from emulator.errors import InputError, PortInUse
from emulator.frontdoor.balancers import Balancer
from emulator.runtime.listeners import free_port
from emulator.runtime.listeners.front_ports import (
    bind_ports,
    listeners_of,
    published,
    udp_bind_ports,
)
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.listeners.published import INTERNAL, PUBLIC, PublishedListener
from emulator.runtime.specs.load_balancer import front_options, front_spec, front_specs, targets_of
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.specs.udp_relay import udp_relay_spec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Verb
from tests.unit.runtime.world import DEMO, ROOT, World, desired_state, make_service

ANY = AskedPorts()


def https(service: Service) -> Service:
    rules: list[ListenerRule] = [rule.model_copy(update={"listener": "HTTPS"}) for rule in service.listener_rules]
    return service.model_copy(update={"listener_rules": [*service.listener_rules, *rules]})


def network(*listeners: tuple[int, Literal["TCP", "TLS", "UDP"]], name: str = "hello", web: bool = False) -> Service:
    """A service with a network load balancer that forwards to ports 9000, 9001, …"""
    made = make_service(name=name, target=(name, 80) if web else None)
    for number, (port, protocol) in enumerate(listeners):
        group: Any = {"name": f"nlb-{number}", "container_name": name, "container_port": 9000 + number}
        made.target_groups.append(TargetGroup(**group, protocol="UDP" if protocol == "UDP" else "TCP"))
        made.network_listeners.append(NetworkListener(port=port, protocol=protocol, target_group=f"nlb-{number}"))
    return made


def chosen(state: DesiredState, asked: AskedPorts = ANY, observed: Observed | None = None) -> DesiredState:
    return with_ports(state, asked, observed or Observed([]), frozenset())


def ports(state: DesiredState) -> dict[tuple[str, int, str], int]:
    return {(found.service, found.port, found.protocol): found.host_port for found in listeners_of(state)}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port of this machine is free."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)


def in_a_world(state: DesiredState) -> World:
    """A world where that is desired and nothing runs yet."""
    world = World()
    world.state = state
    world.factory = TaskFactory(state, Private(), ROOT)
    return world


def test_each_listener_has_a_port_of_its_own() -> None:
    state = chosen(desired_state(https(network((5000, "TCP"), (443, "TLS"), (53, "UDP"), web=True))))
    found = ports(state)
    assert list(found) == [
        ("", 80, "HTTP"),
        ("", 443, "HTTPS"),
        ("hello", 5000, "TCP"),
        ("hello", 443, "TLS"),
        ("hello", 53, "UDP"),
    ]
    assert len(set(found.values())) == 5
    assert found["hello", 443, "TLS"] >= 10443
    assert found["hello", 53, "UDP"] >= 10053


def test_without_rules_for_https_there_is_no_listener_for_it() -> None:
    state = chosen(desired_state(make_service(target=("hello", 80))))
    assert list(ports(state)) == [("", 80, "HTTP")]
    assert front_options(state).https is None


def test_what_answers_keeps_its_port_and_is_read_from_the_listing_alone() -> None:
    service = https(network((5000, "TCP"), (53, "UDP"), web=True))
    state = chosen(desired_state(service))
    world = in_a_world(state)
    world.runs_task()
    world.runs_front(port=state.front_port)
    world.runs_udp_relay()
    assert {(p.service, p.port, p.protocol): p.host_port for p in published(world.observed)} == ports(state)
    assert ports(chosen(desired_state(service), observed=world.observed)) == ports(state)


def test_ports_that_are_asked_for() -> None:
    service = https(network((5000, "TCP"), web=True))
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        for probe in (one, two, three):
            probe.bind(("127.0.0.1", 0))
        http, secure, tcp = (probe.getsockname()[1] for probe in (one, two, three))
    state = chosen(desired_state(service), AskedPorts(http, secure, network={"hello:5000": tcp}))
    assert list(ports(state).values()) == [http, secure, tcp]
    with pytest.raises(InputError, match=f"port {http} of this machine is asked for twice"):
        chosen(desired_state(service), AskedPorts(http, http))


def test_a_taken_port_that_is_asked_for_names_the_option(taken: int) -> None:
    with pytest.raises(PortInUse, match=f"port {taken}") as caught:
        chosen(desired_state(https(make_service(target=("hello", 80)))), AskedPorts(https=taken))
    assert "--https-port" in caught.value.hint


def test_two_services_with_one_port() -> None:
    state = chosen(desired_state(network((5000, "TCP"), name="a"), network((5000, "TCP"), name="b")))
    found = ports(state)
    assert found["a", 5000, "TCP"] != found["b", 5000, "TCP"]
    assert len(set(front_options(state).network_ports.values())) == 2


def test_a_front_with_other_listeners_is_another_front() -> None:
    alone = chosen(desired_state(make_service(target=("hello", 80))))
    both = alone.merged_with(chosen(desired_state(network((5000, "TCP"), name="other"))))
    before, after = front_spec(alone), front_spec(both.model_copy(update={"front_port": alone.front_port}))
    assert before is not None
    assert after is not None
    assert len(after.ports) == len(before.ports) + 1
    assert before.labels[names.CONFIG_HASH] != after.labels[names.CONFIG_HASH]


def test_joining_keeps_what_others_publish() -> None:
    first = chosen(desired_state(https(network((5000, "TCP"), web=True))))
    joined = first.merged_with(chosen(desired_state(make_service(name="other", target=("other", 80)))))
    assert joined.https_port == first.https_port
    assert joined.network_ports == first.network_ports


def test_urls() -> None:
    assert PublishedListener("", 443, "HTTPS", 8443).url == "https://localhost:8443"
    assert PublishedListener("shop", 5000, "TCP", 5000).url == "tcp://127.0.0.1:5000"


@pytest.mark.usefixtures("free")
class TestFixedPorts:
    """Ports that the manifest names go to their listeners; a default takes what is left."""

    @pytest.mark.parametrize(
        ("port", "shifted"),
        [(8080, ("", 80, "HTTP")), (8443, ("", 443, "HTTPS"))],
    )
    def test_a_default_makes_way(self, port: int, shifted: tuple[str, int, str]) -> None:
        found = ports(chosen(desired_state(https(network((port, "TCP"), web=True)))))
        assert found["hello", port, "TCP"] == port
        assert found[shifted] != port

    def test_also_of_another_service_that_comes_later(self) -> None:
        state = chosen(desired_state(make_service(target=("hello", 80)), network((8080, "TCP"), name="queue")))
        assert ports(state) == {("", 80, "HTTP"): 8081, ("queue", 8080, "TCP"): 8080}

    def test_and_without_a_rule_no_port_is_taken_for_http(self) -> None:
        assert ports(chosen(desired_state(network((8080, "TCP"))))) == {("hello", 8080, "TCP"): 8080}

    def test_a_port_that_is_asked_for_comes_before_the_manifest(self) -> None:
        found = ports(chosen(desired_state(network((8080, "TCP"), web=True)), AskedPorts(http=8080)))
        assert found == {("", 80, "HTTP"): 8080, ("hello", 8080, "TCP"): 8081}

    def test_one_of_the_privileged_ports_gives_way_to_a_port_that_a_manifest_names(self) -> None:
        found = ports(chosen(desired_state(network((443, "TLS"), (10443, "TCP")))))
        assert found == {("hello", 443, "TLS"): 10444, ("hello", 10443, "TCP"): 10443}


@pytest.mark.usefixtures("free")
class TestTwoLoadBalancers:
    WEB = make_service(name="web", target=("web", 80))
    API = make_service(name="api", target=("api", 80), type="Backend Service", internal=True)

    def test_each_has_a_port_of_its_own(self) -> None:
        state = chosen(desired_state(self.API, self.WEB))
        assert [(one.name, one.host_port) for one in listeners_of(state)] == [("http", 8080), ("internal-http", 8081)]
        specs = front_specs(state)
        assert {balancer: [p.host_port for p in spec.ports] for balancer, spec in specs.items()} == {
            Balancer.PUBLIC: [8080],
            Balancer.INTERNAL: [8081],
        }

    def test_there_is_one_where_one_is_needed(self) -> None:
        assert list(front_specs(chosen(desired_state(self.WEB)))) == [Balancer.PUBLIC]
        only_internal = chosen(desired_state(self.API))
        assert list(front_specs(only_internal)) == [Balancer.INTERNAL]
        assert [one.host_port for one in listeners_of(only_internal)] == [8081]

    def test_the_internal_one_answers_to_its_names_in_tasks(self) -> None:
        made = make_service(name="api", target=("api", 80), internal=True)
        made.listener_rules[0].conditions[1] = HostHeader(values=["api.example.com", "*.example.com"])
        [spec] = front_specs(chosen(desired_state(made))).values()
        assert spec.network_aliases == (
            "internal-load-balancer.internal",
            "api.test.demo.internal",
            "api.example.com",
        )

    def test_targets_are_in_the_load_balancer_of_their_service(self) -> None:
        world = in_a_world(chosen(desired_state(self.API, self.WEB)))
        world.runs_task("web")
        world.runs_task("api")
        found = {
            balancer: [target.service for target in targets_of(world.state, world.observed, balancer=balancer)]
            for balancer in Balancer
        }
        assert found == {Balancer.PUBLIC: ["web"], Balancer.INTERNAL: ["api"]}

    def test_both_are_made_and_configured(self) -> None:
        world = in_a_world(chosen(desired_state(self.API, self.WEB)))
        done = [(o.verb, o.subject) for o in world.reconcile().plan.operations if o.verb is Verb.CONFIGURE_FRONT]
        assert done == [(Verb.CONFIGURE_FRONT, name) for name in (DEMO.front, DEMO.internal_front)]

    def test_one_that_nothing_goes_through_any_more_is_removed(self) -> None:
        world = in_a_world(chosen(desired_state(self.API, self.WEB)))
        world.runs_task("web")
        world.runs_internal_front()
        world.state.services.pop("api")
        plan = world.reconcile().plan
        assert [o.cause for o in plan.operations if o.subject == DEMO.internal_front] == ["nothing is routed any more"]

    def test_certificates_are_shown_by_the_one_that_they_are_for(self) -> None:
        state = chosen(desired_state(https(self.API), https(self.WEB)))
        shown = {"web": "W", "api": "A"}
        for balancer, expected in ((Balancer.PUBLIC, {"web": "W"}), (Balancer.INTERNAL, {"api": "A"})):
            options = front_options(state, shown, balancer)
            assert options.https is not None
            assert options.https.certificates == expected

    def test_joining_keeps_the_ports_of_both(self) -> None:
        first = chosen(desired_state(self.API, self.WEB))
        joined = first.merged_with(chosen(desired_state(make_service(name="worker"))))
        assert (joined.front_port, joined.internal_port) == (first.front_port, first.internal_port)


class TestUdp:
    def test_a_relay_has_the_ports_and_the_front_checks_the_targets(self) -> None:
        state = chosen(desired_state(network((53, "UDP"), (5000, "TCP"))))
        front, relay = front_spec(state), udp_relay_spec(state)
        assert front is not None
        assert relay is not None
        assert [(p.host_port, p.protocol) for p in relay.ports] == [(ports(state)["hello", 53, "UDP"], "udp")]
        assert relay.command is not None
        assert relay.command[1:] == (str(relay.ports[0].container_port),)
        assert [(p.host_port, p.protocol) for p in front.ports] == [(ports(state)["hello", 5000, "TCP"], "tcp")]
        task = in_a_world(state).factory.task(state.services["hello"], "a" * 32)
        assert task.pause.ports == (), "the task itself publishes nothing, so that there may be several"

    def test_a_front_is_there_for_udp_alone(self) -> None:
        state = chosen(desired_state(network((53, "UDP"))))
        front = front_spec(state)
        assert front is not None
        assert front.ports == ()
        assert len(targets_of(in_a_world(state).state, self.running(state, 2))) == 2

    def test_one_port_for_tcp_and_udp(self) -> None:
        state = chosen(desired_state(network((53, "UDP"), (53, "TCP"))))
        assert list(bind_ports(state)) == list(udp_bind_ports(state)) == [("hello", 53)]

    def test_without_a_listener_for_it_there_is_no_relay(self) -> None:
        state = chosen(desired_state(network((5000, "TCP"))))
        assert udp_relay_spec(state) is None

    def test_one_that_is_not_needed_any_more_is_removed(self) -> None:
        world = in_a_world(chosen(desired_state(network((53, "UDP")))))
        world.runs_udp_relay()
        world.state.network_ports.clear()
        plan = world.reconcile().plan
        assert "nothing listens for datagrams any more" in [
            o.cause for o in plan.operations if o.verb is Verb.REMOVE_CONTAINER and o.subject == DEMO.udp_relay
        ]

    def test_the_new_task_comes_before_the_old_one_goes(self) -> None:
        before = chosen(desired_state(network((53, "UDP"))))
        after = before.model_copy(
            update={"services": {"hello": before.services["hello"].model_copy(update={"deployments": 1})}}
        )
        world = in_a_world(after)
        world.runs_task(state=before)
        plan = world.reconcile().plan
        waits = next(o for o in plan.operations if o.verb is Verb.AWAIT)
        stop = next(o for o in plan.operations if o.verb is Verb.DEREGISTER)
        assert waits.id in stop.needs

    def running(self, state: DesiredState, count: int) -> Observed:
        world = in_a_world(state)
        for _ in range(count):
            world.runs_task()
        return world.observed


def test_the_words_for_load_balancers_are_those_of_the_front() -> None:
    assert [balancer.value for balancer in Balancer] == [PUBLIC, INTERNAL]
