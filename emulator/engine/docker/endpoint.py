"""Finds the Docker daemon the way the `docker` command does.

Order (docs.docker.com, "Docker contexts"): DOCKER_HOST, DOCKER_CONTEXT, `currentContext` of the client's config.json,
the default socket. A context called `default` is the default socket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.errors import EngineUnavailable

DEFAULT_HOST = "unix:///var/run/docker.sock"

_SCHEMES = ("unix", "tcp", "http", "https", "npipe", "ssh")


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for a TLS connection; an empty path means that there is none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a daemon is reached. `source` says in words what named it; `variables` make the `docker` command agree."""

    host: str
    tls: Tls | None = None
    source: str = "the default socket"
    variables: Mapping[str, str] = field(default_factory=dict)


def find_endpoint(environ: Mapping[str, str], home: Path) -> Endpoint:
    """The daemon that the variables and the client's configuration name.

    Raises EngineUnavailable where a named context does not exist or cannot be read.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    host = environ.get("DOCKER_HOST", "")
    if host:
        return _checked(Endpoint(host, _tls_of_variables(environ, folder), f"DOCKER_HOST={host}"))
    name = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if name and name != "default":
        return _checked(_context(folder, name))
    return Endpoint(DEFAULT_HOST)


def _tls_of_variables(environ: Mapping[str, str], folder: Path) -> Tls | None:
    """DOCKER_TLS_VERIFY and DOCKER_TLS switch TLS on, DOCKER_CERT_PATH says where its files are."""
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    return _tls_files(Path(environ.get("DOCKER_CERT_PATH") or folder), verify)


def _tls_files(folder: Path, verify: bool) -> Tls:
    def existing(name: str) -> str:
        return str(folder / name) if (folder / name).is_file() else ""

    return Tls(existing("ca.pem"), existing("cert.pem"), existing("key.pem"), verify)


def _current_context(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(config.get("currentContext") or "") if isinstance(config, dict) else ""


def _context(folder: Path, name: str) -> Endpoint:
    """A context is stored under the SHA-256 of its name: `meta/<hash>/meta.json`, TLS files in `tls/<hash>/docker`."""
    hashed = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / hashed / "meta.json"
    try:
        document = json.loads(meta.read_text(encoding="utf-8"))
        docker = document["Endpoints"]["docker"]
        host = str(docker["Host"])
        skip = bool(docker.get("SkipTLSVerify", False))
    except FileNotFoundError:
        raise EngineUnavailable(
            f"there is no Docker context {name!r}",
            hint="`docker context ls` lists them; `docker context use default` goes back to the default",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineUnavailable(f"Docker context {name!r} cannot be read from {meta}: {error!r}") from None
    tls_folder = folder / "contexts" / "tls" / hashed / "docker"
    tls = _tls_files(tls_folder, not skip) if tls_folder.is_dir() else None
    return Endpoint(host, tls, f"Docker context {name!r}", {"DOCKER_CONTEXT": name})


def _checked(endpoint: Endpoint) -> Endpoint:
    scheme = endpoint.host.partition("://")[0]
    if scheme not in _SCHEMES or "://" not in endpoint.host:
        raise EngineUnavailable(
            f"{endpoint.source}: {endpoint.host!r} is not the address of a Docker daemon",
            hint="addresses look like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host",
        )
    return endpoint
