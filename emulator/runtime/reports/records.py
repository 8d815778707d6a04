"""The records that log routers delivered, those of earlier runs included: from the log store, and from local AWS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from emulator.engine.interface import ContainerState, Engine
from emulator.errors import EngineError
from emulator.runtime.control.client import agent_of
from emulator.runtime.control.local_aws import last_error, parsed
from emulator.runtime.specs.log_destinations import Destination, destinations_of
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe

Records = Iterator[dict[str, Any]]


def routed_records(
    engine: Engine,
    environment: Names,
    services: Sequence[str],
    *,
    follow: bool,
    join: bool = False,
    tail: int | None = None,
) -> Records:
    """Records as JSON objects with `service`, `task`, `stream`, `tag`, `time` and `record`, oldest first.

    The agent reads them from the log store; those of the local AWS endpoint come from its CloudWatch Logs, with `group`
    and `stream` as they are there. Each comes as its destination gets it; `join` puts together the lines that Docker
    split at 16 KiB. `tail`: of what is there already, only the last ones of each stream. Raises `InputError` where no
    environment runs.
    """
    agent = agent_of(engine, environment)
    words = ["follow" if follow else "once", *(["join"] if join else []), *([] if tail is None else [f"tail={tail}"])]
    sources: list[Callable[[], Records]] = [
        lambda: agent.records(follow=follow, services=list(services), join=join, tail=tail)
    ]
    observed = observe(engine, environment)
    endpoint = observed.aws
    if endpoint is not None and endpoint.state is ContainerState.RUNNING:
        sources.append(lambda: _from_local_aws(engine, environment, observed, services, words))
    if not follow:
        found = [record for source in sources for record in source()]
        yield from sorted(found, key=lambda record: str(record["time"])) if len(sources) > 1 else found
        return
    yield from _as_they_come(sources)


def kept_records(engine: Engine, environment: Names, services: Sequence[str]) -> Records:
    """What removed containers had printed that log to CloudWatch by themselves.

    `stream` is `@<container>`, `tag` is the stream's name in CloudWatch.
    """
    yield from agent_of(engine, environment).records(follow=False, services=list(services), kept=True)


def _from_local_aws(
    engine: Engine, environment: Names, observed: Observed, services: Sequence[str], words: Sequence[str]
) -> Records:
    outputs = [(task.service, one) for task in observed.tasks.values() for one in destinations_of(task)]
    stream = engine.exec_stream(environment.aws, ("python3", "-m", "emulator.aws.read", *words))
    try:
        for line in stream.lines():
            found: dict[str, Any] = parsed(line)
            service = _service_of(environment, found, outputs)
            if not services or service in services:
                yield {"service": service, "task": "", "tag": found["stream"], **found}
        if "follow" not in words and stream.exit_code():
            raise EngineError(f"the local AWS endpoint could not be read: {last_error(stream)}")
    finally:
        stream.close()


def _service_of(environment: Names, found: dict[str, Any], outputs: Iterable[tuple[str, Destination]]) -> str:
    """The service that an event belongs to, by the metadata in it, else by its log group, else by the only service with
    an output that goes there; empty where none says."""
    prefix = f"{environment.app}-{environment.environment}-"
    family = str(found["record"].get("ecs_task_definition", "")).partition(":")[0]
    for name in (family, str(found["group"]).rpartition("/")[2]):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    senders = {service for service, output in outputs if output.holds(str(found["group"]), str(found["stream"]))}
    return senders.pop() if len(senders) == 1 else ""


def _as_they_come(sources: Sequence[Callable[[], Records]]) -> Records:
    """The records of endless sources, each read in a thread of its own; ends when all have."""
    records: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()

    def read(source: Callable[[], Records]) -> None:
        try:
            for record in source():
                records.put(record)
            records.put(None)
        except Exception as error:  # whatever it is: who waits for the records hears of it
            records.put(error)

    for source in sources:
        threading.Thread(target=read, args=(source,), daemon=True).start()
    ended = 0
    while ended < len(sources):
        found = records.get()
        if isinstance(found, BaseException):
            raise found
        if found is None:
            ended += 1
        else:
            yield found
