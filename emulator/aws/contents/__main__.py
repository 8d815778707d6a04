"""Answers questions about what the endpoint holds: `python3 -m emulator.aws.contents`, in its container.

A question is a line of JSON on standard input: `verb`, and the arguments of the function of that name in `VERBS`. Its
answer is a line of JSON on standard output: `{"answer": …}`, or `{"error": {"message", "hint"}}`, or, for a name that
is not there, `{"unknown": {"word", "known", "what"}}`. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.aws.contents import buckets, queues, seed, tables, topics
from emulator.aws.contents.names import REQUEST_FILE, Unknown, World, read_world
from emulator.aws.permissions.report import permissions
from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.problems import Problem

VERBS: dict[str, Callable[..., Any]] = {
    "queues": queues.listed,
    "peek": queues.peek,
    "send": queues.send,
    "redrive": queues.redrive,
    "purge": queues.purge,
    "topics": topics.listed,
    "publish": topics.publish,
    "tables": tables.listed,
    "items": tables.items,
    "buckets": buckets.listed,
    "objects": buckets.objects,
    "seed": seed.seed,
    "reset": seed.reset,
    "permissions": permissions,
}


def answer(world: World, question: dict[str, Any]) -> dict[str, Any]:
    """What is printed for a question."""
    arguments = dict(question)
    verb = VERBS[arguments.pop("verb")]
    return explained(lambda: verb(world, **arguments))


def explained(ask: Callable[[], Any]) -> dict[str, Any]:
    """What `ask` gives or raises, as it is printed."""
    try:
        return {"answer": ask()}
    except Unknown as unknown:
        return {"unknown": {"word": unknown.word, "known": unknown.known, "what": unknown.what}}
    except seed.Misplaced as misplaced:
        return {"error": {"message": misplaced.message, "hint": "", "position": misplaced.position}}
    except Problem as problem:
        hint = "" if isinstance(problem, Refused) else problem.hint
        return {"error": {"message": problem.message, "hint": hint}}


def main() -> None:
    for line in sys.stdin:
        print_line(answer(read_world(Path(REQUEST_FILE)), json.loads(line)))


def print_line(line: dict[str, Any]) -> None:
    """Prints a line of JSON, and at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
