"""Reads secrets and parameters that the command line asks for, once the stacks are made."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.providers.secretsmanager import read_secret
from emulator.aws.stacks.providers.ssm import read_parameter


def looked_up(url: str, region: str, lookups: Sequence[tuple[str, str]]) -> list[str | None]:
    """The contents, in order, None for what is not there. A lookup is `ssm` or `secretsmanager`, and a name."""
    clients = Clients(url, region)
    return [read_parameter(clients, name) if store == "ssm" else read_secret(clients, name) for store, name in lookups]
