"""Dynamic references looked up on the endpoint."""

from __future__ import annotations

import json

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.dynamic_references import ParameterReference, SecretReference
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers.secretsmanager import read_secret
from emulator.aws.stacks.providers.ssm import read_parameter


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
        try:
            fields = json.loads(whole)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or reference.key not in fields:
            there = ", ".join(fields) if isinstance(fields, dict) else "no keys: it is no JSON object"
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
