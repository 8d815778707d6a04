"""Asks an environment's local AWS endpoint what it holds, and changes that: in its container, by `docker exec`.

So neither an AWS SDK on this machine nor the endpoint's port is needed, and a remote Docker context does as well.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import Container, ContainerState, Engine, ExecStream
from emulator.errors import EngineError, InputError, Position
from emulator.runtime.state import names as labels
from emulator.runtime.state.observed import observe
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.runtime.state.names import Names


class Conversation:
    """Questions to one endpoint over one connection: the first takes its time, those after it do not.

    May be used by several threads. It has to be closed.
    """

    def __init__(self, engine: Engine, environment: Names) -> None:
        """Raises InputError where no endpoint runs for tasks."""
        self._stream = engine.exec_stream(
            _endpoint(engine, environment).name, ("python3", "-m", "emulator.aws.contents")
        )
        self._lines = self._stream.lines()
        self._lock = threading.Lock()

    def ask(self, verb: str, **arguments: Any) -> Any:
        """The answer of `emulator.aws.contents` to one verb, as JSON.

        Raises InputError where nothing has the name that is asked for, and for what the endpoint refuses; EngineError
        where no answer comes, since the endpoint has ended.
        """
        with self._lock:
            self._stream.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            line = next(self._lines, None)
        if line is None:
            raise EngineError("the local AWS endpoint does not answer", hint=last_error(self._stream))
        return _checked(parsed(line))

    def close(self) -> None:
        """Ends the connection."""
        self._stream.close()


def ask(engine: Engine, environment: Names, verb: str, **arguments: Any) -> Any:
    """The answer to one question. Raises what `Conversation` does."""
    with closing(Conversation(engine, environment)) as conversation:
        return conversation.ask(verb, **arguments)


def endpoint_url(engine: Engine, environment: Names) -> str:
    """Where the endpoint answers on this machine. Raises InputError where none runs for tasks."""
    return f"http://127.0.0.1:{_endpoint(engine, environment).labels[labels.AWS_PORT]}"


def followed(
    engine: Engine, environment: Names, queue: str, *, dead: bool, timeout: float
) -> Generator[dict[str, Any] | None, None, None]:
    """The messages that are in a queue, or in its dead letters, and those that come, for `timeout` seconds; None in
    between, five times a second. Raises InputError as `ask` does."""
    container = _endpoint(engine, environment)
    words = ("python3", "-m", "emulator.aws.contents.follow", queue, "dead" if dead else "alive", str(timeout))
    stream = engine.exec_stream(container.name, words)
    try:
        for line in stream.lines():
            found: dict[str, Any] = parsed(line)
            if "error" in found or "unknown" in found:
                _checked(found)
            yield found or None
        if stream.exit_code():
            raise EngineError("the local AWS endpoint does not answer", hint=last_error(stream))
    finally:
        stream.close()


def parsed(line: bytes) -> Any:
    """A line of the endpoint's answer. Raises EngineError for one that is not whole: it was killed meanwhile."""
    try:
        return json.loads(line)
    except ValueError:
        raise EngineError("the local AWS endpoint broke off within a line") from None


def last_error(stream: ExecStream) -> str:
    """The last line of what a command said beside its output; empty where it said nothing."""
    return " ".join(stream.error_output().decode(errors="replace").strip().splitlines()[-1:])


def _endpoint(engine: Engine, environment: Names) -> Container:
    container = observe(engine, environment).aws
    if container is None or not container.labels.get(labels.AWS_PORT):
        raise InputError(
            f"no local AWS endpoint is running for tasks of {environment.app}/{environment.environment}",
            hint="`copilot-local up -d` starts one where a service has queues, topics or addons",
        )
    if container.state is not ContainerState.RUNNING:
        raise InputError(
            f"the local AWS endpoint of {environment.app}/{environment.environment} does not run now",
            hint="`copilot-local ps` shows its state",
        )
    return container


def _checked(answer: dict[str, Any]) -> Any:
    if "unknown" in answer:
        unknown = answer["unknown"]
        what: str = unknown["what"]
        raise InputError(
            f"there is no {what.removesuffix('s')} {unknown['word']} in the local AWS endpoint",
            hint=did_you_mean(unknown["word"], unknown["known"], what),
        )
    if "error" in answer:
        error = answer["error"]
        raise InputError(error["message"], hint=error["hint"], position=_position(error.get("position", "")))
    return answer["answer"]


def _position(text: str) -> Position | None:
    """`FILE:LINE`, and what may follow it."""
    found = re.match(r"(.+?):(\d+)(:|$)", text)
    return Position(found[1], int(found[2])) if found else None
