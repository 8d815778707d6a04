"""The Docker SDK's client of one daemon, with what the SDK lacks: a deadline for each call, one pool of connections for
all paths of a unix socket, and no socket left open where nothing answers."""

from __future__ import annotations

import os
import ssl
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import docker.tls
import docker.utils.config
import urllib3

from emulator.engine.docker.endpoint import Endpoint, Tls
from emulator.engine.docker.local_socket import UnixAdapter
from emulator.errors import EngineUnavailable

CONNECT_TIMEOUT = 10.0
CALL_TIMEOUT = 30.0
"""Seconds for a request that does little work in the daemon."""
PLAIN_PORT, TLS_PORT = 2375, 2376
"""Docker's ports, where an address names none; the SDK demands one."""


class SdkClient(docker.APIClient):
    """The SDK's low-level client. For one thread at a time: `requests.Session` is not promised thread-safe."""

    deadline: float = CALL_TIMEOUT
    """Seconds that the daemon may be silent in the next calls."""

    def __init__(self, endpoint: Endpoint, version: str) -> None:
        """Connects to nothing yet. Raises EngineUnavailable for an address that is none and for logins of registries
        that cannot be read, DockerException for TLS files that cannot be used."""
        url, files = _base_url(endpoint)
        tls: docker.tls.TLSConfig | bool = False
        if files is not None:
            certificate = (files.certificate, files.key) if files.certificate and files.key else None
            tls = docker.tls.TLSConfig(client_cert=certificate, ca_cert=files.ca or None, verify=files.verify)
        try:
            super().__init__(base_url=url, version=version, tls=tls)
        except (ValueError, docker.errors.InvalidConfigFile) as error:  # the SDK reads the logins of registries here
            found = docker.utils.config.find_config_file()
            file = os.fsdecode(found) if isinstance(found, str | bytes | os.PathLike) else "config.json"
            raise EngineUnavailable(
                f"{file}: an entry of `auths` cannot be read: {error}",
                hint="log in to that registry again, or remove its entry",
            ) from None
        self.trust_env = False  # else proxies, netrc and REQUESTS_CA_BUNDLE would apply to the daemon
        self.headers["Accept-Encoding"] = "identity"  # compression costs more than a local connection
        if endpoint.host.startswith("ssh://"):
            from emulator.engine.docker.ssh import SshAdapter

            self.mount(self.base_url, SshAdapter(endpoint.host))
        elif url.startswith("unix://"):
            self.mount(self.base_url, UnixAdapter(url.removeprefix("unix://")))
        if files is not None and not files.verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        elif files is not None and not files.ca:
            system = ssl.get_default_verify_paths()  # as the docker command; `requests` brings its own authorities
            self.verify = system.cafile or system.capath or True

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds for a connection, and for each wait after that."""
        return min(self.deadline, CONNECT_TIMEOUT), self.deadline

    def _set_request_timeout(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The SDK asks here for the timeout of each of its requests."""
        kwargs["timeout"] = self.timeouts
        return kwargs


def _base_url(endpoint: Endpoint) -> tuple[str, Tls | None]:
    """The address as the SDK wants it, and the TLS files where TLS is used."""
    scheme, _, rest = endpoint.host.partition("://")
    if scheme in ("unix", "npipe"):
        return endpoint.host, None
    if scheme == "ssh":
        return "unix:///ssh", None  # the adapter for the address comes in the place of the one for this
    try:
        address = urlsplit(f"//{rest}")
        host, port = address.hostname or "localhost", address.port
    except ValueError as error:
        raise EngineUnavailable(
            f"{endpoint.source}: {endpoint.host!r} is not the address of a Docker daemon: {error}",
            hint="addresses look like unix:///var/run/docker.sock or tcp://host:2376",
        ) from None
    host = f"[{host}]" if ":" in host else host
    if endpoint.tls is None and scheme != "https":
        return f"http://{host}:{port or PLAIN_PORT}", None
    return f"https://{host}:{port or TLS_PORT}", endpoint.tls or Tls()
