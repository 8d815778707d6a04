"""`copilot-local.toml`: what only this machine or this team wants, kept out of the manifest.

Files, later ones win key by key:

1. `stand-ins.toml` in the user's configuration folder, written by the set-up on a machine without a container registry;
2. `copilot-local.toml` in the user's configuration folder;
3. `copilot-local.toml` in the workspace root (the folder that holds `copilot/`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emulator.errors import InputError, Position
from emulator.settings_files import FILE_NAME, STAND_INS_NAME, configuration_folder


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrontSettings(_Section):
    """`[front]`: the local load balancer. `port` and `https_port` are host ports on 127.0.0.1."""

    port: int | None = Field(default=None, ge=1, le=65535)
    """The host port; default 8080, or the next free one."""
    https: bool | None = None
    """Whether there is an HTTPS listener; None: where the deployed load balancer has one."""
    https_port: int | None = Field(default=None, ge=1, le=65535)
    """The host port of that; default 8443, or the next free one."""
    network_ports: Mapping[str, Annotated[int, Field(ge=1, le=65535)]] = Field(default_factory=dict)
    """Host ports of listeners of network load balancers, by `PORT` or `SERVICE:PORT`."""


LogPolicy = Literal["capture", "local-aws", "live"]
"""What happens to a log destination here: kept on this machine, sent to the local AWS endpoint, or really sent."""


class LogSettings(_Section):
    """`[logs]`: `fidelity = "ecs"` runs the router on ECS's own file and driver mode, outputs apart."""

    fidelity: Literal["local", "ecs"] = "local"
    """Whose configuration the router runs on."""
    destinations: Mapping[str, LogPolicy] = Field(default_factory=dict)
    """Container, output plugin or `*` to what happens to its destination. Default: `capture`."""
    check: bool = True
    """Whether the router checks the options of captured outputs, and ends over a wrong one as it would on ECS."""
    limit: int = Field(default=1024, ge=16)
    """MiB that the log store of an environment may take; the oldest go first."""


class TimeSettings(_Section):
    """`[time]`: seconds. What is not set here takes the local default (or ECS's, with `--timing ecs`)."""

    stop_timeout: int = Field(default=30, ge=0, le=120)
    """SIGTERM to SIGKILL where a container says nothing; ECS's default is 30."""
    start_timeout: int = Field(default=120, ge=1)
    """How long a log router may take until its socket is there, and a dependency until its condition holds."""
    wait_timeout: int = Field(default=120, ge=1)
    """How long `up --wait` waits for healthy."""
    deregistration_delay_cap: int = Field(default=5, ge=0)
    """Upper bound of the delay between leaving the load balancer and SIGTERM when a task is replaced."""
    ecs_limits: bool = True
    """Times of a task definition that are shorter than ECS takes them are refused."""


class ValidateSettings(_Section):
    """`[validate]`: `ignore` lists finding codes that are not reported."""

    ignore: tuple[str, ...] = ()
    """Codes of findings."""


class CredentialSettings(_Section):
    """`[credentials]`: what tasks get from the ECS credentials endpoint. Nothing here is secret.

    `static`: the keys in the shell's variables; `profile`: those of an AWS profile; `role`: those of a role, assumed
    with the profile's keys, or the shell's where no profile is named.
    """

    source: Literal["none", "static", "profile", "role"] = "none"
    """Where the keys come from."""
    profile: str = ""
    """Default: AWS_PROFILE, else `default`."""
    role_arn: str = ""
    """The role that is assumed."""


class SecretSettings(_Section):
    """`[secrets]`: who is asked for secrets that have no value on this machine. Nothing here is secret."""

    source: Literal["local", "ask", "aws"] = "local"
    """Nobody, whoever sits at the terminal, or SSM and Secrets Manager."""
    profile: str = ""
    """AWS profile that AWS is asked with; default: what the AWS command line takes."""


class AppSettings(_Section):
    """`[app]`: what Copilot's store knows of the application, for rendering."""

    domain: str | None = None
    """The domain below which services have their names; HTTPS is on."""
    permissions_boundary: str | None = None
    """Name or ARN of the policy that bounds every role."""


class EnvironmentSettings(_Section):
    """`[environments.<name>]`: what Copilot's store knows of an environment, for rendering."""

    account: str | None = Field(default=None, pattern=r"^\d{12}$")
    """The AWS account, 12 digits."""
    region: str | None = None
    """The AWS region."""
    certificates: tuple[str, ...] = ()
    """ARNs of the certificates of the public load balancer; HTTPS is on."""
    private_certificates: tuple[str, ...] = ()
    """ARNs of the certificates of the internal load balancer."""
    discovery_endpoint: str | None = None
    """The private DNS namespace; default `<environment>.<app>.local`."""
    load_balancer: str | None = None
    """ARN or name of an existing load balancer that services are put behind."""
    images: Mapping[str, str] = Field(default_factory=dict)
    """Container name to the address its image was pushed to."""
    parameters: Mapping[str, str] = Field(default_factory=dict)
    """Defaults of parameters of rendered stacks, by name."""


class SyncRule(_Section):
    """`[[sync]]`: with `up --watch`, files that go into a running container as they are, without a build."""

    service: str
    """The service whose container gets them."""
    container: str = ""
    """Default: the main container."""
    source: str
    """A file or folder, relative to the settings file."""
    target: str
    """Where it is in the container: a folder for a folder, a file for a file; absolute."""
    command: str = ""
    """Runs in the container afterwards, by `sh -c`."""
    signal: str = ""
    """Goes to the container's main process afterwards: `SIGHUP`."""

    @model_validator(mode="after")
    def _consistent(self) -> SyncRule:
        if not self.target.startswith("/"):
            raise ValueError("target is an absolute path in the container")
        if self.command and self.signal:
            raise ValueError("a rule has a command or a signal, not both")
        return self


class Settings(BaseModel):
    """Everything the settings files say, merged. Paths in `substitute` are absolute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    substitute: Mapping[str, str] = Field(default_factory=dict)
    """Image reference to another reference, or to a folder or Dockerfile that is built instead."""
    values: Mapping[str, str] = Field(default_factory=dict)
    """Local values of CloudFormation exports, addon outputs and parameters, by name."""
    needs: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Service to the services that it calls, for `up --with-deps`, besides those that its variables name."""
    sync: tuple[SyncRule, ...] = ()
    front: FrontSettings = FrontSettings()
    logs: LogSettings = LogSettings()
    time: TimeSettings = TimeSettings()
    credentials: CredentialSettings = CredentialSettings()
    secrets: SecretSettings = SecretSettings()
    app: AppSettings = AppSettings()
    environments: Mapping[str, EnvironmentSettings] = Field(default_factory=dict)
    """What rendering has to know of each environment, by its name."""
    validation: ValidateSettings = Field(default=ValidateSettings(), alias="validate")

    def with_destinations(self, destinations: Mapping[str, LogPolicy]) -> Settings:
        """These settings with what the command line says of log destinations. A bare policy is for all of them."""
        if not destinations:
            return self
        kept = {} if "*" in destinations else self.logs.destinations
        logs = self.logs.model_copy(update={"destinations": {**kept, **destinations}})
        return self.model_copy(update={"logs": logs})


class Debugging(BaseModel):
    """A container that somebody attaches a debugger to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ports: Mapping[int, int] = Field(default_factory=dict)
    """Port of the container to the host port on 127.0.0.1."""
    command: tuple[str, ...] = ()
    """Runs in place of entry point and command; none: they stay."""


class LocalOptions(BaseModel):
    """What exists only on this machine for one service, applied when its containers are made. Never holds a secret."""

    model_config = ConfigDict(extra="forbid")

    images: dict[str, str] = Field(default_factory=dict)
    """Container name to the image it runs here."""
    region: str = "us-east-1"
    account: str = "000000000000"
    fidelity: Literal["local", "ecs"] = "local"
    log_destinations: dict[str, LogPolicy] = Field(default_factory=dict)
    log_check: bool = True
    router_plugins: tuple[str, ...] = ()
    """Output plugins written in Go that the log router's image ships."""
    time: TimeSettings = TimeSettings()
    timing: Literal["local", "ecs"] = "local"
    values: dict[str, str] = Field(default_factory=dict)
    router_files: dict[str, str] = Field(default_factory=dict)
    """The user's own log router configuration as it stands in the router's image: absolute path to text."""
    own_region: tuple[str, ...] = ()
    """Containers whose image names an AWS region itself: they get no other."""
    debug: dict[str, Debugging] = Field(default_factory=dict)
    """Containers that somebody attaches a debugger to, by name."""
    udp_ports: dict[int, int] = Field(default_factory=dict)
    """Port of a container to the host port on 127.0.0.1 that its datagrams come from: UDP goes past the front."""
    credentials: Literal["none", "static", "profile", "role"] = "none"
    """The kind of credentials that its tasks are offered; the keys themselves are in `Private`."""


def load_settings(workspace: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The merged settings. Raises `InputError` with the file and what is wrong in it."""
    folder = configuration_folder(environment)
    files = [folder / STAND_INS_NAME, folder / FILE_NAME]
    if workspace is not None:
        files.append(workspace / FILE_NAME)
    merged: dict[str, object] = {}
    for file in files:
        for section, value in _read(file).items():
            present = merged.get(section)
            merged[section] = {**present, **value} if isinstance(present, dict) and isinstance(value, dict) else value
    return Settings.model_validate(merged)


def _read(file: Path) -> dict[str, object]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None
    try:
        content = tomllib.loads(text)
        settings = Settings.model_validate(content)
    except RecursionError:
        raise InputError(f"{file} is nested too deeply", hint="see docs/settings.md for the format") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}", hint="see docs/settings.md for the format") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{key}: {first['msg']}",
            position=Position(
                str(file),
                _line_of(text, next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")),
            ),
            hint="see docs/settings.md for every key",
        ) from None
    if settings.substitute:
        content["substitute"] = {name: _target(file.parent, to) for name, to in settings.substitute.items()}
    if settings.sync:
        content["sync"] = [
            {**rule.model_dump(), "source": str((file.parent / Path(rule.source).expanduser()).resolve())}
            for rule in settings.sync
        ]
    return content


def _target(folder: Path, replacement: str) -> str:
    """A path (`./x`, `../x`, `/x`, `~/x`) made absolute; an image reference as it is."""
    if replacement.startswith(("./", "../", "/", "~")) or replacement in (".", ".."):
        return str((folder / Path(replacement).expanduser()).resolve())
    return replacement


def _line_of(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if key in line.split("=", 1)[0]:
            return number
    return 1
