"""Answers one question about what the endpoint holds: `python3 -m emulator.aws.contents QUESTION`, in its container.

`QUESTION` is JSON: `verb`, and the arguments of the function of that name in `VERBS`; or `@FILE`, a file that has it.
Prints JSON: `{"answer": …}`, or `{"error": {"message", "hint"}}`, or, for a name that is not there,
`{"unknown": {"word", "known", "what"}}`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.aws.contents import buckets, queues, tables, topics
from emulator.aws.contents.names import REQUEST_FILE, Unknown, World, read_world
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
}


def answer(world: World, question: dict[str, Any]) -> dict[str, Any]:
    """What is printed for a question."""
    arguments = dict(question)
    verb = VERBS[arguments.pop("verb")]
    try:
        return {"answer": verb(world, **arguments)}
    except Unknown as unknown:
        return {"unknown": {"word": unknown.word, "known": unknown.known, "what": unknown.what}}
    except Problem as problem:
        return {"error": {"message": problem.message, "hint": problem.hint}}
    except Refused as refused:
        return {"error": {"message": f"the local endpoint refused it: {refused}", "hint": ""}}


def main(question: str) -> None:
    text = Path(question[1:]).read_text(encoding="utf-8") if question.startswith("@") else question
    json.dump(answer(read_world(Path(REQUEST_FILE)), json.loads(text)), sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main(sys.argv[1])
