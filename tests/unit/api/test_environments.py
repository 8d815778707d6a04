"""What the API remembers between two requests: environments and open connections, and no more than it may."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from emulator.api.clusters import Clusters
from emulator.api.errors import ApiError
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError, NotFound
from emulator.model import InvalidData
from emulator.runtime.control.client import Agent
from emulator.runtime.state.names import Names, Role
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import AGENT, DEMO, desired_state, make_service

Until = Callable[[Callable[[], object]], None]
OTHER = Names("other", "test")


@pytest.fixture
def clusters(rig: Rig, until: Until) -> Iterator[Clusters]:
    """Those of the rig's engine, once Docker's events are listened to."""
    rig.boot(desired_state(make_service()))
    found = Clusters(rig.engine)
    until(lambda: ("events", "") in rig.engine.calls and quiet(rig, found))
    yield found
    found.close()


def quiet(rig: Rig, clusters: Clusters) -> bool:
    """Whether a question for the environments asks Docker nothing."""
    clusters.all()
    before = listings(rig)
    clusters.all()
    return listings(rig) == before


def listings(rig: Rig) -> int:
    return sum(1 for verb, _ in rig.engine.calls if verb == "list_containers")


def named(clusters: Clusters) -> list[str]:
    return [one.agent.names.app for one in clusters.all()]


def test_requests_share_connections_and_do_not_list_environments(rig: Rig, clusters: Clusters) -> None:
    for _ in range(20):
        assert [one["serviceName"] for one in clusters.one("demo-test").services] == ["hello"]
        assert clusters.one("demo-test").tasks == []
    assert len(rig.streams) == 1
    assert quiet(rig, clusters)


def test_a_connection_whose_command_docker_has_forgotten_is_given_up(
    rig: Rig, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clusters.one("demo-test").tasks == []

    def forgotten() -> int | None:
        raise NotFound("No such exec instance")

    monkeypatch.setattr(rig.streams[0], "exit_code", forgotten)
    assert [one["serviceName"] for one in clusters.one("demo-test").services] == ["hello"]
    assert len(rig.streams) == 2


def test_requests_at_the_same_time_each_get_their_answer(rig: Rig, clusters: Clusters) -> None:
    found: list[str] = []

    def ask() -> None:
        for _ in range(20):
            found.extend(one["serviceName"] for one in clusters.one(None).services)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["hello"] * 160


def test_an_environment_that_comes_or_goes_is_known(rig: Rig, clusters: Clusters, until: Until) -> None:
    assert named(clusters) == ["demo"]
    rig.engine.create_container(ContainerSpec(name=OTHER.agent, image=AGENT, labels=OTHER.labels(Role.AGENT)))
    rig.engine.start(OTHER.agent)
    until(lambda: named(clusters) == ["demo", "other"])
    rig.engine.remove(OTHER.agent)
    until(lambda: named(clusters) == ["demo"])


def test_an_agent_that_was_started_anew_is_asked_again(rig: Rig, clusters: Clusters) -> None:
    assert clusters.one(None).services
    rig.streams[0].socket.shutdown(socket.SHUT_RD)
    assert clusters.one(None).services
    assert len(rig.streams) == 2


def test_an_environment_that_has_just_gone_is_no_cluster(rig: Rig, clusters: Clusters) -> None:
    """The request came between its end and Docker's word of it."""
    cluster = clusters.one("demo-test")
    rig.engine.fail("exec_stream", EngineError("no such container"))
    with pytest.raises(EngineError):
        _ = cluster.services
    rig.engine.remove(DEMO.agent)
    with pytest.raises(ApiError, match="Cluster not found"):
        _ = cluster.fresh().services


def test_without_events_each_question_asks_docker(rig: Rig, until: Until) -> None:
    rig.boot(desired_state(make_service()))
    rig.engine.fail("events", EngineError("not now"), times=None)
    clusters = Clusters(rig.engine)
    until(lambda: ("events", "") in rig.engine.calls)
    assert named(clusters) == ["demo"]
    assert not quiet(rig, clusters)
    rig.engine.remove(DEMO.agent)
    assert named(clusters) == []
    clusters.close()


def test_an_environment_of_another_version_is_left_out_or_named(
    rig: Rig, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(self: object) -> None:
        raise InvalidData([])

    assert len(clusters.with_states()) == 1
    monkeypatch.setattr(Agent, "state", other)
    assert clusters.with_states() == []
    with pytest.raises(ApiError, match="demo-test was brought up by another version"):
        _ = clusters.one("demo-test").state
