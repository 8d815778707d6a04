"""Clients of the endpoint, from inside its own container."""

from __future__ import annotations

import urllib.request
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from emulator.aws.ports import PLAIN_PORT, SNAPSHOT
from emulator.regions import LOCAL_KEY


@cache
def client(service: str, region: str, url: str = f"http://127.0.0.1:{PLAIN_PORT}") -> Any:
    """The botocore client of one service in one region; the endpoint takes any keys. A session makes one at a time."""
    config = Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=30, s3={"addressing_style": "path"})
    return _session().create_client(service, region_name=region, endpoint_url=url, config=config)


@cache
def _session() -> botocore.session.Session:
    """One for all: it keeps the descriptions of services that it has read."""
    session = botocore.session.Session()
    session.set_credentials(LOCAL_KEY, LOCAL_KEY)
    return session


def write_down(url: str) -> None:
    """Has the endpoint write down what it holds: it survives the endpoint's sudden end. Raises HTTPError, an OSError,
    where its disk is full."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}{SNAPSHOT}", method="POST"), timeout=30):
        pass
