"""Settings of what services live with: `[aws]`, `[jobs]`, `[seed]` and `[beside]` of `copilot-local.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from emulator.model import FrozenModel

Port = Annotated[int, Field(ge=1, le=65535)]
_WORDS = ("local", "always", "none")


def is_url(endpoint: str) -> bool:
    """Whether `[aws] endpoint` names another endpoint that answers in place of the one that comes with this program."""
    return endpoint not in _WORDS


def _is_endpoint(text: str) -> str:
    if is_url(text) and not _is_base_url(text):
        raise ValueError('is "local", "always", "none" or a URL such as "http://localhost:4566", without a path')
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    more = parts.path.rstrip("/") or parts.query or parts.fragment or "@" in parts.netloc
    return whole and not more and text.isascii() and not any(letter.isspace() for letter in text)


AwsEndpoint = Annotated[str, AfterValidator(_is_endpoint)]
"""Whether tasks have a local AWS endpoint: `local`, where something of the environment needs one; `always`, in any
case; `none`, never; or, in any case too, the URL of another one, `http` or `https` with a host, without a path."""

AwsReach = Literal["endpoint", "names"]
"""How SDKs in tasks find it: by AWS_ENDPOINT_URL, or by AWS's own host names too."""


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


OneOrMany = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""A list of texts, or one text alone."""


class AwsSettings(FrozenModel):
    """`[aws]`: the local AWS endpoint, for tasks that have queues, topics or addons."""

    endpoint: AwsEndpoint = "local"
    """`local`: where a service has something in it. `always`: also where none has. `none`: there is none for tasks;
    what they need of AWS is given in `[values]`, or left out. A URL: `always`, and what answers there takes the place
    of the endpoint that comes with this program."""
    port: Port | None = None
    """The port of 127.0.0.1, in every task and on this machine; default 4566, or the next free one."""
    reach: AwsReach | Mapping[str, AwsReach] = "endpoint"
    """How SDKs find it, in all services or by service: `endpoint`, by the variable AWS_ENDPOINT_URL; `names`: also by
    AWS's own host names, for SDKs that do not read it."""

    def leads_names(self, service: str) -> bool:
        """Whether AWS's own host names lead the tasks of a service to the endpoint."""
        return self.reach == "names" if isinstance(self.reach, str) else self.reach.get(service) == "names"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = self.reach == "names" if isinstance(self.reach, str) else "names" in self.reach.values()
        if named and is_url(self.endpoint):
            raise ValueError('reach = "names" leads to the endpoint that comes with this program, not to a URL')
        if named and self.endpoint == "none":
            raise ValueError('reach = "names" leads to the local AWS endpoint, which `endpoint` switches off')
        return self


class ConnectSettings(FrozenModel):
    """`[service_connect]`: how tasks reach each other by the names of `network.connect`."""

    proxy: Literal["envoy", "none"] = "envoy"
    """`envoy`: a proxy in each connected task, as deployed. `none`: lines of `/etc/hosts`, one for each task behind a
    name."""
    names: Literal["all", "ecs"] = "all"
    """Which names a connected task finds. `all`: those of all services that run here, also of later ones. `ecs`: those
    that were there when its service was deployed last, as deployed."""
    access_log: Literal["deployed", "none", "text", "json"] = "deployed"
    """Whether proxies write one, in ECS's format. `deployed`: where a template patch sets `AccessLogConfiguration`."""


class JobSettings(FrozenModel):
    """`[jobs]`: Scheduled Jobs, which do not run with the services unless they are asked to."""

    schedule: bool | OneOrMany = False
    """`up` runs all jobs on their schedules, or those of these names. `--jobs` and `--no-jobs` win."""


class ValidateSettings(FrozenModel):
    """`[validate]`: `ignore` lists finding codes that are not reported."""

    ignore: tuple[str, ...] = ()
    """Codes of findings."""


class JwtSettings(FrozenModel):
    """`[jwt]`: tokens that load balancers validate."""

    keys: Mapping[str, str] = {}
    """Endpoint of a rule's key set to a file of the workspace that is read in its place."""


class SeedSettings(FrozenModel):
    """`[seed]`: what is in the local AWS endpoint from the start. Names are those that `copilot-local tables`,
    `buckets` and `queues` show; paths are relative to the settings file, and absolute once read."""

    buckets: Mapping[str, str] = {}
    """`SERVICE/LOGICAL_ID` to the folder whose files it holds, by their paths in there."""
    tables: Mapping[str, str] = {}
    """`SERVICE/LOGICAL_ID` to a JSON file: a list of items, plain or in DynamoDB's own JSON."""
    queues: Mapping[str, str] = {}
    """`SERVICE` or `SERVICE/TOPIC` to a file with a message on each line."""
    databases: Mapping[str, OneOrMany] = {}
    """`SERVICE/LOGICAL_ID` to files with SQL, which run in this order."""
    parameters: str = ""
    """A file with `NAME=VALUE` lines: parameters of Systems Manager."""
    secrets: Mapping[str, str] = {}
    """Name in Secrets Manager to a file with its text; one whose name ends with `.json` holds JSON."""

    def absolute(self, folder: Path) -> dict[str, object]:
        """The same with absolute paths, as content of a settings file in `folder`."""

        def path(text: str) -> str:
            return str((folder / Path(text).expanduser()).absolute())

        tables = {"buckets": self.buckets, "tables": self.tables, "queues": self.queues, "secrets": self.secrets}
        found: dict[str, object] = {
            **{kind: {name: path(text) for name, text in table.items()} for kind, table in tables.items()},
            "databases": {name: [path(text) for text in files] for name, files in self.databases.items()},
            "parameters": path(self.parameters) if self.parameters else "",
        }
        return {kind: it for kind, it in found.items() if it}


class BesideSettings(FrozenModel):
    """`[beside]`: services of a team's Compose files, on the network of the environment. Paths are relative to the
    settings file, and absolute once read."""

    compose: OneOrMany = ()
    """Compose files, later ones over earlier ones."""
    services: OneOrMany = ()
    """Which of their services; default: all but those named like a workload."""
    profiles: OneOrMany = ()
    """Profiles of Compose that are on."""
    provides: Mapping[str, str] = {}
    """What they give: values of addon outputs, exports and parameters, and of `${NAME}` in manifests, by name.
    `[values]` and `[variables]` win."""
