"""By which names queues, topics, tables and buckets are known to people: those of manifests and templates.

A queue is `SERVICE` or `SERVICE/TOPIC`, a topic `SERVICE/TOPIC`, and what an addon template makes
`SERVICE/LOGICAL_ID`. AWS's own name does as well, and so does the last part of a name where it is the only one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from emulator.aws.ports import PLAIN_PORT
from emulator.aws.stacks.clients import Clients

REQUEST_FILE = "/copilot-local/own/request.json"
MADE_FILE = "made.json"
"""Beside the request: what its stacks made, by stack and logical id."""
_FIFO = ".fifo"
_KINDS = {
    "AWS::SQS::Queue": "queues",
    "AWS::SNS::Topic": "topics",
    "AWS::S3::Bucket": "buckets",
    "AWS::DynamoDB::Table": "tables",
    "AWS::Serverless::SimpleTable": "tables",
}


class Unknown(Exception):
    """A name that nothing has. `what` is `queues`, `topics`, `tables` or `buckets`."""

    def __init__(self, word: str, known: Iterable[str], what: str) -> None:
        super().__init__(word)
        self.word, self.known, self.what = word, sorted(set(known)), what


@dataclass(frozen=True)
class World:
    """An environment's endpoint: the region of its services, and AWS's names by those of people, for each kind."""

    clients: Clients
    url: str
    region: str
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    other: str = ""
    """The URL of another endpoint that answers here, which more than this environment may use; empty: there is none."""
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """There, what is this environment's: AWS's names of each kind."""
    place: str = ""
    """There, what parameters of this environment's own are named by: `<app>/<env>`."""

    def is_own(self, what: str, real: str) -> bool:
        """Whether something is this environment's: in an endpoint of its own, everything."""
        return not self.other or real in self.own.get(what, ())

    def label(self, what: str, real: str) -> str:
        """People's name for AWS's; AWS's own where there is no other."""
        return next((label for label, name in self.names.get(what, {}).items() if name == real), real)

    def find(self, what: str, word: str, present: Iterable[str]) -> str:
        """AWS's name of what `word` means among those `present`. Raises Unknown."""
        there = set(present)
        labels = {label: name for label, name in self.names.get(what, {}).items() if name in there}
        for spelled in (word, f"{word}{_FIFO}"):
            if spelled in labels or spelled in there:
                return labels.get(spelled, spelled)
        last = {name for label, name in labels.items() if label.rpartition("/")[2].removesuffix(_FIFO) == word}
        if len(last) == 1:
            return last.pop()
        unlabelled = there - set(labels.values())
        raise Unknown(word, [*labels, *unlabelled], what)


def read_world(request_file: Path) -> World:
    """The environment whose request stands there; without a file only AWS's own names are known."""
    request = read_json(request_file)
    region = request.get("region", "us-east-1")
    url = f"http://127.0.0.1:{PLAIN_PORT}"
    names = names_in(request, read_json(request_file.with_name(MADE_FILE)))
    place = f"{request.get('app', '')}/{request.get('env', '')}"
    own = {what: frozenset(known.values()) for what, known in names.items()}
    own["queues"] |= {queue["name"] for queue in request.get("queues", ())}
    return World(_clients(url, region), url, region, names, request.get("other", ""), own, place)


_clients = cache(Clients)


def names_in(request: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """AWS's names by people's, of each kind: those of manifests, then those of addon templates."""
    given = request.get("labels", {})
    found: dict[str, dict[str, str]] = {what: dict(given.get(what, {})) for what in _KINDS.values()}
    prefix = f"{request.get('app', '')}-{request.get('env', '')}-"
    for stack, resources in made.items():
        owner = stack.removeprefix(prefix).removesuffix("AddonsStack").strip("-")
        for logical_id, resource in resources.items():
            if what := _KINDS.get(resource["type"]):
                name = resource["physical"].rpartition("/")[2].rpartition(":")[2]
                found[what].setdefault(f"{owner}/{logical_id}" if owner else logical_id, name)
    return found


def read_json(file: Path) -> dict[str, Any]:
    """What stands in a file; nothing where there is none."""
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
