from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from emulator.compiler import compile_service
from emulator.ecs.network import network_parameters
from emulator.events import Event, EventKind
from emulator.manifest import load
from emulator.runtime.specs.task import TaskFactory, unresolved
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from emulator.runtime.state.desired import Private
from tests.unit.runtime.world import ROOT, desired_state

MANIFEST = """\
name: api
type: Worker Service
image: {location: api}
count: {range: 2-5, cpu_percentage: 70}
publish: {topics: [{name: out}]}
subscribe: {topics: [{name: in, service: other}]}
"""


ALIASED = """\
name: api
type: Backend Service
image: {location: api, port: 80}
network:
  connect:
    alias: 'the api'
"""


def said(tmp_path: Path, manifest: str, aws: Literal["local", "none"] = "none") -> list[str]:
    """The warnings about a manifest, where `[aws] endpoint` says that."""
    path = tmp_path / "manifest.yml"
    path.write_text(manifest)
    loaded = load(path, environment=None, variables={}, app="demo")
    service = compile_service(loaded.manifest, app="demo", environment="test", position=loaded.position)
    events: list[Event] = []
    refuse_unsupported([service], events.append, aws=aws)
    assert {event.kind for event in events} == {EventKind.WARNING}
    return [event.message for event in events]


def test_what_does_nothing_here_is_said_with_its_line(tmp_path: Path) -> None:
    messages = said(tmp_path, MANIFEST)
    assert [message.split(" (")[0] for message in messages] == [
        "the number of tasks stays 2: nothing scales it here",
        "there is no topic out here",
        "no message comes from topic in of other here",
        "there is no queue here: COPILOT_QUEUE_URI is not set, unless copilot-local.toml says [values] "
        '"EventsQueue" = "URL"',
    ]
    assert [message.split("manifest.yml:")[1][0] for message in messages[:3]] == ["4", "5", "6"]
    assert said(tmp_path, MANIFEST, "local") == messages[:1]


WORKER = """\
name: api
type: Worker Service
image: {location: api}
subscribe: {topics: [{name: in, service: other, queue: true}]}
"""


@pytest.mark.parametrize("manifest", [WORKER, WORKER.partition("subscribe")[0]])
def test_a_worker_runs_without_its_queues_and_takes_those_it_is_given(tmp_path: Path, manifest: str) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(manifest)
    loaded = load(path, environment=None, variables={}, app="demo")
    service = compile_service(loaded.manifest, app="demo", environment="test", position=loaded.position)

    def variables(**values: str) -> dict[str, str]:
        state = desired_state(service)
        desired = state.services["api"]
        desired.options.images, desired.options.values = {"api": "api:1"}, values
        desired.options.aws = "none"
        assert unresolved(desired) == []
        [member] = TaskFactory(state, Private(), ROOT).task(desired, "t" * 32).members
        return {name: value for name, value in member.spec.environment.items() if "QUEUE" in name}

    assert variables() == {}
    queues = {queue.resource: f"http://queue/{queue.resource}" for queue in service.queues}
    found = variables(**queues)
    assert found["COPILOT_QUEUE_URI"] == "http://queue/EventsQueue"
    assert ("COPILOT_TOPIC_QUEUE_URIS" in found) is ("subscribe" in manifest)
    events: list[Event] = []
    refuse_unsupported([service], events.append, values=queues, aws="none")
    assert not any("there is no queue" in event.message for event in events)


def test_an_alias_that_is_no_host_name_is_said_with_its_line(tmp_path: Path) -> None:
    [message] = said(tmp_path, ALIASED)
    assert message.startswith("the Service Connect alias 'the api' is no host name")
    assert "manifest.yml:6" in message


def test_that_images_stay_the_same_within_a_deployment_is_said_where_it_is_switched_off(tmp_path: Path) -> None:
    manifest = """\
name: api
type: Backend Service
image: {location: api, port: 80}
taskdef_overrides:
  - {path: 'ContainerDefinitions[0].VersionConsistency', value: disabled}
"""
    [message] = said(tmp_path, manifest)
    assert message == "tasks of a deployment run the same image of api here: versionConsistency has no effect"


def test_parameters_of_an_interface_that_is_not_here_are_skipped_aloud(tmp_path: Path) -> None:
    """A task on Fargate has eth1, one here has eth0 alone."""
    manifest = """\
name: api
type: Backend Service
image: {location: api, port: 80}
taskdef_overrides:
  - path: ContainerDefinitions[0].SystemControls
    value:
      - {namespace: net.ipv6.conf.eth1.accept_ra, value: '0'}
      - {Namespace: net.ipv4.neigh.eth1.100.gc_stale_time, Value: '9'}
      - {Namespace: net.ipv4.conf.all.arp_filter, Value: '1'}
      - {Namespace: net.core.somaxconn, Value: 1024}
"""
    assert said(tmp_path, manifest) == [
        "net.ipv6.conf.eth1.accept_ra of api is skipped: a task here has no interface eth1",
        "net.ipv4.neigh.eth1.100.gc_stale_time of api is skipped: a task here has no interface eth1.100",
    ]
    loaded = load(tmp_path / "manifest.yml", environment=None, variables={}, app="demo")
    service = compile_service(loaded.manifest, app="demo", environment="test", position=loaded.position)
    assert network_parameters(service.task_definition) == {
        "net.ipv4.conf.all.arp_filter": "1",
        "net.core.somaxconn": "1024",
    }
