"""`copilot-local.toml`: what only this machine or this team wants, kept out of the manifest.

Files, later ones win key by key:

1. `stand-ins.toml` in the user's configuration folder, written by the set-up on a machine without a container registry;
2. `copilot-local.toml` in the user's configuration folder;
3. `copilot-local.toml` in the workspace root (the folder that holds `copilot/`);
4. `.copilot-local/copilot-local.toml` there, which git ignores: one person's, in this workspace.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from emulator.errors import InputError, Position
from emulator.model import FrozenModel, InvalidData, Model, from_plain, make
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT
from emulator.settings_attended import Debugging, Native
from emulator.settings_files import FILE_NAME, STAND_INS_NAME, configuration_folder, files_of, line_of, text_of
from emulator.settings_rendering import AppSettings, EnvironmentSettings
from emulator.settings_services import (
    AwsEndpoint,
    AwsSettings,
    BesideSettings,
    ConnectSettings,
    JobSettings,
    JwtSettings,
    Port,
    SeedSettings,
    ValidateSettings,
)
from emulator.settings_traces import LocalCollector, TraceSettings

VARIABLES_HERE = "container_variables"
FILLED_IN = ("variables", "values", "substitute", "images")
"""Tables that `copilot-local init` writes names into, with empty text until they are filled in."""


class FrontSettings(FrozenModel):
    """`[front]`: the local load balancers. `port`, `https_port` and so on are host ports on 127.0.0.1."""

    port: Port | None = None
    """The host port; default 8080, or the next free one."""
    https: bool | None = None
    """Whether there is an HTTPS listener; None: where the deployed load balancer has one."""
    https_port: Port | None = None
    """The host port of that; default 8443, or the next free one."""
    internal_port: Port | None = None
    """The host port of the internal load balancer; default 8081, or the next free one."""
    internal_https_port: Port | None = None
    """The host port of its HTTPS listener; default 8444, or the next free one."""
    network_ports: Mapping[str, Port] = {}
    """Host ports of listeners of network load balancers, by `PORT` or `SERVICE:PORT`."""


LogPolicy = Literal["capture", "local-aws", "live"]
"""What happens to a log destination here: kept on this machine, sent to the local AWS endpoint, or really sent."""


class LogSettings(FrozenModel):
    """`[logs]`: `fidelity = "ecs"` runs the router on ECS's own file and driver mode, outputs apart."""

    fidelity: Literal["local", "ecs"] = "local"
    """Whose configuration the router runs on."""
    destinations: Mapping[str, LogPolicy] = {}
    """Container, output plugin or `*` to what happens to its destination. Default: `capture`."""
    check: bool = True
    """Whether the router checks the options of captured outputs, and ends over a wrong one as it would on ECS."""
    limit: Annotated[int, Field(ge=16)] = 1024
    """MiB that the log store of an environment may take; the oldest go first."""


class TimeSettings(FrozenModel):
    """`[time]`: seconds. What is not set here takes the local default (or ECS's, with `--timing ecs`)."""

    stop_timeout: Annotated[int, Field(ge=0, le=120)] = 30
    """SIGTERM to SIGKILL where a container says nothing; ECS's default is 30."""
    start_timeout: Annotated[int, Field(ge=1)] = 120
    """How long a log router may take until its socket is there, and a dependency until its condition holds."""
    wait_timeout: Annotated[int, Field(ge=1)] = 120
    """How long `up --wait` waits for healthy."""
    deregistration_delay_cap: Annotated[int, Field(ge=0)] = 5
    """Upper bound of the delay between leaving the load balancer and SIGTERM when a task is replaced."""
    bake_time_cap: Annotated[int, Field(ge=0)] = 5
    """Upper bound of each wait of a deployment that shifts traffic (BLUE_GREEN, LINEAR, CANARY)."""
    ecs_limits: bool = True
    """Times of a task definition that are shorter than ECS takes them are refused."""


class CredentialSettings(FrozenModel):
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


class SecretSettings(FrozenModel):
    """`[secrets]`: who is asked for secrets that have no value on this machine. Nothing here is secret."""

    source: Literal["local", "ask", "aws"] = "local"
    """`local`: none; `ask`: the user at the terminal; `aws`: SSM and Secrets Manager."""
    profile: str = ""
    """AWS profile that AWS is asked with; default: what the AWS command line takes."""


class SyncRule(FrozenModel):
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
    def _consistent(self) -> Self:
        if not self.target.startswith("/"):
            raise ValueError("target is an absolute path in the container")
        if self.command and self.signal:
            raise ValueError("a rule has a command or a signal, not both")
        return self


class TrustSettings(FrozenModel):
    """`[trust]`, in the user's own file only: what every workspace may have without being trusted."""

    paths: tuple[str, ...] = ()
    """Folders that builds, environment files, substitutes and `[[sync]]` rules may lie in. Absolute once read."""


class BuildSettings(FrozenModel):
    """How an image is built that takes another one's place. Paths are absolute once they are read."""

    dockerfile: str = ""
    """Default: `Dockerfile` in the context."""
    context: str = ""
    """Default: the Dockerfile's folder."""
    target: str | None = None
    """The stage to build; default: the last one."""
    args: Mapping[str, str] = {}
    """Build arguments."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.dockerfile or self.context):
            raise ValueError("a build has a dockerfile or a context, or both")
        return self


class Settings(FrozenModel):
    """Everything the settings files say, merged. Paths in `substitute` and `images` are absolute. What is empty text in
    `substitute`, `images`, `values` and `variables` is not filled in yet, and counts as absent."""

    substitute: Mapping[str, str | BuildSettings] = {}
    """Image reference to what takes its place: another one, a folder, a Dockerfile, a build (`{dockerfile = …}`)."""
    images: Mapping[str, str | BuildSettings] = {}
    """`SERVICE/CONTAINER` (or `CONTAINER`, where one service has it) to what it runs; the same forms."""
    variables: Mapping[str, str] = {}
    """Values of `${NAME}` in manifests, and of nothing else. The shell, `.env` and `--env-file` win."""
    values: Mapping[str, str] = {}
    """Local values of CloudFormation exports, addon outputs and parameters, by name."""
    container_variables: Mapping[str, Mapping[str, str]] = {}
    """`SERVICE` (its main container) or `SERVICE/CONTAINER` to environment variables that it has on this machine alone.
    They win over the manifest's and those of environment files. Not for secrets."""
    needs: Mapping[str, tuple[str, ...]] = {}
    """Service to the services that it calls, for `up --with-deps`, besides those that its variables name."""
    sync: tuple[SyncRule, ...] = ()
    front: FrontSettings = Field(default_factory=FrontSettings.model_construct)
    logs: LogSettings = Field(default_factory=LogSettings.model_construct)
    traces: TraceSettings = Field(default_factory=TraceSettings.model_construct)
    time: TimeSettings = Field(default_factory=TimeSettings.model_construct)
    credentials: CredentialSettings = Field(default_factory=CredentialSettings.model_construct)
    secrets: SecretSettings = Field(default_factory=SecretSettings.model_construct)
    backing: Mapping[str, str] = {}
    """Engine of a database or cache (`aurora-postgresql`, `redis`) to the image that it runs on."""
    aws: AwsSettings = Field(default_factory=AwsSettings.model_construct)
    service_connect: ConnectSettings = Field(default_factory=ConnectSettings.model_construct)
    jobs: JobSettings = Field(default_factory=JobSettings.model_construct)
    jwt: JwtSettings = Field(default_factory=JwtSettings.model_construct)
    beside: BesideSettings = Field(default_factory=BesideSettings.model_construct)
    seed: SeedSettings = Field(default_factory=SeedSettings.model_construct)
    trust: TrustSettings = Field(default_factory=TrustSettings.model_construct)
    app: AppSettings = Field(default_factory=AppSettings.model_construct)
    environments: Mapping[str, EnvironmentSettings] = {}
    """What rendering has to know of each environment, by its name."""
    validation: ValidateSettings = Field(
        default_factory=ValidateSettings.model_construct, validation_alias="validate", serialization_alias="validate"
    )

    @property
    def references(self) -> dict[str, str]:
        """The entries of `substitute` that name another image, not something to build."""
        pairs = self.substitute.items()
        return {name: to for name, to in pairs if isinstance(to, str) and not to.startswith("/")}

    def with_destinations(self, destinations: Mapping[str, LogPolicy]) -> Self:
        """These settings with what the command line says of log destinations. A bare policy is for all of them."""
        if not destinations:
            return self
        kept = {} if "*" in destinations else self.logs.destinations
        logs = self.logs.model_copy(update={"destinations": {**kept, **destinations}})
        return self.model_copy(update={"logs": logs})

    def with_wait_timeout(self, seconds: int | None) -> Self:
        """These settings with another `wait_timeout`; None changes nothing."""
        if seconds is None:
            return self
        return self.model_copy(update={"time": self.time.model_copy(update={"wait_timeout": seconds})})


class LocalOptions(Model):
    """What exists only on this machine for one service, applied when its containers are made. Never holds a secret."""

    images: dict[str, str] = {}
    """Container name to the image it runs here."""
    region: str = DEFAULT_REGION
    account: str = LOCAL_ACCOUNT
    fidelity: Literal["local", "ecs"] = "local"
    log_destinations: dict[str, LogPolicy] = {}
    log_check: bool = True
    router_plugins: tuple[str, ...] | None = None
    """Output plugins written in Go that the log router's image ships; None where it was not looked at."""
    time: TimeSettings = Field(default_factory=TimeSettings.model_construct)
    timing: Literal["local", "ecs"] = "local"
    values: dict[str, str] = {}
    variables: dict[str, dict[str, str]] = {}
    """Container to variables that it has here alone, which win over its definition's."""
    router_files: dict[str, str] = {}
    """The user's own log router configuration as it stands in the router's image: absolute path to text."""
    router_folder: str = "/"
    """Where the log router's program starts, by its image: relative paths of its configuration lead there first."""
    collectors: dict[str, LocalCollector] = {}
    """Collectors of traces among its containers, by name."""
    own_region: tuple[str, ...] = ()
    """Containers whose image names an AWS region itself: they get no other."""
    debug: dict[str, Debugging] = {}
    """Containers for a debugger to attach to, by name."""
    native: Native | None = None
    """What runs in place of its main container."""
    credentials: Literal["none", "static", "profile", "role"] = "none"
    """The kind of credentials that its tasks are offered; the keys themselves are in `Private`."""
    aws: AwsEndpoint = "local"
    """Whether its tasks have the local AWS endpoint, where something of the environment needs one."""
    outputs: dict[str, str] = {}
    """What the local AWS endpoint made of addon templates: outputs and exports that are not secret, by name. Apart from
    `values`, which are the user's and win."""
    imports: tuple[str, ...] = ()
    """Exports that it names and that stacks here make: the local AWS endpoint gives them."""
    aws_port: int = 0
    """Where they reach it, on 127.0.0.1; 0 while there is none."""
    aws_names: bool = False
    """AWS's own host names are to lead its tasks to the endpoint as well."""

    connect_proxy: Literal["envoy", "none"] = "none"
    """What its tasks have of Service Connect, where they are connected."""
    connect_names: Literal["all", "ecs"] = "all"
    """Which of Service Connect's names its tasks find."""
    connect_log: Literal["", "text", "text-query", "json", "json-query"] = ""
    """The access log that the proxies of its tasks write."""

    @property
    def leads_names(self) -> bool:
        """Whether AWS's own host names lead its tasks to the endpoint."""
        return self.aws_names and self.aws_port > 0

    @property
    def offers_credentials(self) -> bool:
        """Whether the ECS credentials endpoint answers its tasks: with keys that were asked for, else with those of the
        local AWS endpoint."""
        return self.credentials != "none" or self.aws_port > 0


def load_settings(workspace: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The merged settings. Raises `InputError` with the file and what is wrong in it."""
    folder = configuration_folder(environment)
    theirs = files_of(workspace) if workspace is not None else ()
    files = [folder / STAND_INS_NAME, folder / FILE_NAME, *theirs]
    merged: dict[str, object] = {}
    for file in files:
        content = _read(file, workspace if file in theirs and workspace is not None else file.parent)
        if file in theirs and "trust" in content:
            position = Position(str(file), line_of(text_of(file), ("trust",)))
            raise InputError(
                "[trust] is taken from your own settings only, not from a workspace's",
                position=position,
                hint=f"it stands in {folder / FILE_NAME}",
            )
        for section, value in content.items():
            present = merged.get(section)
            merged[section] = {**present, **value} if isinstance(present, dict) and isinstance(value, dict) else value
            if section == VARIABLES_HERE and isinstance(present, dict) and isinstance(value, dict):
                merged[section] = {**present, **{name: {**present.get(name, {}), **of} for name, of in value.items()}}
    try:
        return from_plain(Settings, merged) if merged else make(Settings)
    except InvalidData as error:  # each file fits by itself
        where = " and ".join(str(file) for file in files if text_of(file).strip())
        raise InputError(f"{error} (in {where} together)", hint="see `copilot-local reference settings`") from None


def setting_position(workspace: Path, *keys: str) -> Position | None:
    """Where a settings file of the workspace has a key, given with its section: the one that wins; None where none
    has it."""
    for file in reversed(files_of(workspace)):
        if number := line_of(text_of(file), keys, missing=0):
            return Position(str(file), number)
    return None


def _read(file: Path, folder: Path) -> dict[str, object]:
    """What a file says. Paths in it are relative to `folder`."""
    text = text_of(file)
    if not text.strip():
        return {}
    try:
        content = tomllib.loads(text)
        settings = from_plain(Settings, content)
    except RecursionError:
        raise InputError(f"{file} is nested too deeply", hint="see `copilot-local reference settings`") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}", hint="see `copilot-local reference settings`") from None
    except InvalidData as error:
        first, *others = error.problems
        more = "".join(f"\n{problem} (line {line_of(text, problem.keys)})" for problem in others)
        position = Position(str(file), line_of(text, first.keys))
        raise InputError(f"{first}{more}", position=position, hint="see `copilot-local reference settings`") from None
    for section in FILLED_IN:
        if isinstance(table := content.get(section), dict):
            content[section] = {name: value for name, value in table.items() if value != ""}
    for section in ("values", "variables") if settings.beside.provides else ():
        table = content.get(section)
        content[section] = {**settings.beside.provides, **(table if isinstance(table, dict) else {})}
    for section, table in (("substitute", settings.substitute), ("images", settings.images)):
        if table:
            content[section] = {name: _target(folder, to) for name, to in table.items() if to != ""}
    if settings.sync:
        content["sync"] = [
            {**rule.model_dump(), "source": str((folder / Path(rule.source).expanduser()).resolve())}
            for rule in settings.sync
        ]
    if settings.beside.compose:
        files = [str((folder / Path(path).expanduser()).absolute()) for path in settings.beside.compose]
        content["beside"] = {**settings.beside.model_dump(exclude_defaults=True), "compose": files}
    if "seed" in content:
        content["seed"] = settings.seed.absolute(folder)
    if settings.trust.paths:
        paths = [str((folder / Path(path).expanduser()).resolve()) for path in settings.trust.paths]
        content["trust"] = {"paths": paths}
    return content


def _target(folder: Path, replacement: str | BuildSettings) -> str | BuildSettings:
    """Paths (`./x`, `../x`, `/x`, `~/x`; of a build all) made absolute; an image reference as it is."""
    if isinstance(replacement, BuildSettings):
        context, dockerfile = (
            str((folder / Path(path).expanduser()).resolve()) if path else ""
            for path in (replacement.context, replacement.dockerfile)
        )
        return replacement.model_copy(update={"context": context, "dockerfile": dockerfile})
    if replacement.startswith(("./", "../", "/", "~")) or replacement in (".", ".."):
        return str((folder / Path(replacement).expanduser()).resolve())
    return replacement
