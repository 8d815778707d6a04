"""Secrets and parameters looked up on the endpoint: for dynamic references, and what the command line asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.dynamic_references import ParameterReference, SecretReference
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers.secretsmanager import read_secret
from emulator.aws.stacks.providers.ssm import read_parameter
from emulator.aws.stacks.values import json_object


class EndpointStores:
    """Secrets Manager and Systems Manager of the endpoint: what templates made there, and what the user gave."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def secret(self, reference: SecretReference) -> str:
        whole = read_secret(self._clients, reference.id, reference.stage, reference.version)
        if whole is None:
            raise Problem(f"there is no secret {reference.id} here", f"give its value in secrets.env: {reference.id}=…")
        if not reference.key:
            return whole
        fields = json_object(whole)
        if fields is None or reference.key not in fields:
            there = "no keys: it is no JSON object" if fields is None else ", ".join(fields)
            raise Problem(
                f"the secret {reference.id} has no key {reference.key}; it has {there}",
                "correct the key, or the secret",
            )
        value = fields[reference.key]
        return value if isinstance(value, str) else json.dumps(value)

    def parameter(self, reference: ParameterReference) -> str:
        value = read_parameter(self._clients, reference.name, reference.version)
        if value is None:
            raise Problem(
                f"there is no parameter {reference.name} here", f"give its value in secrets.env: {reference.name}=…"
            )
        return value


def looked_up(url: str, region: str, lookups: Sequence[tuple[str, str]]) -> list[str | None]:
    """The contents, in order, None for what is not there. A lookup is `ssm` or `secretsmanager`, and a name."""
    clients = Clients(url, region)
    return [read_parameter(clients, name) if store == "ssm" else read_secret(clients, name) for store, name in lookups]
