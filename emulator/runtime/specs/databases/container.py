"""The container of a database or cache, and the image that it runs where none is given."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.engine.interface import ContainerSpec, Mount
from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.runtime.specs.limits import LASTING, MIB
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

if TYPE_CHECKING:
    from emulator.runtime.state.database import DesiredDatabase
    from emulator.runtime.state.desired import DesiredState

MEMORY = 1024 * MIB
PIDS = 2048
"""A connection is a process of PostgreSQL, and a thread of MariaDB."""
SHARED_MEMORY = {"/dev/shm": f"size={256 * MIB}"}
"""Queries of PostgreSQL with parallel workers fail on Docker's 64 MiB."""
STEP_DOWN = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETPCAP", "SETUID")
"""What an entry script needs to give the data to the program's own user, to become that user and to drop the rest."""
_IMAGES = {
    "postgres": ("postgres", "17"),
    "mysql": ("mysql", "8.4"),
    "mariadb": ("mariadb", "11.8"),
    "redis": ("valkey/valkey", ""),
    "valkey": ("valkey/valkey", ""),
    "memcached": ("memcached", "1.6"),
}
_VALKEY = "8"
_OF_ITS_VERSION = ("postgres", "mysql", "mariadb")
"""Programs whose image is that of the version that is asked for."""


def default_image(program: str, major: str) -> str:
    """The image for a program, of the version that the template asks for where that has one."""
    name, version = _IMAGES[program]
    return f"{name}:{(major if program in _OF_ITS_VERSION else '') or version or _VALKEY}"


def database_spec(state: DesiredState, database: DesiredDatabase) -> ContainerSpec:
    """The container: reached by the database's identifier, and from this environment's network alone."""
    environment = Names(state.app, state.environment)
    program = PROGRAMS[database.program]
    variables = {program.variable: str(database.port)}
    if database.program == "postgres":
        variables["PGDATA"] = f"{program.folder}/cluster"
    labels = names.sealed(environment.labels(Role.DATABASE)) | {names.DATABASE: database.key}
    parts = (database.image, program.start, database.identifier, *variables.values())
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    volume = environment.database_volume(database.key)
    return replace(
        LASTING,
        name=environment.database(database.key),
        image=database.image,
        labels={**labels, names.CONFIG_HASH: digest},
        entrypoint=("sh", "-c", program.start, "sh"),
        command=(),
        environment=variables,
        hostname=database.identifier,
        network=environment.network,
        network_aliases=(database.identifier,),
        mounts=(Mount(volume, program.folder, copy=False),) if program.folder else (),
        tmpfs=SHARED_MEMORY if database.program == "postgres" else {},
        cap_add=STEP_DOWN if program.folder else (),
        memory=MEMORY,
        pids_limit=PIDS,
    )
