"""A stand-in for a log router that will not come back.

A container that logs to a dead router can be neither stopped nor removed: Docker waits for its log driver. The drain
listens on the same socket, takes what the driver still has to deliver and writes it to the log store, after what the
router had buffered.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Engine, Mount
from emulator.errors import Conflict
from emulator.runtime.specs.limits import MIB, OWN
from emulator.runtime.specs.log_store import LOG_FOLDER, task_logs
from emulator.runtime.state import names
from emulator.runtime.state.conventions import SHARED_FOLDER
from emulator.runtime.state.names import Names, Role

MEMORY = 256 * MIB


def drain_spec(
    environment: Names, service: str, task_id: str, image: str, docker_root: str, metadata: Sequence[str] = ()
) -> ContainerSpec:
    """The drain of one task: our agent's image, the router's socket volume, no network.

    `metadata`: `field=value` of the fields that the router would have added to each record.
    """
    return replace(
        OWN,
        name=f"{environment.prefix}-{task_id[:8]}-drain",
        image=image,
        labels={**names.sealed(environment.labels(Role.DRAIN)), names.TASK: task_id},
        entrypoint=("python3", "-m", "emulator.agent.log_relay.drain"),
        command=(SHARED_FOLDER, f"{LOG_FOLDER}/{service}.{task_id}.drained", *metadata),
        network="none",
        mounts=(
            Mount(environment.socket_volume(task_id), SHARED_FOLDER),
            task_logs(docker_root, environment, service, task_id),
        ),
        cap_add=("DAC_OVERRIDE",),  # the socket's folder and the router's buffer belong to the router's user
        read_only=True,
        memory=MEMORY,
        init=True,
    )


def open_drain(engine: Engine, environment: Names, service: str, task_id: str, image: str) -> str:
    """Starts the drain of a task and returns its name; one that is there already is used."""
    root = engine.info().root_dir
    spec = drain_spec(environment, service, task_id, image, root, _metadata(engine, environment, task_id))
    with contextlib.suppress(Conflict):
        engine.create_container(spec)
    engine.start(spec.name)
    return spec.name


def _metadata(engine: Engine, environment: Names, task_id: str) -> list[str]:
    """The fields that the task's router adds to its records, from the labels of its container; none if it is gone."""
    for row in engine.list_containers({**environment.labels(), names.TASK: task_id, names.LOG_OUTPUTS: ""}):
        labels = row.labels
        if not json.loads(labels[names.LOG_OUTPUTS])["metadata"]:
            return []
        return [
            f"ecs_cluster={labels[names.ECS_CLUSTER].rpartition('/')[2]}",
            f"ecs_task_arn={labels[names.ECS_TASK_ARN]}",
            f"ecs_task_definition={labels[names.ECS_FAMILY]}:{labels[names.ECS_REVISION]}",
        ]
    return []
