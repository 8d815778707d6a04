"""Settings of what services live with: `[aws]`, `[jobs]`, `[seed]` and `[beside]` of `copilot-local.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from emulator.model import FrozenModel

Port = Annotated[int, Field(ge=1, le=65535)]
AwsEndpoint = Literal["local", "always", "none"]
"""Whether tasks have a local AWS endpoint: where something of the environment needs one, in any case, or never."""

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
    what they need of AWS is given in `[values]`, or left out."""
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
        if named and self.endpoint not in ("local", "always"):
            raise ValueError('reach = "names" leads to the local AWS endpoint, which `endpoint` switches off')
        return self


class JobSettings(FrozenModel):
    """`[jobs]`: Scheduled Jobs, which do not run with the services unless they are asked to."""

    schedule: bool | OneOrMany = False
    """`up` runs all jobs on their schedules, or those of these names. `--jobs` and `--no-jobs` win."""


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

    def absolute(self, folder: Path) -> dict[str, object]:
        """The same with absolute paths, as content of a settings file in `folder`."""

        def path(text: str) -> str:
            return str((folder / Path(text).expanduser()).absolute())

        found: dict[str, object] = {}
        for kind, table in (("buckets", self.buckets), ("tables", self.tables), ("queues", self.queues)):
            if table:
                found[kind] = {name: path(text) for name, text in table.items()}
        if self.databases:
            found["databases"] = {name: [path(text) for text in files] for name, files in self.databases.items()}
        if self.parameters:
            found["parameters"] = path(self.parameters)
        return found


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
