"""Where the log store is, and the part of it that the containers of one task see.

The agent reads and tidies all of it as root. So a task gets a folder of its own and nothing else of it, and the load
balancer's access log is on a volume that no task has.
"""

from __future__ import annotations

from emulator.engine.interface import Mount
from emulator.firelens.stored import LOG_FOLDER
from emulator.logstore.records import task_folder
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

ACCESS_FOLDER = "/copilot-local/access"
"""Where the agent has the volume of the access log."""
__all__ = ["ACCESS_FOLDER", "LOG_FOLDER", "agent_volumes", "data_volumes", "task_logs", "volume_path"]


def volume_path(docker_root: str, volume: str) -> str:
    """Where the daemon has a volume, on its own host. `docker_root`: the folder of its data."""
    return f"{docker_root}/volumes/{volume}/_data"


def task_logs(docker_root: str, environment: Names, service: str, task_id: str) -> Mount:
    """A task's folder of the log store, made where it is not there.

    It is the daemon's own path: a volume's sub-folder can be mounted by name from Docker 26 on only.
    """
    folder = f"{volume_path(docker_root, environment.log_volume)}/{task_folder(service, task_id)}"
    return Mount(folder, LOG_FOLDER, bind=True, make=True)


def agent_volumes(environment: Names) -> dict[str, dict[str, str]]:
    """What an agent has mounted beside that, name to labels. Docker makes a volume that is not there, without a label
    to find it by."""
    volumes = (environment.state_volume, environment.front_volume, environment.internal_front_volume)
    return {name: environment.labels(Role.VOLUME) for name in (*volumes, environment.connect_volume)}


def data_volumes(environment: Names) -> dict[str, dict[str, str]]:
    """The volumes of the log store, name to labels; `down` keeps them."""
    labels = environment.labels(Role.VOLUME)
    return {
        environment.log_volume: {**labels, names.DATA: "logs"},
        environment.access_volume: {**labels, names.DATA: "access log"},
    }
