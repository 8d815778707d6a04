"""Labels that an image or a manifest brings along have no say in what a container is and whose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.ecs.service import Service
from emulator.engine.labels import CONTROL_PREFIXES, present_labels
from emulator.errors import Position, Unsupported
from emulator.events import discard
from emulator.runtime.planning.reconcile import MOST_TASKS
from emulator.runtime.specs.agent import idle_agent_spec
from emulator.runtime.specs.drain import drain_spec
from emulator.runtime.specs.load_balancer import front_spec
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from emulator.runtime.state import names
from emulator.runtime.state.names import CONTROL, Names, Role, sealed
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, ROOT, World, desired_state, make_service


def labelled(labels: dict[str, str]) -> Service:
    return make_service({"hello": {"dockerLabels": labels}})


def test_every_label_of_ours_is_known() -> None:
    text = Path(names.__file__).read_text(encoding="utf-8")
    assert len(CONTROL) == text.count(" = PREFIX + ") + text.count(' = "com.amazonaws.ecs.')
    assert all(label.startswith(CONTROL_PREFIXES) for label in CONTROL)


def test_every_container_that_is_made_has_every_label_of_ours() -> None:
    service = make_service(target=("hello", 80))
    state = desired_state(service)
    task = World(service).factory.task(state.services["hello"], "0" * 32)
    bench_engine = Bench().engine
    front = front_spec(state)
    assert front is not None
    specs = [task.pause, *(member.spec for member in task.members), front]
    specs += [idle_agent_spec(bench_engine, DEMO, "agent:1")]
    specs += [drain_spec(DEMO, "hello", "0" * 32, "agent:1", ROOT)]
    for spec in specs:
        assert spec.labels.keys() >= CONTROL, spec.name
        assert names.ONE_OFF not in present_labels(spec.labels)


def test_what_is_not_given_is_empty_and_that_is_absent() -> None:
    labels = sealed(Names("demo", "test").labels(Role.PAUSE))
    assert present_labels({**labels, "team": ""}) == {
        names.APP: "demo",
        names.ENVIRONMENT: "test",
        names.ROLE: "pause",
        "team": "",
    }


@pytest.mark.parametrize("label", [names.ONE_OFF, names.GIVEN_UP, "copilot-local.anything"])
def test_a_manifest_that_sets_one_of_ours_is_refused_with_its_line(label: str) -> None:
    service = labelled({label: "1"})
    service.positions["image.labels"] = Position("copilot/hello/manifest.yml", 7)
    with pytest.raises(Unsupported) as refused:
        refuse_unsupported([service], discard)
    assert label in refused.value.message
    assert refused.value.position == Position("copilot/hello/manifest.yml", 7)


def test_labels_of_the_ecs_agent_are_its_own() -> None:
    """As on ECS, where the agent sets them last."""
    labels = {"com.amazonaws.ecs.cluster": "forged", "com.amazonaws.ecs.other": "forged", "team": "a"}
    world = World(labelled(labels))
    [member] = world.factory.task(world.state.services["hello"], "0" * 32).members
    assert "forged" not in member.spec.labels.values()
    assert member.spec.labels["team"] == "a"


def test_a_service_with_far_more_tasks_than_it_needs_gets_no_more() -> None:
    """Whatever makes them count for none."""
    world = World(make_service())
    for _ in range(MOST_TASKS + 3):
        world.runs_task()
    world.containers = [replace(row, labels={**row.labels, names.ONE_OFF: "1"}) for row in world.containers]
    assert not world.reconcile().started
    world.containers = world.containers[2:]
    assert world.reconcile().started
