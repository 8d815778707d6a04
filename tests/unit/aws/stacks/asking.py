"""Asking for stacks on an endpoint, and looking at what is there then."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.provision import provision
from emulator.aws.stacks.request import read_request
from emulator.compiler.addons import SourceText, merge_addons

SEED = "00112233445566778899aabbccddeeff"
PUBLIC = "http://127.0.0.1:4566"
OWN = "Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}\n"
"""Parameters that every addon template has."""


def stack(text: str, name: str = "demo-test-api-AddonsStack", **more: Any) -> dict[str, Any]:
    """A stack of one template, as the command line asks for it."""
    given = more.pop("parameters", {})
    file = SourceText("addons/addons.parameters.yml", json.dumps({"Parameters": given}))
    whole = text if "Parameters:" in text else OWN + text
    addons = merge_addons([SourceText("addons/storage.yml", whole)], file if given else None)
    assert addons is not None
    parameters = {"App": "demo", "Env": "test", "Name": "api", **given}
    positions = {key: f"{place.file}:{place.line}" for key, place in addons.positions.items()}
    return {"name": name, "template": addons.sections, "parameters": parameters, "positions": positions, **more}


@dataclass
class Endpoint:
    url: str

    def provision(self, *stacks: dict[str, Any], **more: Any) -> dict[str, Any]:
        request: dict[str, Any] = {
            "app": "demo",
            "env": "test",
            "account": "000000000000",
            "region": "us-east-1",
            "seed": SEED,
            "url": self.url,
            "public_url": PUBLIC,
            "stacks": list(stacks),
        }
        return provision(read_request({**request, **more}))

    def outputs(self, text: str, **more: Any) -> dict[str, str]:
        """Values of the outputs of one template."""
        [made] = self.provision(stack(text), **more)["stacks"].values()
        return {name: output["value"] for name, output in made["outputs"].items()}

    def call(self, service: str, operation: str, **arguments: Any) -> Mapping[str, Any]:
        return Clients(self.url, "us-east-1").call(service, operation, **arguments)

    def secret(self, name: str) -> str:
        return str(self.call("secretsmanager", "GetSecretValue", SecretId=name)["SecretString"])

    def lose_everything(self) -> None:
        """What an endpoint that starts without its data has: nothing."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_ministack/reset", method="POST")):
            pass
