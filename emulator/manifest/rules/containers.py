"""Rules for images, health checks, variables, secrets, sidecars and the log router."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Final

from emulator.manifest.rules.at import At
from emulator.manifest.rules.image_reference import reference
from emulator.manifest.rules.log_router import configuration_path
from emulator.manifest.schema.containers import (
    ContainerHealthCheck,
    Exec,
    Image,
    ImageSource,
    MountPoint,
    Secret,
    Sidecar,
    Variable,
)
from emulator.manifest.schema.logs import Logging
from emulator.manifest.schema.notations.values import format_duration
from emulator.manifest.yaml.nodes import Node, Scalar
from emulator.manifest.yaml.scalars import is_null
from emulator.secret_names import managed_problem, reference_problem

VOLUME_PATH: Final = r"[a-zA-Z0-9\-._/]+"
_SECOND = timedelta(seconds=1)
_RETENTIONS: Final = frozenset(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)


def image(image: Image, at: At) -> None:
    """Exactly one of build and location (Copilot: `ImageLocationOrBuild.validate`)."""
    _one_of_two(image, at)
    reference(image.location, at, "location")
    if getattr(image, "port", None) == 0:
        at.add("CL107", "0 is not a port", "port", copilot_accepts=True)


def _one_of_two(image: Image | ImageSource, at: At, more: str = "") -> None:
    """Build or location, unless one of them does not fit, which was said. `more` ends the hint where both are there."""
    wrong_build = image.build is None and not _is_blank(at.node.get("build"))
    both = image.location is not None
    if wrong_build or (not both and at.given("location")) or (both and at.is_undefined("build")):
        return
    if (image.build is not None) == both:
        message = "gives both build and location" if both else "gives neither build nor location"
        hint = f"give exactly one of build and location{more if both else ''}"
        at.add("CL120", message, *(("location",) if both else ()), hint=hint)


def _is_blank(node: Node | None) -> bool:
    return node is None or is_null(node) or (isinstance(node, Scalar) and not node.text)


def image_source(source: ImageSource, at: At) -> None:
    """A sidecar's image in its map form."""
    _one_of_two(source, at, "; in an environment, `image: <location>` as text replaces a build")
    reference(source.location, at, *(("location",) if at.node.entries else ()))


def health_check(check: ContainerHealthCheck, at: At) -> None:
    """ECS's limits (HealthCheck in the task definition), which Copilot leaves to the deployment."""
    limits = (
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("start_period", check.start_period, 0, 300),
    )
    for name, value, lowest, highest in limits:
        if value is None:
            continue
        if value % _SECOND:
            whole = format_duration(value // _SECOND * _SECOND)
            at.add("CL104", f"{format_duration(value)} is cut to {whole}", name, copilot_accepts=True)
        if not lowest * _SECOND <= value // _SECOND * _SECOND <= highest * _SECOND:
            message = f"{name} is {format_duration(value)}; ECS takes {lowest}s to {highest}s"
            at.add("CL151", message, name, copilot_accepts=True)
    if check.retries is not None and not 1 <= check.retries <= 10:
        at.add("CL151", f"retries is {check.retries}; ECS takes 1 to 10", "retries", copilot_accepts=True)
    if check.command is not None:
        _health_command(check.command, at)
    elif not at.given("command") and (any(value is not None for _, value, _, _ in limits) or check.retries is not None):
        message = "has no command, so Copilot adds `curl -f http://localhost/`"
        at.add("CL109", message, hint="give command, or leave the health check out", warning=True)


def _health_command(command: list[str], at: At) -> None:
    if command == ["NONE"]:
        return
    if len(command) > 1 and command[0] in ("CMD", "CMD-SHELL"):
        return
    hint = 'for example ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]'
    message = "the command must start with CMD or CMD-SHELL, and something to run must follow"
    at.add("CL151", message, "command", hint=hint, copilot_accepts=True)


def variable(value: Variable, at: At) -> None:
    """Copilot validates this for the main container only; the import would fail for the others too."""
    if value.from_cfn == "":
        main = at.path.startswith("variables")
        at.add("CL107", "from_cfn names no export", "from_cfn", copilot_accepts=not main)


def secret(secret: Secret, at: At) -> None:
    """ECS takes a parameter's name, or an ARN of Parameter Store or Secrets Manager; Copilot hands on whatever there
    is. What is empty is reported with the whole workload."""
    if secret.value_from and (problem := reference_problem(secret.value_from)):
        hint = "give the name of an SSM parameter, or the ARN of one or of a Secrets Manager secret"
        if found := re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", secret.value_from):
            hint = f"write ${{{found[1]}}} for the value of the variable {found[1]}"
        at.add("CL107", problem, hint=hint, copilot_accepts=True)
    if secret.secretsmanager and (problem := managed_problem(secret.secretsmanager)):
        hint = "give its name, or `secrets: {NAME: <ARN>}` with its ARN"
        at.add("CL107", problem, "secretsmanager", hint=hint, copilot_accepts=True)


def exec_(block: Exec, at: At) -> None:
    """`convertExecuteCommand` looks only at whether the map form is there."""
    if block.enable is False:
        message = "does not switch exec off: Copilot takes any map for on"
        at.add("CL109", message, "enable", hint="write `exec: false`", copilot_accepts=True)


def env_file(path: str | None, at: At) -> None:
    """Copilot takes the part after the last dot of the file's name (Go's filepath.Ext), so `.env` itself passes."""
    if path is None:
        return
    name = PurePosixPath(path.replace("\\", "/")).name
    if not name.endswith(".env"):
        at.add("CL122", f"{path!r} must end in .env", "env_file", hint="rename the file; ECS demands this extension")


def mount_point(mount: MountPoint, at: At) -> None:
    if not mount.source_volume:
        at.add("CL106", "source_volume is empty", "source_volume")
    mounted_path(mount.path, at)


def volume_path(path: str, at: At, key: str) -> None:
    if not path:
        at.add("CL106", f"{key} is empty", key)
    elif not re.fullmatch(VOLUME_PATH, path):
        at.add("CL134", f"{path!r} may only hold letters, digits and . - _ /", key)


def mounted_path(path: str, at: At) -> None:
    """Where a volume appears in a container."""
    volume_path(path, at, "path")
    if path and not path.startswith("/"):
        at.add("CL134", f"{path!r} does not begin with /, so the task cannot start", "path", copilot_accepts=True)


def mounted_twice(paths: Iterable[tuple[str, tuple[str | int, ...]]], at: At) -> None:
    """One path of a container that two volumes would have, each given with the keys that lead to it."""
    seen: set[str] = set()
    for path, keys in paths:
        plain = posixpath.normpath(path)
        if path and plain in seen:
            message = f"a volume is at {path} of this container already"
            at.add("CL134", message, *keys, hint="give each a path of its own", copilot_accepts=True)
        seen.add(plain)


def sidecar(sidecar: Sidecar, at: At) -> None:
    env_file(sidecar.env_file, at)
    if sidecar.port is not None and sidecar.port.protocol == "tls":
        at.add("CL107", "protocol tls is for load balancer listeners; a container has tcp or udp", "port")
    mounted_twice(
        ((mount.path, ("mount_points", index, "path")) for index, mount in enumerate(sidecar.mount_points)), at
    )


def logging(logging: Logging, at: At) -> None:
    if logging.firelens:
        env_file(logging.env_file, at)
        configuration_path(logging, at)
        reference(logging.image, at, "image")
    if logging.retention is not None and logging.retention not in _RETENTIONS:
        nearest = min(_RETENTIONS, key=lambda days: abs(days - (logging.retention or 0)))
        message = f"CloudWatch has no retention of {logging.retention} days"
        at.add("CL156", message, "retention", hint=f"{nearest} is the nearest", copilot_accepts=True)
    if logging.sidecars is not None or "sidecars" in at.node.entries:
        message = "logging.sidecars is copilot-local's own; Copilot ignores it"
        at.add("CL117", message, "sidecars", warning=True, copilot_refuses=True)
