"""Shows the messages of a queue as they come: `python3 -m emulator.aws.contents.follow QUEUE dead|alive SECONDS`.

Prints JSON lines, one for each message that is in the queue or comes into it, and `{}` in between. It ends after
`SECONDS`, or with its standard input. An error is one line, as `emulator.aws.contents` prints it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from emulator.aws.contents.__main__ import explained, print_line
from emulator.aws.contents.names import REQUEST_FILE, World, read_world
from emulator.aws.contents.queues import found, messages_of

INTERVAL = 0.02
"""Seconds between two looks: a message that is gone sooner, since a service deleted it, is not seen."""
ALIVE = 0.2
"""Seconds between two signs of life."""


def follow(world: World, queue: str, dead: bool, seconds: float) -> None:
    """Prints until the time is over."""
    name, url = found(world, queue, dead)
    seen: set[str] = set()
    end, sign = time.monotonic() + seconds, 0.0
    while (now := time.monotonic()) < end:
        for message in messages_of(world, name, url):
            if message["id"] not in seen:
                seen.add(message["id"])
                print_line(message)
        if now > sign:
            print_line({})
            sign = now + ALIVE
        time.sleep(INTERVAL)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(queue: str, dead: bool, seconds: float) -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    answer = explained(lambda: follow(read_world(Path(REQUEST_FILE)), queue, dead, seconds))
    if "answer" not in answer:
        print_line(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "dead", float(sys.argv[3]))
