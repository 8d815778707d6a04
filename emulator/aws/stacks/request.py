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
        templates=tuple(_template(item) for item in document.get("stacks", [])),
        databases={key: _database(item) for key, item in document.get("databases", {}).items()},
        exports={**_of_environment(document), **document.get("exports", {})},
        secrets=document.get("secrets", {}),
        parameters=document.get("parameters", {}),
    )


def _of_environment(document: Mapping[str, Any]) -> dict[str, str]:
    """What the environment's own stack exports, where the request names application and environment."""
    return environment_exports(document["app"], document["env"]) if "app" in document else {}


def _template(item: Mapping[str, Any]) -> Template:
    return Template(
        name=item["name"],
        sections=item["template"],
        parameters=item.get("parameters", {}),
        positions=item.get("positions", {}),
        values=item.get("values", {}),
    )


def _database(item: Mapping[str, Any]) -> Database:
    return Database(item["host"], int(item["port"]), item["engine"], item["identifier"])
