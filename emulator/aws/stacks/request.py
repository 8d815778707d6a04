"""What `provision` is asked for, from JSON. Only the command line writes it, so its shape is not judged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.ports import PLAIN_PORT
from emulator.aws.stacks.context import Database
from emulator.aws.stacks.evaluator import Place, Template
from emulator.aws.stacks.messaging import Messaging, Queue, Subscription, Topic
from emulator.aws.stacks.placeholders import environment_exports


@dataclass(frozen=True)
class Request:
    """One environment in one region. `secrets` and `parameters` are the user's: put into the endpoint as they are."""

    place: Place
    seed: bytes
    url: str
    public_url: str
    messaging: Messaging = field(default_factory=Messaging)
    templates: tuple[Template, ...] = ()
    databases: Mapping[str, Database] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_request(document: Mapping[str, Any]) -> Request:
    """The request in a JSON document. Raises KeyError or TypeError where it is none."""
    url = document.get("url") or f"http://127.0.0.1:{PLAIN_PORT}"
    of_environment = environment_exports(document["app"], document["env"]) if "app" in document else {}
    return Request(
        place=Place(document["account"], document["region"], document.get("partition", "aws")),
        seed=bytes.fromhex(document["seed"]),
        url=url,
        public_url=document.get("public_url", url).rstrip("/"),
        messaging=Messaging(
            [Queue(**item) for item in document.get("queues", [])],
            [Topic(**item) for item in document.get("topics", [])],
            [Subscription(**item) for item in document.get("subscriptions", [])],
        ),
        templates=tuple(Template.of(item) for item in document.get("stacks", [])),
        databases={key: Database(**item) for key, item in document.get("databases", {}).items()},
        exports={**of_environment, **document.get("exports", {})},
        secrets=document.get("secrets", {}),
        parameters=document.get("parameters", {}),
    )
