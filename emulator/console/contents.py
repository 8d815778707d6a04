"""What the local AWS endpoint holds, over one conversation that is opened again where the endpoint was replaced."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import Any, Final

from emulator.console.questions import Body
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, EngineError, InputError
from emulator.runtime.control.local_aws import Conversation
from emulator.runtime.state.names import Names

LISTS: Final = ("queues", "topics", "tables", "buckets")
MOST: Final = 100
VERBS: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    "peek": ("queue", {"limit": 20}),
    "items": ("table", {"limit": 50}),
    "objects": ("bucket", {"prefix": "", "limit": MOST}),
}
"""What the page may ask of one thing: the name of its argument, and the others."""
LOOKING: Final = frozenset({*LISTS, *VERBS})


class Contents:
    """Asks the endpoint of one environment. Thread-safe."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment
        self._lock = threading.Lock()
        self._conversation: Conversation | None = None

    def lists(self) -> dict[str, Any]:
        """What `queues`, `topics`, `tables` and `buckets` print. Raises InputError where no endpoint runs."""
        return {kind: self._ask(kind) for kind in LISTS}

    def look(self, body: Body) -> Any:
        """What `queues peek`, `tables items` and `buckets objects` print: `verb`, `name`, for a queue `dead`."""
        verb, name = body.get("verb"), body.get("name")
        if not isinstance(verb, str) or verb not in VERBS or not isinstance(name, str):
            raise InputError(f"verb is one of {', '.join(VERBS)}, and name a text")
        argument, others = VERBS[verb]
        dead = {"dead": bool(body.get("dead"))} if verb == "peek" else {}
        return {"found": self._ask(verb, **{argument: name}, **others, **dead)}

    def send(self, body: Body) -> Any:
        """Sends a message to a queue, or publishes one to a topic: `kind` `queue` or `topic`, `name`, `body`."""
        kind, name, text = body.get("kind"), body.get("name"), body.get("body")
        if kind not in ("queue", "topic") or not isinstance(name, str) or not isinstance(text, str) or not text:
            raise InputError("kind is queue or topic, name a text, and body a text that is not empty")
        verb = "send" if kind == "queue" else "publish"
        return {"answer": self._ask(verb, **{str(kind): name}, body=text, attributes={}, group=None)}

    def redrive(self, body: Body) -> Any:
        """Moves the dead letters of a queue back to it, as `queues redrive`."""
        name = body.get("name")
        if not isinstance(name, str):
            raise InputError("name is a text")
        return {"answer": self._ask("redrive", queue=name)}

    def close(self) -> None:
        """Ends the conversation."""
        with self._lock:
            self._end()

    def _ask(self, verb: str, **arguments: object) -> Any:
        with self._lock:
            was_open = self._conversation is not None
            try:
                return self._asked(verb, arguments)
            except (EngineError, OSError):
                if not was_open or verb not in LOOKING:  # what changes something is not done twice
                    raise
            return self._asked(verb, arguments)  # the endpoint was replaced, or there is none any more, as this says

    def _asked(self, verb: str, arguments: Mapping[str, object]) -> Any:
        if self._conversation is None:
            self._conversation = Conversation(self._engine, self._names)
        try:
            return self._conversation.ask(verb, **arguments)
        except (EngineError, OSError):
            self._end()
            raise

    def _end(self) -> None:
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            with contextlib.suppress(CopilotLocalError, OSError):
                conversation.close()
