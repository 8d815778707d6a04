"""Local images, and pulling them from registries."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from emulator.engine.docker.client import Client, Json
from emulator.engine.docker.pull_progress import PullProgress
from emulator.engine.interface import Image, ImageName, OnLine, RegistryAuth
from emulator.errors import EngineError, ImageError, NotFound

PULL_TIMEOUT = 300.0
"""Seconds without a word from the daemon after which a pull counts as stuck."""

_LAST_LINES = 20

_NO_LOGIN = (
    "the image does not exist or needs a login: check its name, `docker login REGISTRY`; or replace it by"
    " `--image NAME=…` or a [substitute] entry in copilot-local.toml"
)
_WRONG_LOGIN = "the registry refused the user name and password that it was given, or this user may not read the image"

# What registries and the way to them answer, in Docker's words, and what helps. First match wins.
_PULL_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"no such host|connection refused|i/o timeout|network is unreachable|no route to host|proxyconnect"
        r"|deadline exceeded|request canceled|connection reset|Temporary failure in name resolution|\bEOF\b",
        "the registry cannot be reached: check network and proxy, or replace the image by `--image NAME=…` or a"
        " [substitute] entry in copilot-local.toml",
    ),
    (
        r"x509|certificate|tls:|server gave HTTP response to HTTPS",
        "the registry's certificate is not trusted by the Docker daemon: add its CA there (/etc/docker/certs.d)",
    ),
    (r"toomanyrequests|rate limit", "the registry limits anonymous pulls: `docker login`, or try later"),
    (
        r"no basic auth credentials|authorization token has expired|\.dkr\.ecr\.",
        "log in to the registry: `aws ecr get-login-password | docker login --username AWS --password-stdin REGISTRY`;"
        " or replace the image by `--image NAME=…` or a [substitute] entry in copilot-local.toml",
    ),
    (
        r"manifest unknown|manifest for .* not found|not found: manifest",
        "the registry has no such tag: check the image's name",
    ),
    (
        r"no matching manifest|does not match the specified platform",
        "the image does not exist for this platform: set `platform`, or choose another image",
    ),
    (
        r"unauthorized|denied|authentication required|incorrect username or password",
        _NO_LOGIN,
    ),
    (r"no space left on device", "the disk of the Docker daemon is full: `docker system df` shows by what"),
)


def pull_hint(message: str) -> str:
    """What to do about a failed pull, from Docker's words."""
    return next((hint for pattern, hint in _PULL_HINTS if re.search(pattern, message)), "")


def inspect_image(client: Client, reference: str) -> Image | None:
    """A local image, None where there is none of that name or id."""
    try:
        with client.sdk(f"show image {reference}") as sdk:
            document: Json = sdk.inspect_image(reference)  # type: ignore[no-untyped-call]
    except NotFound:
        return None
    config = document.get("Config") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or []
    return Image(
        id=str(document["Id"]),
        tags=tuple(str(tag) for tag in document.get("RepoTags") or ()),
        entrypoint=tuple(str(word) for word in config.get("Entrypoint") or ()),
        command=tuple(str(word) for word in config.get("Cmd") or ()),
        environment=tuple(str(variable) for variable in config.get("Env") or ()),
        user=str(config.get("User") or ""),
        working_directory=str(config.get("WorkingDir") or ""),
        labels={str(key): str(value) for key, value in (config.get("Labels") or {}).items()},
        has_health_check=bool(test) and test != ["NONE"],
        volumes=tuple(sorted(str(path) for path in config.get("Volumes") or ())),
    )


def split_reference(reference: str) -> tuple[str, str]:
    """Name, and tag or digest; `latest` where there is neither (as the docker command; the API would pull all tags)."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, colon, tag = reference.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (reference, "latest")


class Images:
    """Images of the daemon."""

    _client: Client

    def image(self, reference: str) -> Image | None:
        return inspect_image(self._client, reference)

    def list_images(self, repositories: Sequence[str]) -> list[ImageName]:
        """The names of local images in these repositories, as Docker's filter `reference` reads them, sorted."""
        with self._client.sdk("list images") as sdk:
            rows = sdk.images(filters={"reference": list(repositories)}) if repositories else []
        names = {
            ImageName(str(tag), str(row["Id"]), int(row["Size"]), int(row["Created"]))
            for row in rows
            for tag in row.get("RepoTags") or ()
            # Docker gives every name of an image, also those that the filter does not want.
            if any(fnmatchcase(split_reference(str(tag))[0], wanted) for wanted in repositories)
        }
        return sorted(names, key=lambda name: name.reference)

    def remove_image_name(self, reference: str) -> None:
        """Removes a name, and the image with its last one. `Conflict` where a container uses it."""
        with contextlib.suppress(NotFound), self._client.sdk(f"remove image {reference}") as sdk:
            sdk.remove_image(reference)

    def pull(
        self,
        reference: str,
        *,
        on_line: OnLine | None = None,
        auth: RegistryAuth | None = None,
        platform: str | None = None,
    ) -> None:
        """Pulls an image with the given credentials, else those of the docker command's configuration."""
        name, tag = split_reference(reference)
        credentials = {"username": auth.username, "password": auth.password} if auth is not None else None
        lines: list[str] = []
        try:
            with self._client.sdk(f"pull {reference}", PULL_TIMEOUT) as sdk:
                progress = PullProgress()
                refusal = ""
                stream = sdk.pull(
                    name, tag, stream=True, decode=True, auth_config=credentials, platform=platform or None
                )
                for document in stream:  # to its end, which gives the connection back
                    refusal = refusal or str(document.get("error") or "")
                    state = progress.state(document)
                    if state is not None:
                        lines.append(state)  # the end of a failed pull in words, without its bytes
                    told = progress.bytes(document) or state
                    if told is not None and on_line is not None and not refusal:
                        on_line(told)
            if refusal:
                raise EngineError(refusal)
        except EngineError as error:
            hint = pull_hint(f"{error.message} {name}")
            if auth is not None and hint == _NO_LOGIN:
                hint = _WRONG_LOGIN
            raise ImageError(
                f"cannot pull {reference}: {error.message}", hint=hint, output=lines[-_LAST_LINES:]
            ) from error
