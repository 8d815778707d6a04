"""The Docker SDK, for what only it does: packing a build's context, and finding registry credentials.

It is imported where that is asked for: it takes as long as the rest of a short command.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.engine.docker import faults
from emulator.engine.docker.client import Client

if TYPE_CHECKING:
    from docker import APIClient


@contextlib.contextmanager
def sdk_client(client: Client, doing: str, timeout: float | None = None) -> Iterator[APIClient]:
    """The SDK's client of the same daemon, within this block, where its errors become ours. `doing` completes "Docker
    did not …", `timeout` (seconds) is what the message of a late answer says."""
    import docker
    import docker.errors
    import docker.tls

    endpoint = client.endpoint
    try:
        tls: docker.tls.TLSConfig | bool = False
        if endpoint.tls is not None:
            files = endpoint.tls
            certificate = (files.certificate, files.key) if files.certificate and files.key else None
            tls = docker.tls.TLSConfig(client_cert=certificate, ca_cert=files.ca or None, verify=files.verify)
        session = docker.APIClient(base_url=endpoint.host, version=client.api_version, tls=tls)
        try:
            session.trust_env = False  # else proxies, netrc and REQUESTS_CA_BUNDLE would apply to the daemon
            yield session
        finally:
            session.close()
    except (docker.errors.DockerException, OSError) as error:  # what `requests` raises is an OSError
        raise faults.from_exception(error, endpoint, doing, timeout) from error
