"""The permissions that an `up` of a workspace needs: for what lies outside of it, and for what is the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.ecs.references import EnvFileReference
from emulator.ecs.service import Service
from emulator.errors import Position
from emulator.settings import BuildSettings, CredentialSettings, SecretSettings, Settings, setting_position
from emulator.settings_files import FILE_NAME, OWN_FILE
from emulator.trust.permission import Permission
from emulator.trust.root import is_inside, root_of
from emulator.workspace import SECRETS_FILE, VARIABLES_FILE, Workspace, copilot_files

DEVELOPER_CREDENTIALS = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        *("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_PAT", "GITLAB_TOKEN", "CI_JOB_TOKEN", "BITBUCKET_TOKEN"),
        *("NPM_TOKEN", "NODE_AUTH_TOKEN", "PYPI_TOKEN", "TWINE_PASSWORD", "POETRY_PYPI_TOKEN_PYPI", "UV_PUBLISH_TOKEN"),
        *("DOCKER_AUTH_CONFIG", "DOCKER_PASSWORD", "KUBECONFIG"),
        *("VAULT_TOKEN", "SSH_AUTH_SOCK", "CARGO_REGISTRY_TOKEN"),
        *("AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS", "DIGITALOCEAN_ACCESS_TOKEN", "CLOUDFLARE_API_TOKEN"),
        *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "SENTRY_AUTH_TOKEN", "HEROKU_API_KEY"),
    }
)
"""Variables that hold the credentials of the developer's own tools: a workspace that names one gets no such value from
the shell by that alone."""
_STEERS_AWS = re.compile(
    r"AWS_(PROFILE|DEFAULT_PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE|CA_BUNDLE|ENDPOINT_URL\w*)|HOME"
)
"""What decides which AWS credentials are read, and whom they are shown to."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a workspace and the options of one command come to, beside what the user's own settings alone do."""

    root: Path
    """Of the workspace."""
    services: Sequence[Service]
    settings: Settings
    own: Settings
    """Without the workspace's file."""
    credentials: CredentialSettings
    own_credentials: CredentialSettings
    secrets: SecretSettings
    own_secrets: SecretSettings
    shell: Mapping[str, Position | None] = field(default_factory=dict)
    """Variables of the shell that come into containers or builds, and where they are named."""
    file: Mapping[str, str] = field(default_factory=dict)
    """What the workspace's own `.env` says, as far as no variable of the shell wins."""
    compose: str = ""
    """A digest of what the Compose files of `[beside]` come to, where the workspace names them."""
    support_images: Sequence[str] = ()
    """References of the images that copilot-local itself runs."""
    workspace: Workspace | None = None
    """None for a plain task definition."""


def permissions(asked: Asked) -> list[Permission]:
    """What the workspace needs and the user's own settings and options do not give, each once."""
    folders = [root_of(asked.root), *(Path(path) for path in asked.own.trust.paths)]
    found = [
        *_credentials(asked),
        *_secrets(asked),
        *_live_destinations(asked),
        *_images(asked),
        *_compose(asked),
        *(Permission("variable", (name,), f"{name} of your shell", where) for name, where in asked.shell.items()
          if name in DEVELOPER_CREDENTIALS),
        *_paths(asked, folders),
    ]  # fmt: skip
    return list({permission.digest: permission for permission in found}.values())


def _credentials(asked: Asked) -> Iterator[Permission]:
    wanted = asked.credentials
    if wanted.source == "none":
        return
    yield from _steering(asked)
    if wanted == asked.own_credentials:
        return
    content = (wanted.source, wanted.profile, wanted.role_arn)
    match wanted.source:
        case "static":
            words, instead = "the AWS keys of your shell for its tasks", "static"
        case "profile":
            words, instead = f"credentials of {_profile(wanted.profile)} for its tasks", f"profile={wanted.profile}"
        case _:
            with_keys = f", assumed with {_profile(wanted.profile)}"
            words, instead = f"credentials of the role {wanted.role_arn}{with_keys}", f"role={wanted.role_arn}"
    where = setting_position(asked.root, "credentials", "source") or setting_position(asked.root, "credentials")
    yield Permission("credentials", content, words, where, f"--credentials {instead.rstrip('=')}")


def _secrets(asked: Asked) -> Iterator[Permission]:
    wanted = asked.secrets
    if wanted.source != "aws":
        return
    yield from _steering(asked)
    if wanted != asked.own_secrets:
        words = f"values of secrets from AWS, which is asked with {_profile(wanted.profile)}"
        where = setting_position(asked.root, "secrets", "source") or setting_position(asked.root, "secrets")
        yield Permission("secrets", ("aws", wanted.profile), words, where, "--secrets aws")


def _profile(name: str) -> str:
    return f"your AWS profile {name}" if name else "your AWS credentials"


def _steering(asked: Asked) -> Iterator[Permission]:
    """Variables of the workspace's `.env` that choose the developer's AWS credentials, or where they are sent."""
    for name, value in asked.file.items():
        if _STEERS_AWS.fullmatch(name):
            words = f"{name}={value} of its {VARIABLES_FILE} for how your AWS credentials are used"
            yield Permission("aws", (name, value), words)


def _live_destinations(asked: Asked) -> Iterator[Permission]:
    with_it, without = asked.settings.logs.destinations, asked.own.logs.destinations
    for name in sorted({*with_it, *without, "*"}):
        live = with_it.get(name, with_it.get("*")) == "live"
        if live and without.get(name, without.get("*")) != "live":
            which = "every log destination" if name == "*" else f"the log destination {name}"
            words = f"{which} is live: records leave this machine, with your credentials"
            instead = "--logs live" if name == "*" else f"--logs {name}=live"
            where = setting_position(asked.root, "logs", "destinations")
            yield Permission("logs", (name, "live"), words, where, instead)


def _images(asked: Asked) -> Iterator[Permission]:
    """Replaced images that are copilot-local's own: they run beside the tasks, with more rights than those have."""
    for reference in asked.support_images:
        to = asked.settings.substitute.get(reference)
        if to is not None and to != asked.own.substitute.get(reference):
            words = f"{to} in place of {reference}, which copilot-local itself runs"
            where = setting_position(asked.root, "substitute", reference)
            yield Permission("image", (reference, str(to)), words, where)


def _compose(asked: Asked) -> Iterator[Permission]:
    """Compose files: their services may mount what they like, and have any right that Docker gives."""
    if asked.compose:
        files = ", ".join(str(_relative(Path(file), asked.root)) for file in asked.settings.beside.compose)
        words = f"the services of {files}, with the folders, rights and variables of your shell that they name"
        where = setting_position(asked.root, "beside", "compose")
        yield Permission("compose", (asked.compose,), words, where)


def _paths(asked: Asked, folders: Sequence[Path]) -> Iterator[Permission]:
    """Files and folders outside of the root, by whatever they are named."""
    for purpose, path, where in (
        *_substituted(asked),
        *_synced(asked),
        *_seeds(asked),
        *_built(asked),
        *_environment_files(asked),
        *_own_files(asked),
    ):
        if not is_inside(path, folders):
            real = _real(path)
            through = "" if real == path.absolute() else f" ({path})"
            words = f"{real}{through}, outside of {folders[0]}: {purpose}"
            yield Permission("path", (purpose, str(real)), words, where)


_Named = Iterator[tuple[str, Path, Position | None]]


def _substituted(asked: Asked) -> _Named:
    tables = (
        ("substitute", asked.settings.substitute, asked.own.substitute),
        ("images", asked.settings.images, asked.own.images),
    )
    for section, table, own in tables:
        for name, to in table.items():
            if to != own.get(name):
                where = setting_position(asked.root, section, name)
                for path in _target_paths(asked.root, to):
                    yield f"it is built in place of {name}", path, where


def _target_paths(root: Path, to: str | BuildSettings) -> list[Path]:
    """The files and folders that are built where this stands for an image."""
    if isinstance(to, BuildSettings):
        dockerfile = to.dockerfile or f"{to.context}/Dockerfile"
        return [root / (to.context or Path(dockerfile).parent), root / dockerfile]
    path = root / Path(to).expanduser()
    found = [path] if to.startswith((".", "/", "~")) or path.exists() else []
    return [*found, path / "Dockerfile"] if path.is_dir() else found


def _synced(asked: Asked) -> _Named:
    for rule in asked.settings.sync:
        if rule not in asked.own.sync:
            container = f"{rule.service}/{rule.container}" if rule.container else rule.service
            yield f"it is copied into {container}", Path(rule.source), setting_position(asked.root, "sync", "source")


def _seeds(asked: Asked) -> _Named:
    seed, own = asked.settings.seed, asked.own.seed
    for kind in ("buckets", "tables", "queues", "secrets"):
        for name, path in getattr(seed, kind).items():
            if path != getattr(own, kind).get(name):
                yield f"the seed of {name}", Path(path), setting_position(asked.root, "seed", kind, name)
    for name, paths in seed.databases.items():
        for path in paths if paths != own.databases.get(name) else ():
            yield f"the seed of {name}", Path(path), setting_position(asked.root, "seed", "databases", name)
    if seed.parameters and seed.parameters != own.parameters:
        yield "the seed of parameters", Path(seed.parameters), setting_position(asked.root, "seed", "parameters")


def _built(asked: Asked) -> _Named:
    for service in asked.services:
        for container, build in service.builds.items():
            what = container if container == service.name else f"{service.name}/{container}"
            yield f"the build context of {what}", asked.root / build.context, build.position
            yield f"the Dockerfile of {what}", asked.root / build.dockerfile, build.position


def _environment_files(asked: Asked) -> _Named:
    for service in asked.services:
        for container in service.task_definition.container_definitions:
            for file in container.environment_files:
                if isinstance(file.value, EnvFileReference):
                    what = container.name if container.name == service.name else f"{service.name}/{container.name}"
                    yield f"the environment file of {what}", asked.root / file.value.name, file.value.position


def _own_files(asked: Asked) -> _Named:
    """The workspace's own files that are there and do not stand where they seem to, since a link leads elsewhere."""
    files: list[Path] = [asked.root / name for name in (FILE_NAME, OWN_FILE, VARIABLES_FILE, SECRETS_FILE)]
    if asked.workspace is not None:
        files += copilot_files(asked.workspace)
    real_root = asked.root.resolve()
    for file in files:
        relative = _relative(file, asked.root)
        if file.exists() and _real(file) != real_root / relative:
            yield f"{relative} is a link to it", file, None


def _relative(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
